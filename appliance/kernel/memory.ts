// SPDX-License-Identifier: ISC
//
// Memory for tables that grow large: handed in, for where it lies decides how fast a million states are found.

/** So many words, all zero, for good. */
export type Memory = (words: number) => Int32Array;

export const plainMemory: Memory = (words) => new Int32Array(words);
