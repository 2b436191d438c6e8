// SPDX-License-Identifier: ISC
//
// Which of our addresses a packet to somewhere gets as its source (RFC 6724 section 5).

import { INET6, maskWord } from '../../abi/address.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Interface, InterfaceAddress } from '../link/interface.ts';
import type { LocalAddress } from './local6.ts';

/** The default policy table (RFC 6724 2.1) as far as labels go: prefix words, length, label. Longest prefix first. */
const LABELS: readonly (readonly [readonly number[], number, number])[] = [
  [[0, 0, 0, 1], 128, 0],
  [[0, 0, 0xffff, 0], 96, 4],
  [[0, 0, 0, 0], 96, 3],
  [[0x20010000, 0, 0, 0], 32, 5],
  [[0x20020000, 0, 0, 0], 16, 2],
  [[0x3ffe0000, 0, 0, 0], 16, 12],
  [[0xfec00000 | 0, 0, 0, 0], 10, 11],
  [[0xfc000000 | 0, 0, 0, 0], 7, 13],
  [[0, 0, 0, 0], 0, 1],
];

/**
 * The best source for `destination` (four words) among the addresses of `interfaces`, when the packet leaves by `out`;
 * undefined when there is none. A link-local or multicast destination of link scope takes addresses of `out` only.
 */
export function selectSource(
  interfaces: Iterable<Interface>,
  out: Interface,
  destination: Int32Array,
): LocalAddress | undefined {
  const scope = scopeOf(destination);
  let best: LocalAddress | undefined;
  for (const on of interfaces) {
    if (on !== out && scope <= ipv6.SCOPE_LINK_LOCAL) continue;
    for (const address of on.addresses) {
      if (!isCandidate(address) || (on !== out && staysOnLink(address))) continue;
      const candidate = { on, address };
      if (best === undefined || better(candidate, best, out, destination, scope)) best = candidate;
    }
  }
  return best;
}

/** Anycast addresses are left out (RFC 6724 4), as are those that detection has not cleared (RFC 4862 5.4). */
function isCandidate(address: InterfaceAddress): boolean {
  return address.family === INET6 && !address.anycast && address.state === 'preferred';
}

/** Link-local addresses and ::1 mean nothing beyond the interface that has them. */
function staysOnLink(address: InterfaceAddress): boolean {
  return scopeOf(address.words) <= ipv6.SCOPE_LINK_LOCAL;
}

/** Whether `a` goes before `b`: the rules in order; where all tie, the one found first stays. */
function better(
  a: LocalAddress,
  b: LocalAddress,
  out: Interface,
  destination: Int32Array,
  scope: number,
): boolean {
  const sameA = commonPrefix(a.address.words, destination) === 128;
  if (sameA || commonPrefix(b.address.words, destination) === 128) return sameA; // rule 1
  const scopeA = scopeOf(a.address.words);
  const scopeB = scopeOf(b.address.words);
  if (scopeA !== scopeB) return scopeA < scopeB ? scopeA >= scope : scopeB < scope; // rule 2
  if ((a.on === out) !== (b.on === out)) return a.on === out; // rule 5
  const label = labelOf(destination);
  const labelA = labelOf(a.address.words) === label;
  if (labelA !== (labelOf(b.address.words) === label)) return labelA; // rule 6
  return reach(a.address, destination) > reach(b.address, destination); // rule 8
}

/** Bits in common, those of the source's interface identifier not counted (RFC 6724 2.2). */
function reach(address: InterfaceAddress, destination: Int32Array): number {
  return Math.min(commonPrefix(address.words, destination), address.length);
}

/** Number of leading bits that two addresses share. */
export function commonPrefix(a: Int32Array, b: Int32Array): number {
  for (let i = 0; i < 4; i++) {
    const difference = a[i]! ^ b[i]!;
    if (difference !== 0) return 32 * i + Math.clz32(difference);
  }
  return 128;
}

/** Scope of any address in the numbers of multicast scopes; ::1 counts as link-local (RFC 6724 3.1). */
function scopeOf(words: Int32Array): number {
  const w0 = words[0]!;
  if (ipv6.isMulticast(w0)) return ipv6.multicastScope(w0);
  if (ipv6.isLinkLocal(w0) || ipv6.isLoopback(w0, words[1]!, words[2]!, words[3]!)) {
    return ipv6.SCOPE_LINK_LOCAL;
  }
  return w0 >>> 22 === 0x3fb ? ipv6.SCOPE_SITE_LOCAL : ipv6.SCOPE_GLOBAL;
}

function labelOf(words: Int32Array): number {
  for (const [prefix, length, label] of LABELS) {
    if (prefix.every((word, i) => ((word ^ words[i]!) & maskWord(length, i)) === 0)) return label;
  }
  return 1;
}
