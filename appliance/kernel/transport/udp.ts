// SPDX-License-Identifier: ISC
//
// UDP (RFC 768, RFC 1122 4.1): datagrams to sockets, port unreachable where there is none.

import { type Address, type Family, INET } from '../../abi/address.ts';
import * as udps from '../../abi/counters/udp.ts';
import { CallError, type Errno } from '../../abi/errno.ts';
import type { Endpoint, SocketInfo } from '../../abi/socket.ts';
import * as checksum from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as udp from '../../wire/udp.ts';
import { Counters } from '../counters.ts';
import { OK } from '../inet/errors.ts';
import { GSO_NONE, type Packet } from '../packet.ts';
import { bindLocal } from './bind.ts';
import { DatagramSocket } from './datagram.ts';
import { addressOf, isAny, PcbTable, sameWords } from './pcb.ts';
import type { TransportServices } from './services.ts';
import {
  type ControlError,
  PROHIBITED,
  type TransportProtocol,
  UNREACHABLE_HOST,
  UNREACHABLE_NET,
  UNREACHABLE_PORT,
  UNREACHABLE_PROTOCOL,
} from './transport.ts';

const IPPROTO_UDP = 17;

class UdpSocket extends DatagramSocket {
  private readonly owner: Udp;

  constructor(owner: Udp, services: TransportServices, family: Family, id: number) {
    super(services, family, id);
    this.owner = owner;
  }

  bind(address: Address | undefined, port: number): Endpoint {
    if (this.localPort !== 0) throw new CallError('EINVAL');
    bindLocal(this.services, this.owner.table, this, this.network, address, port);
    return this.localEndpoint;
  }

  close(): void {
    if (this.localPort !== 0) this.owner.table.removeBound(this);
    this.services.sockets.delete(this.id);
  }

  protected transmit(port: number, data: Uint8Array, hops: number): number {
    if (this.localPort === 0) this.bind(undefined, 0);
    return this.owner.send(this, this.target, port, data, hops, this.dontFragment);
  }

  deliver(packet: Packet, remote: Int32Array, remotePort: number, local: Int32Array, data: Uint8Array): void {
    if (!this.mayDeliver()) return this.owner.counters.count(udps.FULL_SOCKET);
    this.owner.counters.count(udps.DELIVERED);
    this.emit({
      event: 'socket.datagram',
      data: {
        id: this.id,
        from: { address: addressOf(this.family, remote), port: remotePort },
        to: addressOf(this.family, local),
        hops: this.network.readHops(packet),
        data,
      },
    });
  }

  /** An ICMP error about what a connected socket sent. Others may send anywhere, so an event would not say enough. */
  failed(error: Errno): void {
    if (this.remotePort !== 0) this.emit({ event: 'socket.closed', data: { id: this.id, error } });
  }
}

export class Udp implements TransportProtocol {
  readonly counters = new Counters(udps.UDP);
  readonly table: PcbTable<UdpSocket>;
  private readonly services: TransportServices;
  private readonly source = new Int32Array(4);
  private readonly destination = new Int32Array(4);

  constructor(services: TransportServices) {
    this.services = services;
    this.table = new PcbTable(services.random.word());
  }

  open(family: Family): number {
    return this.services.sockets.add((id) => new UdpSocket(this, this.services, family, id));
  }

  list(): SocketInfo[] {
    return this.table.all().map((socket) => ({
      id: socket.id,
      type: 'udp',
      family: socket.family,
      protocol: IPPROTO_UDP,
      local: socket.localEndpoint,
      ...(socket.remotePort === 0 ? {} : { remote: socket.remoteEndpoint }),
      receiveQueue: 0,
      sendQueue: 0,
    }));
  }

  input(packet: Packet): void {
    const { counters } = this;
    const { bytes, transport } = packet;
    counters.count(udps.RECEIVED);
    if (packet.end - transport < udp.HEADER_LENGTH) return counters.count(udps.INCOMPLETE);
    const length = udp.length(bytes, transport);
    if (!udp.valid(bytes, transport, packet.end) || length < udp.HEADER_LENGTH)
      return counters.count(udps.BAD_LENGTH);
    packet.end = transport + length; // what follows in the IP packet is not the datagram's
    const network = this.services.networks[packet.family as Family];
    const isTrusted = packet.needsChecksum || packet.checksumVerified;
    if (network.family === INET && udp.checksum(bytes, transport) === 0) counters.count(udps.NO_CHECKSUM);
    else if (!isTrusted && network.checksum(packet, IPPROTO_UDP) !== 0)
      return counters.count(udps.BAD_CHECKSUM);
    network.readSource(packet, this.source);
    network.readDestination(packet, this.destination);
    this.dispatch(packet);
  }

