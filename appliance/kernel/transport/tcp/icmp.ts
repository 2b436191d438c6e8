// SPDX-License-Identifier: ISC
//
// What ICMP says about our segments, believed with care (RFC 5927, RFC 5461): path MTU (RFC 1191, RFC 8201), unreachable peers.

import * as tcps from '../../../abi/counters/tcp.ts';
import type { Errno } from '../../../abi/errno.ts';
import * as ipv4 from '../../../wire/ipv4.ts';
import * as tcp from '../../../wire/tcp.ts';
import type { Packet } from '../../packet.ts';
import {
  type ControlError,
  SOURCE_QUENCH,
  TOO_BIG,
  UNREACHABLE_PORT,
  UNREACHABLE_PROTOCOL,
} from '../transport.ts';
import type { Connection } from './connection.ts';
import type { TcpContext } from './context.ts';
import { end } from './lifecycle.ts';
import { output, resendAll } from './output.ts';
import { SYN_RCVD, SYN_SENT, synchronized, TIME_WAIT } from './states.ts';

/** What to try when a router does not say its MTU (RFC 1191 7.1), below those it may have been. */
const PLATEAUS = [32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68];

/** An ICMP error that quotes, at `packet`'s offsets, a segment of this connection. */
export function controlInput(
  context: TcpContext,
  c: Connection,
  packet: Packet,
  error: ControlError,
  mtu: number,
): void {
  const sequence = tcp.sequence(packet.bytes, packet.transport);
  const underWay = !tcp.before(sequence, c.sendUnacknowledged) && tcp.before(sequence, c.sendHighest);
  if (!underWay || error === SOURCE_QUENCH) {
    // Nothing of ours that is on its way now (RFC 5927 4.1); source quench is obsolete (RFC 6633).
    context.counters.count(tcps.ICMP_IGNORED);
  } else if (error === TOO_BIG) {
    shrinkPath(context, c, mtu === 0 ? nextPlateau(quotedLength(packet)) : mtu);
  } else {
    unreachable(context, c, error);
  }
}

function quotedLength(packet: Packet): number {
  return packet.family === 4 ? ipv4.totalLength(packet.bytes, packet.network) : 0;
}

function nextPlateau(length: number): number {
  return PLATEAUS.find((plateau) => plateau < length) ?? 0;
}

function shrinkPath(context: TcpContext, c: Connection, mtu: number): void {
  if (mtu >= c.pathMtu || c.state === TIME_WAIT) {
    context.counters.count(tcps.ICMP_IGNORED);
    return;
  }
  context.counters.count(tcps.PATH_MTU_CHANGES);
  // Below what every path carries we let routers cut, rather than be made to send tiny segments.
  if (mtu < c.network.minimumMtu) c.dontFragment = false;
  c.pathMtu = Math.max(mtu, c.network.minimumMtu);
  c.updateSegment();
  if (!synchronized(c.state)) return;
  resendAll(c);
  output(context, c);
}

/** Nobody there: while connecting the end of it, later only what to say if the peer does not answer (RFC 1122 4.2.3.9, RFC 5461). */
function unreachable(context: TcpContext, c: Connection, error: ControlError): void {
  const hard = error === UNREACHABLE_PORT || error === UNREACHABLE_PROTOCOL;
  const reason: Errno = hard ? 'ECONNREFUSED' : 'EHOSTUNREACH';
  if (hard && (c.state === SYN_SENT || c.state === SYN_RCVD)) end(context, c, reason);
  else c.softError = reason;
}
