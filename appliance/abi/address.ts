// SPDX-License-Identifier: ISC
//
// Addresses as the kernel and userland exchange them: words, never text (addressText.ts has the text).

/** Address family, by IP version number. */
export type Family = 4 | 6;

export const INET = 4;
export const INET6 = 6;

/**
 * An IP address. `words` are signed 32-bit integers, most significant first: one for IPv4, four for IPv6.
 * 192.0.2.1 is `{ family: 4, words: [0xc0000201 | 0] }`.
 */
export interface Address {
  readonly family: Family;
  readonly words: readonly number[];
}

/** An address with the number of leading bits that matter; host bits may be set (interface addresses keep them). */
export interface Prefix extends Address {
  readonly length: number;
}

/** Number of bits of an address of this family: 32 or 128. */
export function addressBits(family: Family): number {
  return family === INET ? 32 : 128;
}

export function ipv4(word: number): Address {
  return { family: INET, words: [word | 0] };
}

export function ipv6(w0: number, w1: number, w2: number, w3: number): Address {
  return { family: INET6, words: [w0 | 0, w1 | 0, w2 | 0, w3 | 0] };
}

/** Same family and same words. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.family === b.family && a.words.every((word, i) => word === b.words[i]);
}

/** Order of prefixes in listings and pools: by family, then by address, of equal ones the longer first. */
export function comparePrefixes(
  a: { readonly family: Family; readonly words: ArrayLike<number>; readonly length: number },
  b: { readonly family: Family; readonly words: ArrayLike<number>; readonly length: number },
): number {
  if (a.family !== b.family) return a.family - b.family;
  for (let i = 0; i < a.words.length; i++) {
    const difference = (a.words[i]! >>> 0) - (b.words[i]! >>> 0);
    if (difference !== 0) return difference;
  }
  return b.length - a.length;
}

/** The mask of word `index` for a prefix of `length` bits, as int32. */
export function maskWord(length: number, index: number): number {
  const bits = length - 32 * index;
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : -1 << (32 - bits);
}

/** The prefix with its host bits cleared. */
export function network(prefix: Prefix): Prefix {
  return {
    family: prefix.family,
    words: prefix.words.map((word, i) => word & maskWord(prefix.length, i)),
    length: prefix.length,
  };
}

/** Whether `address` lies in `prefix`. */
export function contains(prefix: Prefix, address: Address): boolean {
  return (
    prefix.family === address.family &&
    prefix.words.every((word, i) => ((word ^ address.words[i]!) & maskWord(prefix.length, i)) === 0)
  );
}

/** A full-length prefix: one host. */
export function hostPrefix(address: Address): Prefix {
  return { ...address, length: addressBits(address.family) };
}

/** All bits zero: the unspecified address. */
export function isUnspecified(address: Address): boolean {
  return address.words.every((word) => word === 0);
}

/** IPv6 link-local unicast, fe80::/10 (RFC 4291 2.5.6). */
export function isLinkLocal(address: Address): boolean {
  return address.family === INET6 && (address.words[0]! & 0xffc00000) === (0xfe800000 | 0);
}

/** Ethernet address as six numbers 0-255. */
export type LinkAddress = readonly number[];