  private dispatch(packet: Packet): void {
    const { bytes, transport } = packet;
    const family = packet.family as Family;
    const remotePort = udp.sourcePort(bytes, transport);
    const isUnicast = this.services.networks[family].isUnicast(this.destination);
    const local = packet.divertedTo?.words ?? this.destination;
    const port = packet.divertedTo?.port ?? udp.destinationPort(bytes, transport);
    let found = false;
    for (const socket of this.table.boundTo(port)) {
      const isFor = socket.family === family && (isAny(socket.local) || sameWords(socket.local, local));
      if (!isFor || !socket.isFrom(this.source, remotePort)) continue;
      found = true;
      this.deliver(packet, socket, remotePort);
      if (isUnicast) break;
    }
    if (found) return;
    this.counters.count(isUnicast ? udps.NO_SOCKET : udps.NO_SOCKET_BROADCAST);
    if (isUnicast) this.unreachable(packet);
  }

  /** One datagram, or each of those that a device has merged into a large one. */
  private deliver(packet: Packet, socket: UdpSocket, remotePort: number): void {
    let at = udp.payloadAt(packet.transport);
    const size = packet.gsoType === GSO_NONE ? packet.end - at : packet.segmentSize;
    do {
      const data = packet.bytes.slice(at, Math.min(at + size, packet.end));
      socket.deliver(packet, this.source, remotePort, this.destination, data);
      at += size;
    } while (at < packet.end);
  }

  private unreachable(packet: Packet): void {
    if (packet.family === 4) {
      this.services.networks[4].errors.error(packet, icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_PORT, 0);
    } else {
      this.services.networks[6].errors.error(packet, icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_PORT, 0);
    }
  }

  control(packet: Packet, error: ControlError): void {
    const errno = errnoOfControl(error);
    if (errno === undefined) return;
    const port = udp.sourcePort(packet.bytes, packet.transport);
    const remotePort = udp.destinationPort(packet.bytes, packet.transport);
    const family = packet.family as Family;
    this.services.networks[family].readDestination(packet, this.destination);
    for (const socket of this.table.boundTo(port)) {
      if (socket.family === family && socket.isFrom(this.destination, remotePort)) socket.failed(errno);
    }
  }

  /** Sends a datagram. Answers an error of inet/errors.ts. */
  send(
    socket: UdpSocket,
    remote: Int32Array,
    port: number,
    data: Uint8Array,
    hops: number,
    dontFragment: boolean,
  ): number {
    const network = this.services.networks[socket.family];
    const packet = this.services.pool.take();
    network.begin(packet);
    const { bytes, transport } = packet;
    const length = udp.HEADER_LENGTH + data.length;
    udp.write(bytes, transport, socket.localPort, port, length);
    bytes.set(data, udp.payloadAt(transport));
    packet.end = transport + length;
    this.source.set(socket.local);
    if (isAny(this.source)) network.source(remote, this.source);
    network.writeHeader(packet, this.source, remote, IPPROTO_UDP, hops, dontFragment);
    const sum = checksum.sum(bytes, transport, length, network.pseudoSum(packet, IPPROTO_UDP));
    udp.setChecksum(bytes, transport, checksum.finishUdp(sum));
    this.counters.count(udps.SENT);
    const error = network.output(packet);
    if (error !== OK) this.counters.count(udps.SEND_ERRORS);
    this.services.pool.give(packet);
    return error;
  }
}

/** What an ICMP error means to a connected socket; undefined for those that say nothing about the peer (RFC 1122 4.1.3.3). */
function errnoOfControl(error: ControlError): Errno | undefined {
  switch (error) {
    case UNREACHABLE_PORT:
    case UNREACHABLE_PROTOCOL:
      return 'ECONNREFUSED';
    case UNREACHABLE_HOST:
    case UNREACHABLE_NET:
    case PROHIBITED:
      return 'EHOSTUNREACH';
    default:
      return undefined;
  }
}
