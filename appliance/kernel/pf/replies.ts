// SPDX-License-Identifier: ISC
//
// What a blocked packet is answered with (pf_send_tcp, pf_send_icmp): a reset, or an ICMP error.

import type { BlockReturn } from '../../abi/rule.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';
import type { PfCore } from './core.ts';
import { type Descriptor, PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_TCP } from './descriptor.ts';

/** Resets of pf are marked for little delay (IPTOS_LOWDELAY). */
const RESET_TOS = 0x10;
const UNREACHABLE_PORT = (icmp.TYPE_UNREACHABLE << 8) | icmp.CODE_UNREACHABLE_PORT;
const UNREACHABLE_PORT6 = (icmp6.TYPE_UNREACHABLE << 8) | icmp6.CODE_UNREACHABLE_PORT;

/** Answers a blocked packet as its rule says. */
export function answerBlocked(core: PfCore, packet: Descriptor, answer: BlockReturn | undefined): void {
  if (answer === undefined || answer.kind === 'drop' || packet.isFragment) return;
  const isTcp = packet.protocol === PROTOCOL_TCP;
  const wasReset = (packet.tcpFlags & tcp.FLAG_RST) !== 0;
  if (isTcp && !wasReset && answer.kind !== 'icmp') return sendReset(core, packet, answer.ttl ?? 0);
  if (answer.kind === 'rst') return;
  if (packet.protocol === PROTOCOL_ICMP || packet.protocol === PROTOCOL_ICMP6) return;
  const { packet: frame } = packet;
  if (packet.family === 4) {
    const code = answer.icmp ?? UNREACHABLE_PORT;
    core.ipv4.errors.error(frame, code >>> 8, code & 0xff, 0);
  } else {
    const code = answer.icmp6 ?? UNREACHABLE_PORT6;
    core.ipv6.errors.error(frame, code >>> 8, code & 0xff, 0);
  }
}

/** A reset to the sender of a segment, from the one it was meant for. */
function sendReset(core: PfCore, packet: Descriptor, ttl: number): void {
  const { bytes, transport } = packet.packet;
  const syn = (packet.tcpFlags & tcp.FLAG_SYN) !== 0 ? 1 : 0;
  const fin = (packet.tcpFlags & tcp.FLAG_FIN) !== 0 ? 1 : 0;
  const hasAck = (packet.tcpFlags & tcp.FLAG_ACK) !== 0;
  const sequence = hasAck ? tcp.acknowledgment(bytes, transport) : 0;
  const acknowledgment = (tcp.sequence(bytes, transport) + packet.payload + syn + fin) | 0;
  const flags = tcp.FLAG_RST | (hasAck ? 0 : tcp.FLAG_ACK);
  const reset = core.pool.take();
  reset.generated = true;
  reset.transport = reset.network + (packet.family === 4 ? ipv4.HEADER_LENGTH : ipv6.HEADER_LENGTH);
  reset.end = reset.transport + tcp.HEADER_LENGTH;
  const ack = hasAck ? 0 : acknowledgment;
  tcp.write(reset.bytes, reset.transport, packet.destinationPort, packet.sourcePort, sequence, ack, flags, 0);
  if (packet.family === 4) {
    const hops = ttl > 0 ? ttl : core.ipv4.hops;
    const length = reset.end - reset.network;
    const from = packet.destination[0]!;
    ipv4.write(
      reset.bytes,
      reset.network,
      RESET_TOS,
      length,
      0,
      0,
      hops,
      PROTOCOL_TCP,
      from,
      packet.source[0]!,
    );
    tcp.fillChecksum4(reset.bytes, reset.network, reset.transport, reset.end);
    core.ipv4.output(reset);
  } else {
    const hops = ttl > 0 ? ttl : core.ipv6.hops;
    ipv6.write(reset.bytes, reset.network, 0, 0, tcp.HEADER_LENGTH, PROTOCOL_TCP, hops);
    for (let i = 0; i < 4; i++) {
      ipv6.setSourceWord(reset.bytes, reset.network, i, packet.destination[i]!);
      ipv6.setDestinationWord(reset.bytes, reset.network, i, packet.source[i]!);
    }
    tcp.fillChecksum6(reset.bytes, reset.network, reset.transport, reset.end);
    core.ipv6.output(reset);
  }
  core.pool.give(reset);
}
