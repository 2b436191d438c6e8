// SPDX-License-Identifier: ISC
//
// What the administrator says of pfsync0.

import type { Interface } from '../link/interface.ts';
import type { Seal } from './seal.ts';

/** Segments of one connection after which its update is sent at once. */
const DEFAULT_MAXIMUM = 128;

export class PfsyncSettings {
  syncdev: Interface | undefined;
  /** IPv4 address of the one other machine; 0 for the group. */
  peer = 0;
  maxUpdates = DEFAULT_MAXIMUM;
  defer = false;
  /** Where the machines share a key. */
  seal: Seal | undefined;
}
