// SPDX-License-Identifier: ISC
//
// Numbers that nobody else can predict, from a secret and the two endpoints: initial sequence numbers (RFC 6528) and the
// offset of a connection's timestamps (RFC 7323 5.4).

import { KeyedHash } from '../../keyedHash.ts';
import type { Random } from '../../random.ts';
import type { Pcb } from '../pcb.ts';

export class SequenceSecret {
  private readonly keyed: KeyedHash;

  constructor(random: Random) {
    this.keyed = new KeyedHash(random);
  }

  /** M + F(endpoints, secret), where M counts in units of 4 microseconds (RFC 6528 3). */
  initialSequence(pcb: Pcb, now: number): number {
    return (this.hash(pcb, 0) + (Math.floor(now / 4) | 0)) | 0;
  }

  timestampOffset(pcb: Pcb): number {
    return this.hash(pcb, 1);
  }

  private hash(pcb: Pcb, purpose: number): number {
    const keyed = this.keyed.begin();
    for (let i = 0; i < 4; i++) keyed.take(pcb.local[i]!).take(pcb.remote[i]!);
    return keyed
      .take((pcb.localPort << 16) | pcb.remotePort)
      .take(purpose)
      .finish();
  }
}
