// SPDX-License-Identifier: ISC
//
// IPv4 options of packets that come in (RFC 791 3.1, RFC 1812 5.2.4; ip_dooptions): they must be well formed, source routes are
// refused or followed. Every other option passes as it is: RFC 1812 4.2.2.6 lets a router leave record route and timestamp alone.

import * as ips from '../../abi/counters/ip.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import type { Counters } from '../counters.ts';
import type { Packet } from '../packet.ts';
import { ROUTE_FORWARD, type Route, type Routes } from '../route/routes.ts';
import type { IcmpErrors } from '../transport/transport.ts';

/** What is needed of IPv4. */
export interface OptionsHost {
  readonly counters: Counters;
  readonly errors: IcmpErrors;
  readonly routes: Routes;
  isLocal(address: number): boolean;
  sourceOn(route: Route, destination: number): number;
}

/**
 * Looks at the options of a packet behind the filter; a source route that names us changes its destination to the next address.
 * `follow` is net.inet.ip.sourceroute. False when the packet is refused; that has been counted and answered.
 */
export function processOptions(ip: OptionsHost, packet: Packet, follow: boolean): boolean {
  const { bytes, network } = packet;
  const end = ipv4.payloadAt(bytes, network);
  for (let at = ipv4.optionsAt(network); at < end; ) {
    const option = bytes[at]!;
    if (option === ipv4.OPTION_END) return true;
    const length = ipv4.optionLength(bytes, at, end);
    if (length === 0) return malformed(ip, packet, ipv4.optionLengthAt(at));
    if (option === ipv4.OPTION_LOOSE_SOURCE_ROUTE || option === ipv4.OPTION_STRICT_SOURCE_ROUTE) {
      if (!follow) return sourceRouteFailed(ip, packet);
      if (!followSourceRoute(ip, packet, at, length)) return false;
    }
    at += length;
  }
  return true;
}

/** Parameter problem that points at a byte of the header. */
function malformed(ip: OptionsHost, packet: Packet, at: number): false {
  ip.counters.count(ips.BAD_OPTIONS);
  const rest = icmp.pointerRest(at - packet.network);
  ip.errors.error(packet, icmp.TYPE_PARAMETER_PROBLEM, icmp.CODE_PARAMETER_POINTER, rest);
  return false;
}

function sourceRouteFailed(ip: OptionsHost, packet: Packet): false {
  ip.counters.count(ips.BAD_OPTIONS);
  ip.errors.error(packet, icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_SOURCE_ROUTE, 0);
  return false;
}

/** Takes the next address as destination and leaves ours, of the interface that leads there, in its place. */
function followSourceRoute(ip: OptionsHost, packet: Packet, at: number, length: number): boolean {
  const { bytes, network } = packet;
  const strict = bytes[at] === ipv4.OPTION_STRICT_SOURCE_ROUTE;
  // Somebody else's turn: a loose route lets us forward, a strict one should not have come here.
  if (!ip.isLocal(ipv4.destination(bytes, network))) return strict ? sourceRouteFailed(ip, packet) : true;
  const slot = ipv4.routeSlot(bytes, at, length);
  if (slot < 0) return malformed(ip, packet, ipv4.routePointerAt(at));
  if (slot === 0) return true; // it has arrived
  const next = ipv4.routeAddress(bytes, slot);
  const route = ip.routes.lookup4(next);
  if (route?.kind !== ROUTE_FORWARD || (strict && route.gateway !== undefined)) {
    return sourceRouteFailed(ip, packet);
  }
  ipv4.recordRoute(bytes, at, slot, ip.sourceOn(route, next));
  ipv4.setDestination(bytes, network, next);
  ipv4.fillChecksum(bytes, network);
  return true;
}
