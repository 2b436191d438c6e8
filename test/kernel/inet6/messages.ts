// SPDX-License-Identifier: ISC
//
// Neighbour discovery as tests say and hear it, and a station that answers solicitations like a host.

import { formatAddress } from '../../../appliance/abi/addressText.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import * as nd6 from '../../../appliance/wire/nd6.ts';
import { frame, icmp6Message, ip6, link, words6 } from '../../support/packets.ts';
import type { Station } from '../../support/world.ts';

/** Type, source, destination, hop limit of an ICMPv6 message in a frame, and for neighbour discovery its target and flags. */
export interface Seen {
  readonly type: number;
  readonly code: number;
  readonly from: string;
  readonly to: string;
  readonly hops: number;
  readonly link: string;
  readonly target?: string;
  readonly flags?: number;
  /** Ethernet address in the message's option. */
  readonly option?: string;
}

const IP = ethernet.HEADER_LENGTH;

function addressAt(bytes: Uint8Array, at: number): string {
  return formatAddress({ family: 6, words: [0, 1, 2, 3].map((i) => ipv6.addressWord(bytes, at, i)) });
}

function linkAt(bytes: Uint8Array, at: number): string {
  return Array.from(bytes.subarray(at, at + 6), (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** The ICMPv6 message of a frame without extension headers; undefined for anything else. */
export function seen(bytes: Uint8Array): Seen | undefined {
  if (ethernet.type(bytes, 0) !== ethernet.TYPE_IPV6 || ipv6.nextHeader(bytes, IP) !== ipv6.NEXT_ICMP6) {
    return undefined;
  }
  const at = ipv6.payloadAt(IP);
  const type = icmp6.type(bytes, at);
  const plain = {
    type,
    code: icmp6.code(bytes, at),
    from: addressAt(bytes, ipv6.sourceAt(IP)),
    to: addressAt(bytes, ipv6.destinationAt(IP)),
    hops: ipv6.hopLimit(bytes, IP),
    link: linkAt(bytes, ethernet.destinationAt(0)),
  };
  if (type !== icmp6.TYPE_NEIGHBOR_SOLICITATION && type !== icmp6.TYPE_NEIGHBOR_ADVERTISEMENT) return plain;
  const options = at + nd6.NEIGHBOR_LENGTH;
  return {
    ...plain,
    target: addressAt(bytes, nd6.targetAt(at)),
    flags: nd6.flags(bytes, at),
    ...(options < bytes.length ? { option: linkAt(bytes, nd6.lladdrAt(options)) } : {}),
  };
}

/** Those of one type, in order. */
export function ofType(frames: readonly Uint8Array[], type: number): Seen[] {
  return frames.map(seen).filter((message): message is Seen => message?.type === type);
}

/** ff02::1:ffXX:XXXX of an address. */
export function solicitedNode(address: string): string {
  const words = [
    ipv6.LINK_GROUP_WORD0,
    0,
    ipv6.SOLICITED_NODE_WORD2,
    ipv6.solicitedNodeWord3(words6(address)[3]!),
  ];
  return formatAddress({ family: 6, words });
}

function groupLink(group: string): string {
  const last = words6(group)[3]!;
  return `33:33:${[24, 16, 8, 0].map((shift) => ((last >>> shift) & 255).toString(16).padStart(2, '0')).join(':')}`;
}

/** What a neighbour message says. */
export interface Neighboring {
  readonly link: string;
  readonly source: string;
  readonly destination: string;
  readonly target: string;
  /** FLAG_* of an advertisement. */
  readonly flags?: number;
  /** Ethernet address for the option; absent: no option. */
  readonly option?: string;
  readonly toLink?: string;
  readonly hops?: number;
}

function neighborMessage(type: number, optionType: number, says: Neighboring): Uint8Array {
  const body = new Uint8Array(nd6.NEIGHBOR_LENGTH - icmp6.HEADER_LENGTH + (says.option ? 8 : 0));
  words6(says.target).forEach((word, i) => {
    new DataView(body.buffer).setInt32(4 * i, word);
  });
  if (says.option !== undefined) nd6.writeLladdrOption(body, 16, optionType, ...link(says.option));
  const multicast = ipv6.isMulticast(words6(says.destination)[0]!);
  return frame(
    { to: says.toLink ?? (multicast ? groupLink(says.destination) : 'ff:ff:ff:ff:ff:ff'), from: says.link },
    ip6(
      { source: says.source, destination: says.destination, hops: says.hops ?? nd6.HOP_LIMIT },
      icmp6Message(type, 0, says.flags ?? 0, body),
    ),
  );
}

export function solicitation(says: Neighboring): Uint8Array {
  return neighborMessage(icmp6.TYPE_NEIGHBOR_SOLICITATION, nd6.OPTION_SOURCE_LLADDR, says);
}

export function advertisement(says: Neighboring): Uint8Array {
  return neighborMessage(icmp6.TYPE_NEIGHBOR_ADVERTISEMENT, nd6.OPTION_TARGET_LLADDR, says);
}

/** Makes a station answer solicitations for its addresses, as a host with that Ethernet address does. */
export function answers(station: Station, own: string, addresses: readonly string[]): void {
  station.answer = (bytes) => {
    const asked = seen(bytes);
    if (asked?.type !== icmp6.TYPE_NEIGHBOR_SOLICITATION || !addresses.includes(asked.target!))
      return undefined;
    if (asked.from === '::') return undefined;
    return advertisement({
      link: own,
      toLink: asked.option ?? linkAt(bytes, ethernet.sourceAt(0)),
      source: asked.target!,
      destination: asked.from,
      target: asked.target!,
      flags: nd6.FLAG_SOLICITED | nd6.FLAG_OVERRIDE,
      option: own,
    });
  };
}

/** An echo request frame. */
export function echo(
  header: { to: string; from: string; source: string; destination: string; hops?: number },
  data: string | number = 'hello',
): Uint8Array {
  const { source, destination, hops = 64 } = header;
  return frame(
    { to: header.to, from: header.from },
    ip6({ source, destination, hops }, icmp6Message(icmp6.TYPE_ECHO, 0, icmp6.echoRest(1, 1), data)),
  );
}
