// SPDX-License-Identifier: ISC
//
// Who wants to see the packets that IP forwards, before they leave.

import type { Packet } from './packet.ts';

export interface ForwardObserver {
  /** The filter has let the packet pass; `packet.family`, `network`, `transport`, `protocol` and `end` are set. It is not to be changed. */
  forwarded(packet: Packet): void;
}
