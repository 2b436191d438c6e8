// SPDX-License-Identifier: ISC
//
// A kernel with a machine's interfaces and nothing behind them: configurations are tried in it before they are applied.

import type { LinkAddress } from '../abi/address.ts';
import { type Device, NO_CARRIER, type Outcome } from '../kernel/device.ts';
import { DirectClient } from './directClient.ts';

/** Adapters without a cable. */
const UNPLUGGED: Device = {
  capabilities: { checksum: false, tso4: false, tso6: false, uso: false },
  transmit: (): Outcome => NO_CARRIER,
};

/** A kernel on which no time passes. */
export function rehearsalKernel(
  interfaces: readonly {
    readonly name: string;
    readonly linkAddress: LinkAddress;
    readonly mtu: number;
  }[],
): DirectClient {
  const client = new DirectClient({ now: 0, seed: [1, 2, 3, 4] });
  for (const { name, linkAddress, mtu } of interfaces) {
    client.kernel.attach(name, UNPLUGGED, { linkAddress, mtu });
  }
  return client;
}
