// SPDX-License-Identifier: ISC
//
// The table of calls: which part of the kernel answers what. Every call of abi/client.ts must be here or it does not compile.

import type { Calls, Handlers } from '../abi/client.ts';
import type { NeighborCalls } from '../abi/neighbor.ts';
import type { SocketCalls } from '../abi/socket.ts';
import { SYSCTLS, type SysctlName } from '../abi/system.ts';
import type { CarpHandlers } from './carp/calls.ts';
import type { Clock } from './clock.ts';
import { SECOND } from './clock.ts';
import type { Counters } from './counters.ts';
import type { Captures } from './link/capture.ts';
import type { InterfaceHandlers } from './link/interfaceCalls.ts';
import type { PfHandlers } from './pf/calls.ts';
import type { PfsyncHandlers } from './pfsync/calls.ts';
import type { SavedStates } from './pfsync/savedStates.ts';
import type { RouteHandlers } from './route/routeCalls.ts';
import type { Sysctl } from './sysctl.ts';

export type CallTable = Handlers<Calls>;

export interface Parts {
  readonly clock: Clock;
  readonly sysctl: Sysctl;
  readonly captures: Captures;
  readonly carpHandlers: CarpHandlers;
  readonly pfsyncHandlers: PfsyncHandlers;
  readonly savedStates: SavedStates;
  readonly interfaceHandlers: InterfaceHandlers;
  readonly routeHandlers: RouteHandlers;
  readonly neighborCalls: Handlers<NeighborCalls>;
  readonly pfHandlers: PfHandlers;
  readonly socketCalls: Handlers<SocketCalls>;
  readonly counters: readonly Counters[];
}

export function tableOfCalls(parts: Parts): CallTable {
  const { clock, sysctl, counters } = parts;
  return {
    ...parts.interfaceHandlers.calls,
    ...parts.routeHandlers.calls,
    ...parts.captures.calls,
    ...parts.carpHandlers.calls,
    ...parts.pfsyncHandlers.calls,
    ...parts.savedStates.calls,
    ...parts.neighborCalls,
    ...parts.pfHandlers.calls,
    ...parts.socketCalls,
    'sysctl.get': ({ name }) => {
      const names = name === undefined ? (Object.keys(SYSCTLS) as SysctlName[]) : [name];
      return Object.fromEntries(names.map((one) => [one, sysctl.get(one)]));
    },
    'sysctl.set': ({ name, value }) => ({ previous: sysctl.set(name, value) }),
    'system.statistics': ({ all }) =>
      Object.fromEntries(counters.map((one) => [one.group.heading, one.read(all ?? false)])),
    'system.time': () => ({ uptime: clock.now / SECOND }),
  };
}
