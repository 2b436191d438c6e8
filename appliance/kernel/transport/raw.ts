// SPDX-License-Identifier: ISC
//
// Raw sockets (raw_ip.c, RFC 3542): a protocol's packets as they are, behind the IP header; for ping and traceroute.

import type { Address, Family } from '../../abi/address.ts';
import * as raws from '../../abi/counters/rawip.ts';
import { CallError } from '../../abi/errno.ts';
import type { Endpoint, SocketInfo } from '../../abi/socket.ts';
import * as checksum from '../../wire/checksum.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import { Counters } from '../counters.ts';
import { OK } from '../inet/errors.ts';
import type { Packet } from '../packet.ts';
import { DatagramSocket, setWords } from './datagram.ts';
import { addressOf, isAny, sameWords } from './pcb.ts';
import type { TransportServices } from './services.ts';
import type { RawProtocol } from './transport.ts';

const IPPROTO_ICMP6 = 58;

class RawSocket extends DatagramSocket {
  readonly protocol: number;
  private readonly owner: Raw;
  /** The neighbour that the message at hand goes to, where one was named. */
  private via: Int32Array | undefined;

  constructor(owner: Raw, services: TransportServices, family: Family, protocol: number, id: number) {
    super(services, family, id);
    this.owner = owner;
    this.protocol = protocol;
  }

  bind(address: Address | undefined): Endpoint {
    if (address !== undefined) setWords(this.local, address, this.family);
    if (!isAny(this.local) && !this.network.isLocal(this.local)) throw new CallError('EADDRNOTAVAIL');
    return this.localEndpoint;
  }

  close(): void {
    this.owner.sockets.delete(this);
    this.services.sockets.delete(this.id);
  }

  protected transmit(_port: number, data: Uint8Array, hops: number): number {
    return this.owner.send(this, this.target, data, hops, this.dontFragment, this.via);
  }

  override sendTo(
    remote: Endpoint,
    data: Uint8Array,
    hops: number | undefined,
    nextHop: Address | undefined,
  ): void {
    if (nextHop !== undefined) {
      this.via = new Int32Array(4);
      setWords(this.via, nextHop, this.family);
    }
    try {
      super.sendTo(remote, data, hops, undefined);
    } finally {
      this.via = undefined;
    }
  }

  deliver(packet: Packet, remote: Int32Array, local: Int32Array): void {
    if (!isAny(this.local) && !sameWords(this.local, local)) return;
    if (!this.isFrom(remote, 0)) return;
    if (!this.mayDeliver()) return this.owner.counters.count(raws.FULL_SOCKET);
    this.owner.counters.count(raws.DELIVERED);
    this.emit({
      event: 'socket.datagram',
      data: {
        id: this.id,
        from: { address: addressOf(this.family, remote), port: 0 },
        to: addressOf(this.family, local),
        hops: this.network.readHops(packet),
        data: packet.bytes.slice(packet.transport, packet.end),
      },
    });
  }
}

export class Raw implements RawProtocol {
  readonly counters = new Counters(raws.RAWIP);
  readonly sockets = new Set<RawSocket>();
  private readonly services: TransportServices;
  private readonly source = new Int32Array(4);
  private readonly destination = new Int32Array(4);

  constructor(services: TransportServices) {
    this.services = services;
  }

  open(family: Family, protocol: number): number {
    if (!(protocol >= 1 && protocol <= 255)) throw new CallError('EPROTONOSUPPORT');
    return this.services.sockets.add((id) => {
      const socket = new RawSocket(this, this.services, family, protocol, id);
      this.sockets.add(socket);
      return socket;
    });
  }

  list(): SocketInfo[] {
    return [...this.sockets].map((socket) => ({
      id: socket.id,
      type: 'raw',
      family: socket.family,
      protocol: socket.protocol,
      local: socket.localEndpoint,
      receiveQueue: 0,
      sendQueue: 0,
    }));
  }

  input(packet: Packet): void {
    if (this.sockets.size === 0) return;
    this.counters.count(raws.RECEIVED);
    const family = packet.family === 4 ? 4 : 6;
    const network = this.services.networks[family];
    network.readSource(packet, this.source);
    network.readDestination(packet, this.destination);
    for (const socket of this.sockets) {
      if (socket.family === family && socket.protocol === packet.protocol) {
        socket.deliver(packet, this.source, this.destination);
      }
    }
  }

  listens(family: number, protocol: number): boolean {
    for (const socket of this.sockets) {
      if (socket.family === family && socket.protocol === protocol) return true;
    }
    return false;
  }

  /** Errors reach raw sockets as the messages that they are. */
  control(): void {}

  /** Sends a payload behind an IP header of ours; ICMPv6 gets its checksum here (RFC 3542 3.1). */
  send(
    socket: RawSocket,
    remote: Int32Array,
    data: Uint8Array,
    hops: number,
    dontFragment: boolean,
    via: Int32Array | undefined,
  ): number {
    const network = this.services.networks[socket.family];
    const packet = this.services.pool.take();
    network.begin(packet);
    const { bytes, transport } = packet;
    bytes.set(data, transport);
    packet.end = transport + data.length;
    this.source.set(socket.local);
    if (isAny(this.source)) network.source(via ?? remote, this.source);
    network.writeHeader(packet, this.source, remote, socket.protocol, hops, dontFragment);
    if (socket.protocol === IPPROTO_ICMP6 && data.length >= icmp6.MINIMUM_LENGTH)
      this.fillChecksum(packet, socket);
    this.counters.count(raws.SENT);
    const error = via === undefined ? network.output(packet) : network.outputVia(packet, via);
    if (error !== OK) this.counters.count(raws.SEND_ERRORS);
    this.services.pool.give(packet);
    return error;
  }

  private fillChecksum(packet: Packet, socket: RawSocket): void {
    const { bytes, transport, end } = packet;
    icmp6.setChecksum(bytes, transport, 0);
    const pseudo = this.services.networks[socket.family].pseudoSum(packet, IPPROTO_ICMP6);
    icmp6.setChecksum(
      bytes,
      transport,
      checksum.finish(checksum.sum(bytes, transport, end - transport, pseudo)),
    );
  }
}
