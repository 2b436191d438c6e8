// SPDX-License-Identifier: ISC
//
// Prints ICMPv6: errors and echo here; neighbour discovery and multicast listeners by their own printers.

import * as checksum from '../../wire/checksum.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as nd6 from '../../wire/nd6.ts';
import * as udp from '../../wire/udp.ts';
import { address6, captured, type Frame, hex, port, rightChecksum } from './frame.ts';
import { printMld } from './mld.ts';
import { printNd6 } from './nd6.ts';

/** Type and code, without which there is nothing to say. */
const MINIMUM = 2;
const NEXT_TCP = ipv6.NEXT_TCP;
const NEXT_UDP = ipv6.NEXT_UDP;

/** Under the IPv6 header at `network`, which has printed the addresses. `length` is the bytes from `at` on. */
export function printIcmp6(frame: Frame, network: number, at: number, length: number): string {
  if (!captured(frame, at, MINIMUM)) return '[|icmp6]';
  frame.options.found?.('icmp6', at, length, network);
  const message = printMessage(frame, at, length);
  return message === undefined ? '[|icmp6]' : message + printChecksum(frame, network, at, length);
}

/** Undefined when what is needed was not captured. */
function printMessage(frame: Frame, at: number, length: number): string | undefined {
  const { bytes } = frame;
  const type = icmp6.type(bytes, at);
  if (nd6.fixedLength(type) > 0) return printNd6(frame, at, length);
  switch (type) {
    case icmp6.TYPE_UNREACHABLE:
      return hasQuoted(frame, at) ? printUnreachable(frame, at) : undefined;
    case icmp6.TYPE_PACKET_TOO_BIG:
      if (!captured(frame, at, icmp6.HEADER_LENGTH)) return undefined;
      return `icmp6: too big ${icmp6.mtu(bytes, at) >>> 0}`;
    case icmp6.TYPE_TIME_EXCEEDED:
      return hasQuoted(frame, at) ? printTimeExceeded(frame, at) : undefined;
    case icmp6.TYPE_PARAMETER_PROBLEM:
      return hasQuoted(frame, at) ? printParameterProblem(frame, at) : undefined;
    case icmp6.TYPE_ECHO:
    case icmp6.TYPE_ECHO_REPLY:
      return printEcho(frame, at, type);
    case icmp6.TYPE_LISTENER_QUERY:
    case icmp6.TYPE_LISTENER_REPORT:
    case icmp6.TYPE_LISTENER_DONE:
    case icmp6.TYPE_LISTENER_REPORT2:
      return printMld(frame, at, length);
    default:
      return `icmp6: type-#${type}`;
  }
}

function hasQuoted(frame: Frame, at: number): boolean {
  return captured(frame, icmp6.payloadAt(at), ipv6.HEADER_LENGTH);
}

function quotedDestination(frame: Frame, at: number): string {
  return address6(frame, ipv6.destinationAt(icmp6.payloadAt(at)));
}

function printUnreachable(frame: Frame, at: number): string | undefined {
  const host = quotedDestination(frame, at);
  const code = icmp6.code(frame.bytes, at);
  switch (code) {
    case icmp6.CODE_UNREACHABLE_NO_ROUTE:
      return `icmp6: ${host} unreachable route`;
    case icmp6.CODE_UNREACHABLE_PROHIBITED:
      return `icmp6: ${host} unreachable prohibited`;
    case icmp6.CODE_UNREACHABLE_BEYOND_SCOPE: {
      const source = address6(frame, ipv6.sourceAt(icmp6.payloadAt(at)));
      return `icmp6: ${host} beyond scope of source address ${source}`;
    }
    case icmp6.CODE_UNREACHABLE_ADDRESS:
      return `icmp6: ${host} unreachable address`;
    case icmp6.CODE_UNREACHABLE_PORT:
      return printPort(frame, at, host);
    default:
      return `icmp6: ${host} unreachable code-#${code}`;
  }
}

/** TCP has its destination port where UDP has it. */
function printPort(frame: Frame, at: number, host: string): string | undefined {
  const network = icmp6.payloadAt(at);
  const transport = ipv6.payloadAt(network);
  if (!captured(frame, transport, 4)) return undefined;
  const number = udp.destinationPort(frame.bytes, transport);
  const protocol = ipv6.nextHeader(frame.bytes, network);
  if (protocol === NEXT_TCP) return `icmp6: ${host} tcp port ${port(frame, 'tcp', number)} unreachable`;
  if (protocol === NEXT_UDP) return `icmp6: ${host} udp port ${port(frame, 'udp', number)} unreachable`;
  return `icmp6: ${host} protocol ${protocol} port ${number} unreachable`;
}

function printTimeExceeded(frame: Frame, at: number): string {
  const code = icmp6.code(frame.bytes, at);
  if (code === icmp6.CODE_EXCEEDED_IN_TRANSIT) {
    return `icmp6: time exceeded in-transit for ${quotedDestination(frame, at)}`;
  }
  if (code === icmp6.CODE_EXCEEDED_REASSEMBLY) return 'icmp6: ip6 reassembly time exceeded';
  return `icmp6: time exceeded code-#${code}`;
}

function printParameterProblem(frame: Frame, at: number): string {
  const octet = `octet ${icmp6.pointer(frame.bytes, at) >>> 0}`;
  const code = icmp6.code(frame.bytes, at);
  switch (code) {
    case icmp6.CODE_PARAMETER_HEADER:
      return `icmp6: parameter problem erroneous - ${octet}`;
    case icmp6.CODE_PARAMETER_NEXT_HEADER:
      return `icmp6: parameter problem next header - ${octet}`;
    case icmp6.CODE_PARAMETER_OPTION:
      return `icmp6: parameter problem option - ${octet}`;
    default:
      return `icmp6: parameter problem code-#${code}`;
  }
}

function printEcho(frame: Frame, at: number, type: number): string | undefined {
  const name = `icmp6: echo ${type === icmp6.TYPE_ECHO ? 'request' : 'reply'}`;
  if (frame.options.verbose === 0) return name;
  if (!captured(frame, at, icmp6.HEADER_LENGTH)) return undefined;
  const { bytes } = frame;
  return `${name} (id:${hex(icmp6.identifier(bytes, at), 4)} seq:${icmp6.sequence(bytes, at)})`;
}

/** With -v, if all of the message is there. */
function printChecksum(frame: Frame, network: number, at: number, length: number): string {
  const { bytes } = frame;
  if (frame.options.verbose === 0 || length < icmp6.MINIMUM_LENGTH || !captured(frame, at, length)) return '';
  const computed = checksum.transport6(bytes, network, ipv6.NEXT_ICMP6, at, length);
  if (computed === 0) return ' [icmp6 cksum ok]';
  const stored = icmp6.checksum(bytes, at);
  return ` [bad icmp6 cksum ${hex(stored, 1)}! -> ${hex(rightChecksum(stored, computed), 1)}]`;
}
