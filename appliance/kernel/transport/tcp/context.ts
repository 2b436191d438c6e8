// SPDX-License-Identifier: ISC
//
// What the parts of TCP share: the kernel's services, the counters, the table of connections.

import type { Family } from '../../../abi/address.ts';
import type { KernelEvent } from '../../../abi/client.ts';
import { TCP } from '../../../abi/counters/tcp.ts';
import type { Clock } from '../../clock.ts';
import { Counters } from '../../counters.ts';
import type { PacketPool } from '../../packet.ts';
import type { Random } from '../../random.ts';
import { PcbTable } from '../pcb.ts';
import type { Settings, TransportServices } from '../services.ts';
import type { Socket, SocketTable } from '../socket.ts';
import type { Connection } from './connection.ts';
import { SequenceSecret } from './isn.ts';
import { ReassemblyBudget } from './reassembly.ts';

/** How things are made that the parts need and only tcp.ts knows whole. */
export interface Makers {
  /** A connection in state CLOSED, with its timers. */
  connection(family: Family): Connection;
  /** The socket through which userland uses a connection. */
  socket(id: number, connection: Connection): Socket;
}

export class TcpContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly pool: PacketPool;
  readonly sysctl: Settings;
  readonly sockets: SocketTable;
  readonly emit: (event: KernelEvent) => void;
  readonly counters: Counters = new Counters(TCP);
  readonly table: PcbTable<Connection>;
  readonly secret: SequenceSecret;
  readonly budget: ReassemblyBudget = new ReassemblyBudget();
  /** Connections in TIME_WAIT, oldest first. */
  readonly timeWait: Set<Connection> = new Set();
  /** Connections whose user has left and that are not in TIME_WAIT. */
  orphans = 0;
  readonly makers: Makers;

  constructor(services: TransportServices, makers: Makers) {
    this.clock = services.clock;
    this.random = services.random;
    this.pool = services.pool;
    this.sysctl = services.sysctl;
    this.sockets = services.sockets;
    this.emit = services.emit;
    this.table = new PcbTable(services.random.word());
    this.secret = new SequenceSecret(services.random);
    this.makers = makers;
  }

  /** The value of the timestamps option now: milliseconds from a random start (RFC 7323 5.4). */
  timestamp(connection: Connection): number {
    return (Math.floor(this.clock.now / 1000) + connection.timestampOffset) | 0;
  }
}
