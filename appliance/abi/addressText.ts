// SPDX-License-Identifier: ISC
//
// Addresses as text, read and written in this one place: dotted quad, RFC 4291/5952 text, prefixes, Ethernet.

import { Address4, Address6 } from 'ip-address';
import {
  type Address,
  addressBits,
  INET,
  INET6,
  isLinkLocal,
  type LinkAddress,
  type Prefix,
} from './address.ts';

/** Words of an address written as text, or undefined when it is not one. A scope (`%vr0`) is not accepted here. */
export function parseAddress(text: string): Address | undefined {
  if (text.includes('/') || text.includes('%')) return undefined;
  if (Address4.isValid(text)) return { family: INET, words: wordsOf(new Address4(text).toArray()) };
  if (text.includes(':') && Address6.isValid(text)) {
    return { family: INET6, words: wordsOf(bytesOfIpv6(new Address6(text))) };
  }
  return undefined;
}

/** `fe80::1%vr0`: a link-local address and the interface whose link it is on; other addresses have none (RFC 4007 11). */
export function parseZonedAddress(text: string): { address: Address; zone?: string } | undefined {
  const [bare = '', zone, ...more] = text.split('%');
  const address = parseAddress(bare);
  if (address === undefined || zone === '' || more.length > 0) return undefined;
  if (zone === undefined) return { address };
  return isLinkLocal(address) ? { address, zone } : undefined;
}

/** `ADDRESS/LENGTH`, or a bare address as a host; undefined when it is neither. Host bits are kept. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  if (slash < 0) return { ...address, length: addressBits(address.family) };
  const digits = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(digits) || Number(digits) > addressBits(address.family)) return undefined;
  return { ...address, length: Number(digits) };
}

/** `10` and `10.1` of networks as `10/8` and `10.1/16`: what is left out is zero (inet_net_pton(3)). */
export function parseShortAddress(text: string): Address | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){0,3}$/.test(text)) return undefined;
  const bytes = text.split('.').map(Number);
  if (bytes.some((byte) => byte > 255)) return undefined;
  const word = [0, 1, 2, 3].reduce((sum, i) => (sum << 8) | (bytes[i] ?? 0), 0);
  return { family: INET, words: [word] };
}

/** `a.b.c.d`, or the RFC 5952 form. */
export function formatAddress(address: Address): string {
  if (address.family === INET) return dotted(address.words[0]!);
  return formatIpv6(address.words);
}

/** The address, with `/length` where it is not a whole host. */
export function formatPrefix(prefix: Prefix): string {
  const text = formatAddress(prefix);
  return prefix.length === addressBits(prefix.family) ? text : `${text}/${prefix.length}`;
}

/** Six bytes of `aa:bb:cc:dd:ee:ff`, or undefined. One-digit groups are accepted, as ether_aton(3) does. */
export function parseLinkAddress(text: string): LinkAddress | undefined {
  const groups = text.split(':');
  if (groups.length !== 6 || !groups.every((group) => /^[0-9a-f]{1,2}$/i.test(group))) return undefined;
  return groups.map((group) => Number.parseInt(group, 16));
}

export function formatLinkAddress(address: LinkAddress): string {
  return address.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function dotted(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** RFC 5952: lower case, no leading zeros, the longest (first) run of two or more zero groups as `::`. */
function formatIpv6(words: readonly number[]): string {
  if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) return `::ffff:${dotted(words[3]!)}`;
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > length) [start, length] = [i, run];
  }
  const text = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return start < 0 ? text(0, 8) : `${text(0, start)}::${text(start + length, 8)}`;
}

function bytesOfIpv6(address: Address6): number[] {
  const bytes = address.toUnsignedByteArray();
  return [...Array<number>(16 - bytes.length).fill(0), ...bytes];
}

function wordsOf(bytes: readonly number[]): number[] {
  const words: number[] = [];
  for (let i = 0; i < bytes.length; i += 4) {
    words.push((bytes[i]! << 24) | (bytes[i + 1]! << 16) | (bytes[i + 2]! << 8) | bytes[i + 3]!);
  }
  return words;
}
