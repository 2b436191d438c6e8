// SPDX-License-Identifier: ISC
//
// TCP (RFC 9293), put together: from a packet to its connection, from userland to its sockets. What happens then is in input.ts,
// output.ts, timers.ts and user.ts.

import type { Family } from '../../../abi/address.ts';
import * as tcps from '../../../abi/counters/tcp.ts';
import type { SocketInfo } from '../../../abi/socket.ts';
import * as tcp from '../../../wire/tcp.ts';
import type { Counters } from '../../counters.ts';
import type { LocalEnd, Packet } from '../../packet.ts';
import type { Timeouts } from '../../timeout.ts';
import type { Network, Networks } from '../network.ts';
import type { TransportServices } from '../services.ts';
import type { ControlError, TransportProtocol } from '../transport.ts';
import { Connection, IPPROTO_TCP } from './connection.ts';
import { type Makers, TcpContext } from './context.ts';
import { controlInput } from './icmp.ts';
import { connectionInput } from './input.ts';
import { end } from './lifecycle.ts';
import { listenerInput } from './listen.ts';
import { Resets } from './reset.ts';
import { Segment } from './segment.ts';
import { LISTEN, TIME_WAIT } from './states.ts';
import { delayedAck, retransmitOrPersist, slow } from './timers.ts';
import { TcpSocket } from './user.ts';

export class Tcp implements TransportProtocol {
  private readonly networks: Networks;
  private readonly context: TcpContext;
  private readonly resets: Resets;
  private readonly segment = new Segment();

  constructor(services: TransportServices) {
    this.networks = services.networks;
    this.context = new TcpContext(services, this.makers(services.timeouts));
    this.resets = new Resets(this.context);
  }

  get counters(): Counters {
    return this.context.counters;
  }

  private makers(timeouts: Timeouts): Makers {
    const timers = {
      retransmitOrPersist: (c: Connection) => retransmitOrPersist(this.context, c),
      delayedAck: (c: Connection) => delayedAck(this.context, c),
      slow: (c: Connection) => slow(this.context, c),
    };
    return {
      connection: (family) => new Connection(this.networks[family], timeouts, timers, this.context.budget),
      socket: (_id, c) => new TcpSocket(this.context, c),
    };
  }

  /** A socket that is neither bound nor connected; answers its id. CallError ENFILE when there are too many. */
  open(family: Family): number {
    const c = this.context.makers.connection(family);
    c.id = this.context.sockets.add((id) => this.context.makers.socket(id, c));
    return c.id;
  }

  list(): SocketInfo[] {
    return this.context.table.all().map((c) => c.info);
  }

  input(packet: Packet): void {
    const s = this.segment;
    const network = this.networks[packet.family as Family];
    this.context.counters.count(tcps.RECEIVED);
    if (!this.valid(packet, network)) return;
    s.read(packet);
    network.readDestination(packet, s.local);
    network.readSource(packet, s.remote);
    // RFC 9293 3.9.2.3: nothing that came to, or claims to be from, more than one host.
    if (
      packet.linkBroadcast ||
      packet.linkMulticast ||
      (packet.divertedTo === undefined && !network.isLocal(s.local)) ||
      !network.isUnicast(s.remote)
    ) {
      this.context.counters.count(tcps.BAD_ADDRESS);
      return;
    }
    if (!this.deliver(network, packet.divertedTo)) this.resets.answer(network, s);
  }

  /** Hands the segment to who it belongs to; false when a reset is due. */
  private deliver(network: Network, divertedTo: LocalEnd | undefined): boolean {
    const s = this.segment;
    const c = this.context.table.connected(network.family, s.local, s.localPort, s.remote, s.remotePort);
    if (c !== undefined && !reopens(c, s)) return connectionInput(this.context, c, s);
    const listener =
      divertedTo === undefined
        ? this.context.table.listening(network.family, s.local, s.localPort)
        : this.context.table.listening(network.family, divertedTo.words, divertedTo.port);
    if (listener === undefined || listener.state !== LISTEN) {
      if (c !== undefined) return connectionInput(this.context, c, s);
      this.context.counters.count(tcps.NO_SOCKET);
      return false;
    }
    if (c === undefined) return listenerInput(this.context, listener, s, undefined);
    this.context.counters.count(tcps.TIME_WAIT_REUSED);
    end(this.context, c, undefined);
    return listenerInput(this.context, listener, s, c.sendHighest);
  }

  private valid(packet: Packet, network: Network): boolean {
    const length = packet.end - packet.transport;
    if (!tcp.valid(packet.bytes, packet.transport, packet.end)) {
      this.context.counters.count(length < tcp.HEADER_LENGTH ? tcps.TOO_SHORT : tcps.BAD_OFFSET);
      return false;
    }
    if (packet.needsChecksum || packet.checksumVerified) return true;
    if (network.checksum(packet, IPPROTO_TCP) === 0) return true;
    this.context.counters.count(tcps.BAD_CHECKSUM);
    return false;
  }

  control(packet: Packet, error: ControlError, mtu: number): void {
    const s = this.segment;
    const network = this.networks[packet.family as Family];
    network.readSource(packet, s.local);
    network.readDestination(packet, s.remote);
    const localPort = tcp.sourcePort(packet.bytes, packet.transport);
    const remotePort = tcp.destinationPort(packet.bytes, packet.transport);
    const c = this.context.table.connected(network.family, s.local, localPort, s.remote, remotePort);
    if (c !== undefined) controlInput(this.context, c, packet, error, mtu);
    else this.context.counters.count(tcps.ICMP_IGNORED);
  }
}

/** Whether a SYN begins a new connection between the same ends as one in TIME_WAIT (RFC 9293 3.6.1, RFC 6191). */
function reopens(c: Connection, s: Segment): boolean {
  if (c.state !== TIME_WAIT || !s.has(tcp.FLAG_SYN) || s.has(tcp.FLAG_RST | tcp.FLAG_ACK)) return false;
  if (c.timestamps && s.hasTimestamps && tcp.after(s.timestampValue, c.timestampRecent)) return true;
  return tcp.after(s.sequence, c.receiveNext);
}
