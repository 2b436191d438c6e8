// SPDX-License-Identifier: ISC
//
// Prints ICMP: what happened, and to which packet.

import * as checksum from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as udp from '../../wire/udp.ts';
import { address4, captured, type Frame, hex, port, rightChecksum } from './frame.ts';

/** Type and code, without which there is nothing to say. */
const MINIMUM = 2;

const TYPES: ReadonlyMap<number, string> = new Map([
  [icmp.TYPE_SOURCE_QUENCH, 'source quench'],
  [icmp.TYPE_ROUTER_SOLICITATION, 'router solicitation'],
  [icmp.TYPE_TIMESTAMP, 'time stamp request'],
  [icmp.TYPE_TIMESTAMP_REPLY, 'time stamp reply'],
  [icmp.TYPE_INFORMATION, 'information request'],
  [icmp.TYPE_INFORMATION_REPLY, 'information reply'],
  [icmp.TYPE_MASK, 'address mask request'],
]);

/** What stands in front of the destination that cannot be reached, and the reason behind `unreachable`. */
const UNREACHABLE: ReadonlyMap<number, readonly [string, string]> = new Map([
  [icmp.CODE_UNREACHABLE_NET, ['net ', '']],
  [icmp.CODE_UNREACHABLE_HOST, ['host ', '']],
  [icmp.CODE_UNREACHABLE_SOURCE_ROUTE, ['', ' - source route failed']],
  [icmp.CODE_UNREACHABLE_NET_UNKNOWN, ['net ', ' - unknown']],
  [icmp.CODE_UNREACHABLE_HOST_UNKNOWN, ['host ', ' - unknown']],
  [icmp.CODE_UNREACHABLE_ISOLATED, ['', ' - source host isolated']],
  [icmp.CODE_UNREACHABLE_NET_PROHIBITED, ['net ', ' - admin prohibited']],
  [icmp.CODE_UNREACHABLE_HOST_PROHIBITED, ['host ', ' - admin prohibited']],
  [icmp.CODE_UNREACHABLE_NET_TOS, ['net ', ' - tos prohibited']],
  [icmp.CODE_UNREACHABLE_HOST_TOS, ['host ', ' - tos prohibited']],
  [icmp.CODE_UNREACHABLE_FILTER_PROHIBITED, ['host ', ' - admin prohibited filter']],
  [icmp.CODE_UNREACHABLE_HOST_PRECEDENCE, ['host ', ' - host precedence violation']],
  [icmp.CODE_UNREACHABLE_PRECEDENCE_CUTOFF, ['host ', ' - precedence cutoff']],
]);

/** Without the addresses, which IP has printed. `length` is the bytes from `at` on. */
export function printIcmp(frame: Frame, at: number, length: number): string {
  if (!captured(frame, at, MINIMUM)) return '[|icmp]';
  const { bytes, options } = frame;
  options.found?.('icmp', at, length, -1);
  if (options.quick) return `icmp: ${icmp.type(bytes, at)} ${icmp.code(bytes, at)}`;
  const message = printMessage(frame, at);
  if (message === undefined) return '[|icmp]';
  return `icmp: ${message}${printChecksum(frame, at, length)}${printQuoted(frame, at)}`;
}

/** Undefined when what is needed was not captured. */
function printMessage(frame: Frame, at: number): string | undefined {
  const { bytes } = frame;
  const type = icmp.type(bytes, at);
  switch (type) {
    case icmp.TYPE_ECHO:
    case icmp.TYPE_ECHO_REPLY:
      return printEcho(frame, at, type);
    case icmp.TYPE_UNREACHABLE:
      return hasQuoted(frame, at) ? printUnreachable(frame, at) : undefined;
    case icmp.TYPE_REDIRECT:
      return hasQuoted(frame, at) ? printRedirect(frame, at) : undefined;
    case icmp.TYPE_TIME_EXCEEDED:
      return hasQuoted(frame, at) ? printTimeExceeded(icmp.code(bytes, at)) : undefined;
    case icmp.TYPE_PARAMETER_PROBLEM:
      return captured(frame, at, icmp.HEADER_LENGTH) ? printParameterProblem(frame, at) : undefined;
    case icmp.TYPE_MASK_REPLY:
      if (!captured(frame, at, icmp.HEADER_LENGTH + 4)) return undefined;
      return `address mask is 0x${hex(icmp.mask(bytes, at), 8)}`;
    default:
      return TYPES.get(type) ?? `type-#${type}`;
  }
}

