// SPDX-License-Identifier: ISC
//
// Packets that pf makes itself (pf_send_tcp, pf_send_icmp): answers to what it blocks, challenges, the handshakes of synproxy.

import type { BlockReturn } from '../../abi/rule.ts';
import * as checksum from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';
import * as tcpOptions from '../../wire/tcpOptions.ts';
import type { Ipv4 } from '../inet/ipv4.ts';
import type { Ipv6 } from '../inet6/ipv6.ts';
import type { Packet, PacketPool } from '../packet.ts';
import { type Descriptor, PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_TCP } from './descriptor.ts';
import type { Settings } from './settings.ts';
import { REASON_PROTOCOL_CHECKSUM, type Statistics } from './statistics.ts';

/** Segments of pf are marked for little delay (IPTOS_LOWDELAY). */
const LOW_DELAY = 0x10;

/** Who a segment of pf's goes from and to, and what it says. Filled and used at once. */
export class Outgoing {
  family: 4 | 6 = 4;
  readonly source = new Int32Array(4);
  readonly destination = new Int32Array(4);
  sourcePort = 0;
  destinationPort = 0;
  sequence = 0;
  acknowledgment = 0;
  flags = 0;
  window = 0;
  /** 0 for none. */
  mss = 0;
  /** 0 for that of the machine. */
  ttl = 0;
  tag = 0;
  /** pf lets it through without a look. */
  generated = true;

  /** An answer to the sender of a packet, with nothing in it yet. */
  answer(packet: Descriptor): this {
    this.family = packet.family;
    this.source.set(packet.destination);
    this.destination.set(packet.source);
    this.sourcePort = packet.destinationPort;
    this.destinationPort = packet.sourcePort;
    return this.say(0, 0, 0);
  }

  say(flags: number, sequence: number, acknowledgment: number): this {
    this.flags = flags;
    this.sequence = sequence | 0;
    this.acknowledgment = acknowledgment | 0;
    this.window = 0;
    this.mss = 0;
    this.ttl = 0;
    this.tag = 0;
    this.generated = true;
    return this;
  }
}

export class Replies {
  /** pf is sending an ICMP error: it passes. */
  speaking = false;
  private readonly ipv4: Ipv4;
  private readonly ipv6: Ipv6;
  private readonly pool: PacketPool;
  private readonly settings: Settings;
  private readonly statistics: Statistics;
  private readonly outgoing = new Outgoing();

  constructor(parts: {
    ipv4: Ipv4;
    ipv6: Ipv6;
    pool: PacketPool;
    settings: Settings;
    statistics: Statistics;
  }) {
    this.ipv4 = parts.ipv4;
    this.ipv6 = parts.ipv6;
    this.pool = parts.pool;
    this.settings = parts.settings;
    this.statistics = parts.statistics;
  }

  /** Answers a blocked packet as its rule says. */
  blocked(packet: Descriptor, answer: BlockReturn | undefined): void {
    if (answer === undefined || answer.kind === 'drop' || packet.isFragment) return;
    const isTcp = packet.protocol === PROTOCOL_TCP;
    const wasReset = (packet.tcpFlags & tcp.FLAG_RST) !== 0;
    if (isTcp && answer.kind !== 'icmp') {
      if (!wasReset) return this.reset(packet, answer.ttl ?? 0);
      if (answer.kind === 'rst') return;
    }
    if (answer.kind === 'rst' || !this.mayAnswer(packet)) return;
    const code = packet.family === 4 ? answer.icmp : answer.icmp6;
    if (code !== undefined) this.error(packet, code >>> 8, code & 0xff, 0);
  }

  /** ICMP is never answered in 2008, and today only where it asks something. */
  private mayAnswer(packet: Descriptor): boolean {
    if (packet.protocol !== PROTOCOL_ICMP && packet.protocol !== PROTOCOL_ICMP6) return true;
    if (!this.settings.isToday) return false;
    if (packet.isIcmpError || packet.icmpType === icmp6.TYPE_REDIRECT) return false;
    return packet.family === 4 || !icmp6.isError(packet.icmpType);
  }

  /** An ICMP error about the packet to its sender, which pf does not look at again. */
  error(packet: Descriptor, type: number, code: number, parameter: number): void {
    const errors = packet.family === 4 ? this.ipv4.errors : this.ipv6.errors;
    this.speaking = true;
    errors.error(packet.packet, type, code, parameter);
    this.speaking = false;
  }

  /** Nobody further on can be reached: the packet's sender is told. */
  unreachable(packet: Descriptor): void {
    if (packet.family === 4) this.error(packet, icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_HOST, 0);
    else this.error(packet, icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_ADDRESS, 0);
  }

