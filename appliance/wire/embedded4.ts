// SPDX-License-Identifier: ISC
//
// IPv4 addresses within IPv6 ones (RFC 6052 2.2): behind a prefix of 32 to 96 bits, going round the octet at bit 64, which is zero.

const ROUND_OCTET = 64;
const LENGTHS: readonly number[] = [32, 40, 48, 56, 64, 96];
/** The length of the well-known prefix 64:ff9b::/96, and of what is said without a length. */
export const DEFAULT_LENGTH = 96;

/** Whether a prefix of so many bits can hold an IPv4 address. */
export function isLength(length: number): boolean {
  return LENGTHS.includes(length);
}

/** The IPv4 address in the words of an IPv6 one, behind a prefix of `length` bits. */
export function extract(words: Int32Array, length: number): number {
  if (length > ROUND_OCTET) return words[3]!;
  const behind = (words[2]! << 8) | (words[3]! >>> 24);
  const bits = length - 32;
  if (bits === 0) return words[1]!;
  return bits === 32 ? behind : (words[1]! << bits) | (behind >>> (32 - bits));
}

/** Writes prefix and address into `into`, whose suffix becomes zero. */
export function embed(prefix: Int32Array, length: number, address: number, into: Int32Array): void {
  into[0] = prefix[0]!;
  into[1] = prefix[1]!;
  into[2] = length > ROUND_OCTET ? prefix[2]! : 0;
  into[3] = length > ROUND_OCTET ? address : 0;
  if (length > ROUND_OCTET) return;
  const bits = length - 32;
  if (bits < 32) into[1] = (prefix[1]! & ~(-1 >>> bits)) | (address >>> bits);
  if (bits === 0) return;
  const behind = bits === 32 ? address : address << (32 - bits);
  into[2] = behind >>> 8;
  into[3] = behind << 24;
}