function printEcho(frame: Frame, at: number, type: number): string | undefined {
  const name = type === icmp.TYPE_ECHO ? 'echo request' : 'echo reply';
  if (frame.options.verbose === 0) return name;
  if (!captured(frame, at, icmp.HEADER_LENGTH)) return undefined;
  const { bytes } = frame;
  return `${name} (id:${hex(icmp.identifier(bytes, at), 4)} seq:${icmp.sequence(bytes, at)})`;
}

function hasQuoted(frame: Frame, at: number): boolean {
  return captured(frame, icmp.payloadAt(at), ipv4.HEADER_LENGTH);
}

function quotedDestination(frame: Frame, at: number): string {
  return address4(frame, ipv4.destinationAt(icmp.payloadAt(at)));
}

function printUnreachable(frame: Frame, at: number): string | undefined {
  const host = quotedDestination(frame, at);
  const code = icmp.code(frame.bytes, at);
  switch (code) {
    case icmp.CODE_UNREACHABLE_PROTOCOL:
      return `${host} protocol ${ipv4.protocol(frame.bytes, icmp.payloadAt(at))} unreachable`;
    case icmp.CODE_UNREACHABLE_PORT:
      return printPort(frame, at, host);
    case icmp.CODE_UNREACHABLE_NEED_FRAGMENT: {
      const mtu = icmp.nextHopMtu(frame.bytes, at);
      return `${host} unreachable - need to frag${mtu === 0 ? '' : ` (mtu ${mtu})`}`;
    }
    default: {
      const [kind, reason] = UNREACHABLE.get(code) ?? [`#${code} `, ''];
      return `${kind}${host} unreachable${reason}`;
    }
  }
}

/** TCP has its destination port where UDP has it. */
function printPort(frame: Frame, at: number, host: string): string | undefined {
  const network = icmp.payloadAt(at);
  const transport = ipv4.payloadAt(frame.bytes, network);
  if (!captured(frame, transport, 4)) return undefined;
  const number = udp.destinationPort(frame.bytes, transport);
  const protocol = ipv4.protocol(frame.bytes, network);
  if (protocol === ipv4.PROTOCOL_TCP) return `${host} tcp port ${port(frame, 'tcp', number)} unreachable`;
  if (protocol === ipv4.PROTOCOL_UDP) return `${host} udp port ${port(frame, 'udp', number)} unreachable`;
  return `${host} protocol ${protocol} port ${number} unreachable`;
}

function printRedirect(frame: Frame, at: number): string {
  const code = icmp.code(frame.bytes, at);
  const ends = [quotedDestination(frame, at), address4(frame, icmp.gatewayAt(at))] as const;
  switch (code) {
    case icmp.CODE_REDIRECT_NET:
      return `redirect ${ends[0]} to net ${ends[1]}`;
    case icmp.CODE_REDIRECT_HOST:
      return `redirect ${ends[0]} to host ${ends[1]}`;
    case icmp.CODE_REDIRECT_TOS_NET:
    case icmp.CODE_REDIRECT_TOS_HOST:
      return `redirect-tos ${ends[0]} to net ${ends[1]}`;
    default:
      return `redirect-#${code} ${ends[0]} to net ${ends[1]}`;
  }
}

function printTimeExceeded(code: number): string {
  if (code === icmp.CODE_EXCEEDED_IN_TRANSIT) return 'time exceeded in-transit';
  if (code === icmp.CODE_EXCEEDED_REASSEMBLY) return 'ip reassembly time exceeded';
  return `time exceeded-#${code}`;
}

function printParameterProblem(frame: Frame, at: number): string {
  const code = icmp.code(frame.bytes, at);
  const pointer = icmp.pointer(frame.bytes, at);
  if (code === icmp.CODE_PARAMETER_MISSING_OPTION) return 'requested option absent';
  if (code === icmp.CODE_PARAMETER_LENGTH) return `bad length ${pointer}`;
  return `parameter problem - octet ${pointer}`;
}

function printChecksum(frame: Frame, at: number, length: number): string {
  if (frame.options.verbose === 0 || !captured(frame, at, length)) return '';
  if (icmp.checksumValid(frame.bytes, at, at + length)) return ' [icmp cksum ok]';
  const stored = icmp.checksum(frame.bytes, at);
  const computed = checksum.compute(frame.bytes, at, length);
  return ` [bad icmp cksum ${hex(stored, 1)}! -> ${hex(rightChecksum(stored, computed), 1)}]`;
}

/** With -vv the packet that an error quotes, taken to be as long as it says. */
function printQuoted(frame: Frame, at: number): string {
  if (frame.options.verbose < 2 || !icmp.isError(icmp.type(frame.bytes, at)) || !hasQuoted(frame, at))
    return '';
  const network = icmp.payloadAt(at);
  return ` for ${frame.inner(4, network, ipv4.totalLength(frame.bytes, network))}`;
}
