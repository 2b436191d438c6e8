// SPDX-License-Identifier: ISC
//
// A passive OS fingerprint (pf.os(5)): what the first SYN of a system looks like, and what the system is called.

/** A number in a fingerprint: this one, any, or a multiple of it. */
export type Quantity =
  | { readonly kind: 'is' | 'multiple'; readonly value: number }
  | { readonly kind: 'any' };

/** A window may also be a multiple of the segment size, or of the MTU that goes with it. */
export type Window = Quantity | { readonly kind: 'segments' | 'packets'; readonly value: number };

/** One TCP option in its place; what it says is compared where it is one of `M` and `W`. */
export interface FingerprintOption {
  /** MSS, no operation, window scale, SACK permitted, timestamp; `0` a timestamp of zero. */
  readonly letter: 'M' | 'N' | 'W' | 'S' | 'T' | '0';
  readonly quantity: Quantity;
}

export interface Fingerprint {
  readonly window: Window;
  /** As it was sent; 40 hops are believed. */
  readonly ttl: number;
  readonly dontFragment: boolean;
  /** Of the IPv4 packet; of an IPv6 packet, 20 bytes less than it has. */
  readonly size: Quantity;
  readonly options: readonly FingerprintOption[];
  readonly class: string;
  readonly version: string;
  readonly subtype: string;
}

/** What rules may call the system: its class, with the version, with the subtype besides. */
export function namesOf({ class: name, version, subtype }: Fingerprint): readonly string[] {
  const parts = [name, version, subtype].filter((part) => part !== '');
  return parts.map((_, i) => parts.slice(0, i + 1).join(' '));
}