  timeExceeded(packet: Descriptor): void {
    if (packet.family === 4) this.error(packet, icmp.TYPE_TIME_EXCEEDED, icmp.CODE_EXCEEDED_IN_TRANSIT, 0);
    else this.error(packet, icmp6.TYPE_TIME_EXCEEDED, icmp6.CODE_EXCEEDED_IN_TRANSIT, 0);
  }

  /** A reset to the sender of a segment; none to one that was damaged on the way. */
  private reset(packet: Descriptor, ttl: number): void {
    if (!isIntact(packet)) return this.statistics.count(REASON_PROTOCOL_CHECKSUM);
    const { bytes, transport } = packet.packet;
    const syn = (packet.tcpFlags & tcp.FLAG_SYN) !== 0 ? 1 : 0;
    const fin = (packet.tcpFlags & tcp.FLAG_FIN) !== 0 ? 1 : 0;
    const next = tcp.sequence(bytes, transport) + packet.payload + syn + fin;
    const { outgoing } = this;
    outgoing.answer(packet);
    outgoing.say(tcp.FLAG_RST | tcp.FLAG_ACK, tcp.acknowledgment(bytes, transport), next);
    outgoing.ttl = ttl;
    this.send(outgoing);
  }

  /** A reset to who sent a segment that belongs to no connection both sides know. */
  resetStray(packet: Descriptor): void {
    const { bytes, transport } = packet.packet;
    const { outgoing } = this;
    outgoing.answer(packet);
    this.send(outgoing.say(tcp.FLAG_RST, tcp.acknowledgment(bytes, transport), 0));
  }

  /** A challenge acknowledgment (RFC 5961 4.2). */
  challenge(packet: Descriptor, sequence: number, acknowledgment: number): void {
    const { outgoing } = this;
    outgoing.answer(packet);
    this.send(outgoing.say(tcp.FLAG_ACK, sequence, acknowledgment));
  }

  /** Sends a segment. */
  send(segment: Outgoing): void {
    const packet = this.pool.take();
    packet.generated = segment.generated;
    packet.tag = segment.tag;
    const header = segment.family === 4 ? ipv4.HEADER_LENGTH : ipv6.HEADER_LENGTH;
    packet.transport = packet.network + header;
    this.writeSegment(packet, segment);
    if (segment.family === 4) this.send4(packet, segment);
    else this.send6(packet, segment);
    this.pool.give(packet);
  }

  private writeSegment(packet: Packet, segment: Outgoing): void {
    const { bytes, transport } = packet;
    tcp.write(
      bytes,
      transport,
      segment.sourcePort,
      segment.destinationPort,
      segment.sequence,
      segment.acknowledgment,
      segment.flags,
      segment.window,
    );
    packet.end = transport + tcp.HEADER_LENGTH;
    if (segment.mss === 0) return;
    const end = tcpOptions.writeMss(bytes, tcpOptions.first(transport), segment.mss);
    packet.end = tcpOptions.finish(bytes, transport, end);
  }

  private send4(packet: Packet, segment: Outgoing): void {
    const { bytes, network, transport, end } = packet;
    ipv4.write(
      bytes,
      network,
      LOW_DELAY,
      end - network,
      0,
      ipv4.FRAGMENT_DF,
      segment.ttl > 0 ? segment.ttl : this.ipv4.hops,
      PROTOCOL_TCP,
      segment.source[0]!,
      segment.destination[0]!,
    );
    tcp.fillChecksum4(bytes, network, transport, end);
    this.ipv4.output(packet);
  }

  private send6(packet: Packet, segment: Outgoing): void {
    const { bytes, network, transport, end } = packet;
    const hops = segment.ttl > 0 ? segment.ttl : this.ipv6.hops;
    ipv6.write(bytes, network, 0, 0, end - transport, PROTOCOL_TCP, hops);
    for (let i = 0; i < 4; i++) {
      ipv6.setSourceWord(bytes, network, i, segment.source[i]!);
      ipv6.setDestinationWord(bytes, network, i, segment.destination[i]!);
    }
    tcp.fillChecksum6(bytes, network, transport, end);
    this.ipv6.output(packet);
  }
}

/** The TCP checksum is good, as far as anyone can say. */
function isIntact(packet: Descriptor): boolean {
  const { bytes, network, transport, end, needsChecksum, checksumVerified } = packet.packet;
  if (needsChecksum || checksumVerified) return true;
  const length = end - transport;
  return packet.family === 4
    ? checksum.transport4(bytes, network, PROTOCOL_TCP, transport, length) === 0
    : checksum.transport6(bytes, network, PROTOCOL_TCP, transport, length) === 0;
}
