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
  /** Whether packets are sealed with a key. */
  readonly sealed: boolean;
  /** Whether the first packet of a connection waits until the peer has its state. */
  readonly defer: boolean;
  /** What the bulk update at the start is at: not asked for, waiting for the link, asked, arriving, had. */
  readonly bulk: 'none' | 'start' | 'sent' | 'bulk' | 'done';
  /** Peers that were heard to speak our own messages, by host id; whether their main ruleset is ours. */
  readonly peers: readonly PfsyncPeer[];
  /** How far the others are behind; absent while no states are exchanged. */
  readonly lag?: PfsyncLag;
}

export interface PfsyncPeer {
  readonly hostId: number;
  readonly sameRuleset: boolean;
  /** Seconds since it said so. */
  readonly ago: number;
}

export interface PfsyncLag {
  /** States and deletions that the others have not been told of. */
  readonly waiting: number;
  /** Seconds for which the oldest of them has waited, at most. */
  readonly oldest: number;
  /** Seconds since anything was heard of anybody; absent when nothing was. */
  readonly heardAgo?: number;
}

export const PFSYNC_MAXIMUM_UPDATES = 255;

/** Never read back. */
export interface PfsyncKey {
  /** 32 bytes, which all machines share. */
  readonly secret: Uint8Array;
  /** 8 bytes that never come twice with this key, and are higher, as a big-endian number, each time this machine sets one. */
  readonly stream: Uint8Array;
}

export interface PfsyncCalls {
  /** Changes what is given; `null` takes a device or peer away. Device and peer cannot be changed while it runs (EBUSY). */
  'pfsync.set': [
    {
      readonly name: string;
      readonly syncDevice?: string | null;
      readonly peer?: Address | null;
      readonly maxUpdates?: number;
      readonly defer?: boolean;
      readonly key?: PfsyncKey | null;
    },
    null,
  ];
}
