// SPDX-License-Identifier: ISC
//
// One TCP connection as the capture files of a lab show it: every hop from station to station, with its frames.

import { readFileSync } from 'node:fs';
import {
  type Address,
  INET,
  INET6,
  ipv4 as ipv4Address,
  ipv6 as ipv6Address,
} from '../../appliance/abi/address.ts';
import { formatAddress } from '../../appliance/abi/addressText.ts';
import * as ethernet from '../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../appliance/wire/ipv4.ts';
import * as ipv6 from '../../appliance/wire/ipv6.ts';
import * as pcap from '../../appliance/wire/pcap.ts';
import * as tcp from '../../appliance/wire/tcp.ts';
import type { Capture, Station } from './network.ts';

/** The four-tuple of a connection, client first; addresses as text. */
export interface Flow {
  readonly client: { readonly address: string; readonly port: number };
  readonly server: { readonly address: string; readonly port: number };
}

/** A TCP frame of a capture file. */
export interface Frame {
  readonly capture: Capture;
  /** Place in the capture file, from 1, as capture viewers number them. */
  readonly number: number;
  readonly from: string;
  readonly to: string;
  readonly source: { readonly address: string; readonly port: number };
  readonly destination: { readonly address: string; readonly port: number };
  readonly hops: number;
  /** The IP packet, without Ethernet header and padding. */
  readonly packet: Uint8Array;
}

/** The frames of a flow that went from one station to another, in one direction. */
export interface Hop {
  readonly direction: 'request' | 'reply';
  readonly from: Station;
  readonly to: Station;
  /** As one capture saw them; the first of those that did. */
  readonly frames: readonly Frame[];
  /** All captures that saw this hop. */
  readonly seenBy: readonly Capture[];
}

export function describeCapture(capture: Capture): string {
  return `${capture.host} ${capture.interface}`;
}

/** Every TCP frame of a capture file; a record that is still being written ends it. */
export function readFrames(capture: Capture): Frame[] {
  const bytes = new Uint8Array(readFileSync(capture.file));
  if (!pcap.valid(bytes, 0, bytes.length)) throw new Error(`${capture.file} is not a capture file`);
  const little = pcap.isLittleEndian(bytes, 0);
  const frames: Frame[] = [];
  let at = pcap.FILE_HEADER_LENGTH;
  for (let number = 1; pcap.recordValid(bytes, at, bytes.length, little); number++) {
    const link = pcap.frameAt(at);
    at = link + pcap.capturedLength(bytes, at, little);
    const frame = tcpFrame(bytes, link, at);
    if (frame !== undefined) frames.push({ capture, number, ...frame });
  }
  return frames;
}

function tcpFrame(
  bytes: Uint8Array,
  link: number,
  end: number,
): Omit<Frame, 'capture' | 'number'> | undefined {
  if (!ethernet.valid(bytes, link, end)) return undefined;
  const at = link + ethernet.HEADER_LENGTH;
  const network = networkHeader(bytes, at, ethernet.type(bytes, link), end);
  if (network === undefined || network.protocol !== ipv4.PROTOCOL_TCP) return undefined;
  if (network.transport + tcp.HEADER_LENGTH > network.end) return undefined;
  return {
    from: linkAddress(bytes, ethernet.sourceAt(link)),
    to: linkAddress(bytes, ethernet.destinationAt(link)),
    source: { address: formatAddress(network.source), port: tcp.sourcePort(bytes, network.transport) },
    destination: {
      address: formatAddress(network.destination),
      port: tcp.destinationPort(bytes, network.transport),
    },
    hops: network.hops,
    packet: bytes.slice(at, network.end),
  };
}

interface NetworkHeader {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  readonly hops: number;
  readonly transport: number;
  readonly end: number;
}

function networkHeader(bytes: Uint8Array, at: number, type: number, end: number): NetworkHeader | undefined {
  if (type === ethernet.TYPE_IPV4 && ipv4.valid(bytes, at, end) === ipv4.OK) {
    return {
      source: ipv4Address(ipv4.source(bytes, at)),
      destination: ipv4Address(ipv4.destination(bytes, at)),
      protocol: ipv4.protocol(bytes, at),
      hops: ipv4.ttl(bytes, at),
      transport: ipv4.payloadAt(bytes, at),
      end: at + ipv4.totalLength(bytes, at),
    };
  }
  if (type === ethernet.TYPE_IPV6 && ipv6.valid(bytes, at, end) === ipv6.OK) {
    const word = (index: number, get: typeof ipv6.sourceWord) => get(bytes, at, index);
    const address = (get: typeof ipv6.sourceWord) =>
      ipv6Address(word(0, get), word(1, get), word(2, get), word(3, get));
    return {
      source: address(ipv6.sourceWord),
      destination: address(ipv6.destinationWord),
      protocol: ipv6.nextHeader(bytes, at),
      hops: ipv6.hopLimit(bytes, at),
      transport: ipv6.payloadAt(at),
      end: at + ipv6.HEADER_LENGTH + ipv6.payloadLength(bytes, at),
    };
  }
  return undefined;
}

function linkAddress(bytes: Uint8Array, at: number): string {
  return Array.from(bytes.subarray(at, at + ethernet.ADDRESS_LENGTH), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join(':');
}

export function familyOf(flow: Flow): 4 | 6 {
  return flow.client.address.includes(':') ? INET6 : INET;
}

function directionOf(frame: Frame, flow: Flow): Hop['direction'] | undefined {
  const is = (a: Frame['source'], b: Flow['client']) => a.address === b.address && a.port === b.port;
  if (is(frame.source, flow.client) && is(frame.destination, flow.server)) return 'request';
  if (is(frame.source, flow.server) && is(frame.destination, flow.client)) return 'reply';
  return undefined;
}

/** The hops of a flow in the order in which its packets take them. */
export function traceFlow(flow: Flow, captures: readonly Capture[], stations: readonly Station[]): Hop[] {
  const hops: { -readonly [K in keyof Hop]: Hop[K] }[] = [];
  for (const capture of captures) {
    for (const frame of readFrames(capture)) {
      const direction = directionOf(frame, flow);
      const from = stations.find((station) => station.linkAddress === frame.from);
      const to = stations.find((station) => station.linkAddress === frame.to);
      if (direction === undefined || from === undefined || to === undefined) continue;
      const hop = hops.find(
        (known) => known.direction === direction && known.from === from && known.to === to,
      );
      if (hop === undefined) {
        hops.push({ direction, from, to, frames: [frame], seenBy: [capture] });
      } else if (hop.seenBy[0] === capture) {
        hop.frames = [...hop.frames, frame];
      } else if (!hop.seenBy.includes(capture)) {
        hop.seenBy = [...hop.seenBy, capture];
      }
    }
  }
  return inOrder(hops, 'request').concat(inOrder(hops, 'reply'));
}

/** Each hop starts at the host where another ended; the first starts where none ends. */
function inOrder(hops: readonly Hop[], direction: Hop['direction']): Hop[] {
  const left = hops.filter((hop) => hop.direction === direction);
  const ordered: Hop[] = [];
  let next = left.find((hop) => !left.some((other) => other.to.host === hop.from.host));
  while (next !== undefined) {
    ordered.push(next);
    left.splice(left.indexOf(next), 1);
    const here = next.to.host;
    next = left.find((hop) => hop.from.host === here) ?? left[0];
  }
  return ordered.concat(left.filter((hop) => !ordered.includes(hop)));
}
