// SPDX-License-Identifier: ISC
//
// Interfaces: what ifconfig(8) reads and sets (if.h, netintro(4)).

import type { Address, LinkAddress, Prefix } from './address.ts';
import type { CarpInfo } from './carp.ts';
import type { PfsyncInfo } from './pfsync.ts';

/** Interface flags, values of OpenBSD's net/if.h. */
export const IFF_UP = 0x1;
export const IFF_BROADCAST = 0x2;
export const IFF_LOOPBACK = 0x8;
export const IFF_POINTOPOINT = 0x10;
export const IFF_RUNNING = 0x40;
export const IFF_NOARP = 0x80;
export const IFF_PROMISC = 0x100;
export const IFF_SIMPLEX = 0x800;
export const IFF_MULTICAST = 0x8000;

/** Flag words in the order ifconfig(8) prints them. */
export const INTERFACE_FLAGS: readonly (readonly [number, string])[] = [
  [IFF_UP, 'UP'],
  [IFF_BROADCAST, 'BROADCAST'],
  [IFF_LOOPBACK, 'LOOPBACK'],
  [IFF_POINTOPOINT, 'POINTOPOINT'],
  [IFF_RUNNING, 'RUNNING'],
  [IFF_NOARP, 'NOARP'],
  [IFF_PROMISC, 'PROMISC'],
  [IFF_SIMPLEX, 'SIMPLEX'],
  [IFF_MULTICAST, 'MULTICAST'],
];

/** Counters of an interface in the order of `INTERFACE_COUNTERS`; packets count segments of a large frame. */
export const INTERFACE_COUNTERS = [
  'inputPackets',
  'inputBytes',
  'inputErrors',
  'inputDrops',
  'inputMulticasts',
  'outputPackets',
  'outputBytes',
  'outputErrors',
  'outputDrops',
  'outputMulticasts',
  'collisions',
] as const;
export type InterfaceCounter = (typeof INTERFACE_COUNTERS)[number];

export type InterfaceType = 'ethernet' | 'loopback' | 'vlan' | 'carp' | 'pfsync' | 'pflog';

/** State of an IPv6 address (RFC 4862). */
export type AddressState = 'tentative' | 'duplicated' | 'preferred';

export interface InterfaceAddress extends Prefix {
  readonly broadcast?: Address;
  readonly peer?: Address;
  readonly anycast?: boolean;
  readonly state?: AddressState;
}

export interface InterfaceInfo {
  readonly name: string;
  /** 1, 2, … in order of attachment; never used twice. */
  readonly index: number;
  readonly type: InterfaceType;
  readonly flags: number;
  readonly mtu: number;
  readonly linkAddress?: LinkAddress;
  /** 'active' or 'no carrier'; absent where the type has no carrier. */
  readonly link?: 'active' | 'no carrier';
  readonly groups: readonly string[];
  readonly description?: string;
  readonly priority: number;
  /** Main address of each family first, then aliases in the order they were set. */
  readonly addresses: readonly InterfaceAddress[];
  readonly multicast: readonly Address[];
  readonly counters: { readonly [K in InterfaceCounter]: number };
  readonly vlan?: { readonly tag: number; readonly parent: string };
  readonly carp?: CarpInfo;
  readonly pfsync?: PfsyncInfo;
}

export interface InterfaceCalls {
  'interface.list': [{ readonly name?: string }, readonly InterfaceInfo[]];
  /** Makes a cloned interface (`vlan0`, `lo1`, …). */
  'interface.create': [{ readonly name: string }, null];
  'interface.destroy': [{ readonly name: string }, null];
  'interface.set': [
    {
      readonly name: string;
      readonly up?: boolean;
      readonly mtu?: number;
      readonly linkAddress?: LinkAddress;
      readonly description?: string;
      readonly noArp?: boolean;
      readonly vlan?: { readonly tag: number; readonly parent: string };
    },
    null,
  ];
  /**
   * Adds an address. Without `alias` the main address of that family is replaced (SIOCSIFADDR); with it one is added
   * (SIOCAIFADDR). An IPv4 broadcast address defaults to the all-ones host of the prefix.
   */
  'interface.addAddress': [
    { readonly name: string; readonly address: InterfaceAddress; readonly alias: boolean },
    null,
  ];
  'interface.deleteAddress': [{ readonly name: string; readonly address: Address }, null];
  'interface.setGroup': [{ readonly name: string; readonly group: string; readonly member: boolean }, null];
  'interface.clearCounters': [{ readonly name?: string }, null];
}

export interface InterfaceEvents {
  /** Link state of a device changed, or an interface was set up or down. */
  'interface.state': { readonly name: string; readonly up: boolean; readonly link: boolean };
  'interface.addresses': { readonly name: string };
  /** Duplicate address detection found another holder (RFC 4862 5.4). */
  'interface.duplicate': { readonly name: string; readonly address: Address };
}
