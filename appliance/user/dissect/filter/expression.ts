// SPDX-License-Identifier: ISC
//
// A capture filter as a tree: what the parser builds and the matcher walks.

import type { Prefix } from '../../../abi/address.ts';

export type Expression =
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not'; readonly operand: Expression }
  | Primitive;

/** Every primitive looks at the packet behind as many 802.1Q tags as `vlan` stood in front of it in the text. */
export type Primitive = { readonly tags: number } & (
  | HostPrimitive
  | PortPrimitive
  | { readonly kind: 'protocol'; readonly family: 4 | 6 | undefined; readonly number: number }
  | { readonly kind: 'etherType'; readonly type: number }
  | { readonly kind: 'etherHost'; readonly direction: Direction; readonly address: readonly number[] }
  | { readonly kind: 'broadcast' | 'multicast'; readonly layer: 'ether' | 'ip' | 'ip6' }
  | { readonly kind: 'length'; readonly least: number; readonly most: number }
  | { readonly kind: 'vlan'; readonly id: number | undefined }
  | { readonly kind: 'log'; readonly field: LogField; readonly value: string | number }
  | { readonly kind: 'compare'; readonly operator: Relation; readonly left: Term; readonly right: Term }
);

export interface HostPrimitive {
  readonly kind: 'host';
  /** Only in packets of this kind; IPv4 addresses are looked for in ip, arp and rarp without it. */
  readonly layer: AddressLayer | undefined;
  readonly direction: Direction;
  readonly prefix: Prefix;
}

export interface PortPrimitive {
  readonly kind: 'port';
  readonly protocol: 'tcp' | 'udp' | undefined;
  readonly direction: Direction;
  readonly low: number;
  readonly high: number;
}

export type AddressLayer = 'ip' | 'ip6' | 'arp' | 'rarp';
export type Direction = 'src' | 'dst' | 'either' | 'both';

/** What pflog(4) tells of a packet. */
export type LogField = 'interface' | 'rule' | 'subrule' | 'ruleset' | 'reason' | 'action' | 'direction';

export type Relation = '=' | '!=' | '<' | '>' | '<=' | '>=';

/** Arithmetic on unsigned 32-bit numbers. */
export type Term =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'length' }
  | { readonly kind: 'load'; readonly layer: Layer; readonly offset: Term; readonly size: number }
  | { readonly kind: 'binary'; readonly operator: Operator; readonly left: Term; readonly right: Term };

export type Operator = '+' | '-' | '*' | '/' | '&' | '|';

/** What an offset in brackets counts from. */
export type Layer = 'ether' | 'ip' | 'ip6' | 'arp' | 'rarp' | 'tcp' | 'udp' | 'icmp' | 'icmp6' | 'igmp';

/** A mistake in a filter, with the position in its text where it shows. */
export class FilterError extends Error {
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.name = 'FilterError';
    this.position = position;
  }
}
