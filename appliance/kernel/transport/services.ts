// SPDX-License-Identifier: ISC
//
// What the transports are built from: the kernel's services, handed in by kernel.ts.

import type { KernelEvent } from '../../abi/client.ts';
import type { SysctlName } from '../../abi/system.ts';
import type { Clock } from '../clock.ts';
import type { PacketPool } from '../packet.ts';
import type { Random } from '../random.ts';
import type { Timeouts } from '../timeout.ts';
import type { Networks } from './network.ts';
import type { SocketTable } from './socket.ts';

/** Settings by name (sysctl(2)). */
export interface Settings {
  get(name: SysctlName): number;
}

export interface TransportServices {
  readonly networks: Networks;
  readonly clock: Clock;
  readonly timeouts: Timeouts;
  readonly random: Random;
  readonly pool: PacketPool;
  readonly sysctl: Settings;
  readonly sockets: SocketTable;
  readonly emit: (event: KernelEvent) => void;
}
