// SPDX-License-Identifier: ISC
//
// Resets to segments that belong to no connection (RFC 9293 3.10.7.1), so many per second and not more.

import * as tcps from '../../../abi/counters/tcp.ts';
import * as tcp from '../../../wire/tcp.ts';
import { SECOND } from '../../clock.ts';
import type { Network } from '../network.ts';
import { IPPROTO_TCP } from './connection.ts';
import type { TcpContext } from './context.ts';
import type { Segment } from './segment.ts';

/** Of the original: net.inet.tcp.rstppslimit. */
const PER_SECOND = 100;

export class Resets {
  private readonly context: TcpContext;
  private since = 0;
  private sent = 0;

  constructor(context: TcpContext) {
    this.context = context;
  }

  /** Answers a segment with a reset that its sender must believe; a reset gets none. */
  answer(network: Network, s: Segment): void {
    if (s.has(tcp.FLAG_RST) || !this.allowed()) return;
    if (s.has(tcp.FLAG_ACK)) this.send(network, s, s.acknowledgment, 0, tcp.FLAG_RST);
    else this.send(network, s, 0, s.end, tcp.FLAG_RST | tcp.FLAG_ACK);
  }

  private allowed(): boolean {
    const now = this.context.clock.now;
    if (now - this.since >= SECOND) {
      this.since = now;
      this.sent = 0;
    }
    if (this.sent < PER_SECOND) {
      this.sent++;
      return true;
    }
    this.context.counters.count(tcps.RESETS_LIMITED);
    return false;
  }

  private send(network: Network, s: Segment, sequence: number, acknowledgment: number, flags: number): void {
    const packet = this.context.pool.take();
    network.begin(packet);
    const offset = packet.transport;
    tcp.write(packet.bytes, offset, s.localPort, s.remotePort, sequence, acknowledgment, flags, 0);
    packet.end = offset + tcp.HEADER_LENGTH;
    network.writeHeader(packet, s.local, s.remote, IPPROTO_TCP, network.hops, true);
    tcp.setChecksum(packet.bytes, offset, network.checksum(packet, IPPROTO_TCP));
    this.context.counters.count(tcps.SENT);
    this.context.counters.count(tcps.SENT_CONTROL);
    network.output(packet);
    this.context.pool.give(packet);
  }
}
