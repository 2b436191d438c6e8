// SPDX-License-Identifier: ISC
//
// The kernel's only source of randomness: seeded from outside, so that a run can be repeated (arc4random(9)'s place).

/** xoshiro128**, by Blackman and Vigna: small, fast, and good enough for ports and ids; the seed makes it unpredictable. */
export class Random {
  private readonly state: Int32Array;

  /** Four 32-bit words, not all zero; from the operating system in the appliance, a fixed seed in tests. */
  constructor(seed: readonly number[]) {
    this.state = Int32Array.from([seed[0] ?? 1, seed[1] ?? 2, seed[2] ?? 3, seed[3] ?? 4]);
    if (this.state.every((word) => word === 0)) this.state[0] = 1;
  }

  /** 32 random bits as int32. */
  word(): number {
    const s = this.state;
    const scrambled = Math.imul(rotate(Math.imul(s[1]!, 5), 7), 9);
    const t = s[1]! << 9;
    s[2] = s[2]! ^ s[0]!;
    s[3] = s[3]! ^ s[1]!;
    s[1] = s[1]! ^ s[2]!;
    s[0] = s[0]! ^ s[3]!;
    s[2] = s[2]! ^ t;
    s[3] = rotate(s[3]!, 11);
    return scrambled;
  }

  /** A number from 0 to `bound` - 1, without bias that anyone could measure (arc4random_uniform). */
  below(bound: number): number {
    return Math.floor(((this.word() >>> 0) / 4294967296) * bound);
  }
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
