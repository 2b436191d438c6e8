// SPDX-License-Identifier: ISC
//
// carp(4): what ifconfig(8) reads and sets of a carp interface, and the demotion counters of interface groups.

import type { Address } from './address.ts';

export type CarpState = 'INIT' | 'BACKUP' | 'MASTER';

/** How several nodes share the traffic of one address. */
export const CARP_BALANCINGS = ['none', 'ip', 'ip-stealth', 'ip-unicast'] as const;
export type CarpBalancing = (typeof CARP_BALANCINGS)[number];

export const CARP_MAXIMUM_VHID = 255;
export const CARP_MAXIMUM_NODES = 32;
export const CARP_MAXIMUM_ADVBASE = 255;
export const CARP_MAXIMUM_ADVSKEW = 254;
/** Bytes of a passphrase that count; what is behind them is cut, as the original does. */
export const CARP_PASSPHRASE_LENGTH = 19;

export interface CarpNode {
  readonly vhid: number;
  readonly advskew: number;
}

/** The last advertisement of another member that was authentic. */
export interface CarpHeard {
  readonly from: Address;
  readonly advbase: number;
  /** 255: it bowed out. */
  readonly advskew: number;
  readonly demotion: number;
  /** Seconds since it came. */
  readonly ago: number;
}

export interface CarpInfo {
  readonly parent?: string;
  /** Seconds between advertisements, to which advskew adds 256ths. */
  readonly advbase: number;
  readonly balancing: CarpBalancing;
  /** In order of vhid; the first is the one whose Ethernet address the interface has. */
  readonly nodes: readonly (CarpNode & { readonly state: CarpState; readonly heard?: CarpHeard })[];
  /** Unicast peer; absent where advertisements go to the group. */
  readonly peer?: Address;
  /** What it advertises: the sum over its groups, 255 at most. */
  readonly demotion: number;
}

export interface CarpCalls {
  /** Changes what is given; `null` takes a parent or peer away. */
  'carp.set': [
    {
      readonly name: string;
      readonly parent?: string | null;
      readonly nodes?: readonly CarpNode[];
      /** Of an interface with one node. */
      readonly vhid?: number;
      readonly advskew?: number;
      readonly advbase?: number;
      /** Never read back. */
      readonly passphrase?: string;
      readonly peer?: Address | null;
      readonly balancing?: CarpBalancing;
      /** Makes every node master or backup by hand; `INIT` does nothing to one that runs. */
      readonly state?: CarpState;
    },
    null,
  ];
  /** Adds to the demotion counter of an interface group; it never falls below 0. */
  'group.demote': [{ readonly group: string; readonly amount: number }, { readonly demotion: number }];
  /** The demotion counter of a group, and its members; ENXIO when nobody is in it. */
  'group.get': [
    { readonly group: string },
    { readonly demotion: number; readonly members: readonly string[] },
  ];
}

export interface CarpEvents {
  'carp.state': {
    readonly name: string;
    readonly vhid: number;
    readonly from: CarpState;
    readonly to: CarpState;
  };
}
