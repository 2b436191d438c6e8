// SPDX-License-Identifier: ISC
//
// A keyed hash of words that nobody without the key can predict: HalfSipHash-2-4, by Aumasson and Bernstein. Sequence numbers and
// syncookies are made with it.

import type { Random } from './random.ts';

export class KeyedHash {
  private key0: number;
  private key1: number;
  private readonly v = new Int32Array(4);

  constructor(random: Random) {
    this.key0 = random.word();
    this.key1 = random.word();
  }

  /** Another key from now on. */
  rekey(random: Random): void {
    this.key0 = random.word();
    this.key1 = random.word();
  }

  begin(): this {
    const { v } = this;
    v[0] = this.key0;
    v[1] = this.key1;
    v[2] = 0x6c796765 ^ this.key0;
    v[3] = 0x74656462 ^ this.key1;
    return this;
  }

  take(word: number): this {
    this.v[3] = this.v[3]! ^ word;
    this.round();
    this.round();
    this.v[0] = this.v[0]! ^ word;
    return this;
  }

  finish(): number {
    const { v } = this;
    v[2] = v[2]! ^ 0xff;
    for (let i = 0; i < 4; i++) this.round();
    return v[1]! ^ v[3]!;
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
