// SPDX-License-Identifier: ISC
//
// Numbers that nobody else can predict, from a secret and the two endpoints: initial sequence numbers (RFC 6528) and the
// offset of a connection's timestamps (RFC 7323 5.4). The keyed function is HalfSipHash-2-4, by Aumasson and Bernstein.

import type { Random } from '../../random.ts';
import type { Pcb } from '../pcb.ts';

export class SequenceSecret {
  private readonly key0: number;
  private readonly key1: number;
  private readonly v = new Int32Array(4);

  constructor(random: Random) {
    this.key0 = random.word();
    this.key1 = random.word();
  }

  /** M + F(endpoints, secret), where M counts in units of 4 microseconds (RFC 6528 3). */
  initialSequence(pcb: Pcb, now: number): number {
    return (this.hash(pcb, 0) + (Math.floor(now / 4) | 0)) | 0;
  }

  timestampOffset(pcb: Pcb): number {
    return this.hash(pcb, 1);
  }

  private hash(pcb: Pcb, purpose: number): number {
    const v = this.v;
    v[0] = this.key0;
    v[1] = this.key1;
    v[2] = 0x6c796765 ^ this.key0;
    v[3] = 0x74656462 ^ this.key1;
    for (let i = 0; i < 4; i++) {
      this.take(pcb.local[i]!);
      this.take(pcb.remote[i]!);
    }
    this.take((pcb.localPort << 16) | pcb.remotePort);
    this.take(purpose);
    v[2] = v[2]! ^ 0xff;
    for (let i = 0; i < 4; i++) this.round();
    return v[1]! ^ v[3]!;
  }

  private take(word: number): void {
    this.v[3] = this.v[3]! ^ word;
    this.round();
    this.round();
    this.v[0] = this.v[0]! ^ word;
  }

  private round(): void {
    const v = this.v;
    v[0] = v[0]! + v[1]!;
    v[1] = rotate(v[1]!, 5) ^ v[0];
    v[0] = rotate(v[0], 16);
    v[2] = v[2]! + v[3]!;
    v[3] = rotate(v[3]!, 8) ^ v[2];
    v[0] = v[0] + v[3];
    v[3] = rotate(v[3], 7) ^ v[0];
    v[2] = v[2] + v[1];
    v[1] = rotate(v[1], 13) ^ v[2];
    v[2] = rotate(v[2], 16);
  }
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
