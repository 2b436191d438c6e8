// SPDX-License-Identifier: ISC
//
// What an advertisement's HMAC covers (carp_hmac_prepare): version, type, vhid and every address of the interface, so that two
// machines with other addresses never take each other for one. The passphrase is the key.

import { INET, INET6 } from '../../abi/address.ts';
import { CARP_PASSPHRASE_LENGTH } from '../../abi/carp.ts';
import { setI32 } from '../../wire/bytes.ts';
import * as carp from '../../wire/carp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Interface } from '../link/interface.ts';

/** HMAC-SHA1 (RFC 2104), 20 bytes. The kernel is handed one. */
export type HmacSha1 = (key: Uint8Array, message: Uint8Array) => Uint8Array;

/** What the digests of one interface are made of besides a node's vhid and counter. */
export interface DigestSource {
  readonly on: Interface;
  readonly key: Uint8Array;
  /** The administrator's Ethernet address, where it is neither a virtual one nor the parent's. */
  readonly lladdr: Uint8Array | undefined;
}

/** The bytes of a passphrase that count. */
export function keyOf(passphrase: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of passphrase) bytes.push(...utf8(character.codePointAt(0)!));
  return Uint8Array.from(bytes.slice(0, CARP_PASSPHRASE_LENGTH));
}

function utf8(point: number): number[] {
  if (point < 0x80) return [point];
  if (point < 0x800) return [0xc0 | (point >>> 6), 0x80 | (point & 63)];
  if (point < 0x10000) return [0xe0 | (point >>> 12), 0x80 | ((point >>> 6) & 63), 0x80 | (point & 63)];
  return [
    0xf0 | (point >>> 18),
    0x80 | ((point >>> 12) & 63),
    0x80 | ((point >>> 6) & 63),
    0x80 | (point & 63),
  ];
}

/**
 * The message up to the counter, which is the last eight bytes and still zero. `linkLocal` says whether link-local addresses are
 * part of it: they are not in what is sent, but some send them, so both are accepted.
 */
export function messageOf(source: DigestSource, vhid: number, linkLocal: boolean): Uint8Array {
  const bytes = [carp.VERSION, carp.TYPE_ADVERTISEMENT, ...(source.lladdr ?? []), vhid];
  for (const word of addresses4(source.on)) bytes.push(...bytesOf([word]));
  for (const words of addresses6(source.on, linkLocal)) bytes.push(...bytesOf(words));
  const message = new Uint8Array(bytes.length + carp.COUNTER_LENGTH);
  message.set(bytes);
  return message;
}

/** Ascending, each once. */
function addresses4(on: Interface): number[] {
  const words = on.addresses.filter((one) => one.family === INET).map((one) => one.words[0]!);
  return [...new Set(words)]
    .filter((word) => word !== ipv4.ANY && word !== ipv4.BROADCAST)
    .sort((a, b) => (a >>> 0) - (b >>> 0));
}

function addresses6(on: Interface, linkLocal: boolean): Int32Array[] {
  return on.addresses
    .filter((one) => one.family === INET6 && (linkLocal || !ipv6.isLinkLocal(one.words[0]!)))
    .map((one) => one.words)
    .sort(compare);
}

function compare(a: Int32Array, b: Int32Array): number {
  for (let i = 0; i < 4; i++) {
    const difference = (a[i]! >>> 0) - (b[i]! >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function bytesOf(words: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 * words.length);
  for (let i = 0; i < words.length; i++) setI32(bytes, 4 * i, words[i]!);
  return bytes;
}

/** The digest of a message for one counter. */
export function digest(
  hmac: HmacSha1,
  key: Uint8Array,
  message: Uint8Array,
  high: number,
  low: number,
): Uint8Array {
  const at = message.length - carp.COUNTER_LENGTH;
  setI32(message, at, high);
  setI32(message, at + 4, low);
  return hmac(key, message);
}

/** Whether the bytes at a position are that digest; takes as long whether they are or not. */
export function sameDigest(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < carp.DIGEST_LENGTH; i++) difference |= bytes[at + i]! ^ wanted[i]!;
  return difference === 0;
}
