// SPDX-License-Identifier: ISC
//
// pfsync(4): what ifconfig(8) and pfctl(8) read and set of it.

import type { Address } from './address.ts';

export interface PfsyncInfo {
  /** The interface that states travel by. */
  readonly syncDevice?: string;
  /** Unicast peer; absent where they go to the group. */
  readonly peer?: Address;
  /** Updates of one state that are put together at most. */
  readonly maxUpdates: number;
  /** Whether the first packet of a connection waits until the peer has its state. */
  readonly defer: boolean;
  /** What the bulk update at the start is at: not asked for, waiting for the link, asked, arriving, had. */
  readonly bulk: 'none' | 'start' | 'sent' | 'bulk' | 'done';
  /** Peers that were heard to speak our own messages, by host id; whether their main ruleset is ours. */
  readonly peers: readonly { readonly hostId: number; readonly sameRuleset: boolean }[];
}

export const PFSYNC_MAXIMUM_UPDATES = 255;

export interface PfsyncCalls {
  /** Changes what is given; `null` takes a device or peer away. Device and peer cannot be changed while it runs (EBUSY). */
  'pfsync.set': [
    {
      readonly name: string;
      readonly syncDevice?: string | null;
      readonly peer?: Address | null;
      readonly maxUpdates?: number;
      readonly defer?: boolean;
    },
    null,
  ];
}
