// SPDX-License-Identifier: ISC
//
// A router with pf between two stations, its rules as text. What comes out is told in a line per packet, and every packet that comes out has
// right checksums, or the test fails.

import assert from 'node:assert/strict';
import type { PfLoad, StateInfo } from '../../../appliance/abi/pf.ts';
import type { Dialect } from '../../../appliance/abi/rule.ts';
import { parsePfConf, pfLoadOf } from '../../../appliance/user/config/pf/pfConf.ts';
import * as checksum from '../../../appliance/wire/checksum.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { frame, type Network } from '../../support/packets.ts';
import { LEFT_LINK, RIGHT_LINK, Router, VR0_LINK, VR1_LINK } from '../../support/router.ts';
import type { SegmentNotes, WireOptions } from '../../support/world.ts';

/** A load as pfctl would make of this text. */
export function loadOf(text: string, dialect: Dialect | 'auto' = 'openbsd'): PfLoad {
  const parsed = parsePfConf(text, 'pf.conf', { dialect, optimization: 'none' });
  assert.deepEqual(parsed.diagnostics, []);
  return pfLoadOf([parsed], true);
}

const FLAGS: readonly (readonly [number, string])[] = [
  [tcp.FLAG_SYN, 'S'],
  [tcp.FLAG_FIN, 'F'],
  [tcp.FLAG_RST, 'R'],
  [tcp.FLAG_PSH, 'P'],
  [tcp.FLAG_ACK, '.'],
];

/** `192.0.2.9:1024 > 198.51.100.9:80 S 1000`, with `ack N` where there is one and the payload's length where there is some. */
export function tell(bytes: Uint8Array, at = ethernet.HEADER_LENGTH): string {
  const isFour = ipv4.version(bytes, at) === 4;
  const end =
    at + (isFour ? ipv4.totalLength(bytes, at) : ipv6.HEADER_LENGTH + ipv6.payloadLength(bytes, at));
  const transport = isFour ? ipv4.payloadAt(bytes, at) : ipv6.payloadAt(at);
  const protocol = isFour ? ipv4.protocol(bytes, at) : ipv6.nextHeader(bytes, at);
  const [from, to] = isFour
    ? [quad(ipv4.source(bytes, at)), quad(ipv4.destination(bytes, at))]
    : [words(bytes, ipv6.sourceAt(at)), words(bytes, ipv6.destinationAt(at))];
  if (isFour && ipv4.isFragment(bytes, at)) return `${from} > ${to} fragment`;
  switch (protocol) {
    case ipv4.PROTOCOL_TCP:
      return `${from}:${tcp.sourcePort(bytes, transport)} > ${to}:${tcp.destinationPort(bytes, transport)} ${segment(bytes, transport, end)}`;
    case ipv4.PROTOCOL_UDP:
      return `${from}:${tcp.sourcePort(bytes, transport)} > ${to}:${tcp.destinationPort(bytes, transport)} udp ${end - transport - 8}`;
    case ipv4.PROTOCOL_ICMP:
    case ipv6.NEXT_ICMP6: {
      const type = icmp.type(bytes, transport);
      const isError = isFour ? icmp.isError(type) : type < 128;
      const rest = isError
        ? `code ${icmp.code(bytes, transport)}`
        : `id ${icmp.identifier(bytes, transport)}`;
      const quoted = isError ? ` about ${tell(bytes, icmp.payloadAt(transport))}` : '';
      return `${from} > ${to} icmp ${type} ${rest}${quoted}`;
    }
    default:
      return `${from} > ${to} protocol ${protocol}`;
  }
}

function segment(bytes: Uint8Array, at: number, end: number): string {
  const bits = tcp.flags(bytes, at);
  const flags = FLAGS.flatMap(([bit, letter]) => ((bits & bit) === 0 ? [] : [letter])).join('');
  const ack = (bits & tcp.FLAG_ACK) === 0 ? '' : ` ack ${tcp.acknowledgment(bytes, at) >>> 0}`;
  const length = end - tcp.payloadAt(bytes, at);
  return `${flags} ${tcp.sequence(bytes, at) >>> 0}${ack}${length > 0 ? ` (${length})` : ''}`;
}

function quad(word: number): string {
  return [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff).join('.');
}

function words(bytes: Uint8Array, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!).toString(16),
  );
  return groups.join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
}

/** Fails unless the checksums of a frame's IP packet are right. */
export function verify(bytes: Uint8Array, at = ethernet.HEADER_LENGTH): void {
  const isFour = ipv4.version(bytes, at) === 4;
  if (isFour) assert.equal(checksum.compute(bytes, at, ipv4.headerLength(bytes, at)), 0, 'IPv4 checksum');
  if (isFour && ipv4.isFragment(bytes, at)) return;
  const transport = isFour ? ipv4.payloadAt(bytes, at) : ipv6.payloadAt(at);
  const protocol = isFour ? ipv4.protocol(bytes, at) : ipv6.nextHeader(bytes, at);
  const length = isFour
    ? ipv4.totalLength(bytes, at) - ipv4.headerLength(bytes, at)
    : ipv6.payloadLength(bytes, at);
  if (isFour && protocol === ipv4.PROTOCOL_ICMP) {
    return assert.equal(checksum.compute(bytes, transport, length), 0, 'ICMP checksum');
  }
  const isNone = protocol === ipv4.PROTOCOL_UDP && bytes[transport + 6] === 0 && bytes[transport + 7] === 0;
  if (![6, 17, 58].includes(protocol) || (isFour && isNone)) return;
  const transportSum = isFour ? checksum.transport4 : checksum.transport6;
  assert.equal(transportSum(bytes, at, protocol, transport, length), 0, `checksum of protocol ${protocol}`);
}

export class Filter {
  readonly router: Router;

  constructor(
    text: string,
    dialect: Dialect | 'auto' = 'openbsd',
    left: WireOptions = {},
    right: WireOptions = {},
  ) {
    this.router = new Router(left, right);
    this.load(text, dialect);
    this.router.host.call('pf.enable', {});
  }

  load(text: string, dialect: Dialect | 'auto' = 'openbsd'): void {
    this.router.host.call('pf.load', loadOf(text, dialect));
  }

  /** The left station sends this to the router; answers what came out, `left` or `right` and the packet. */
  left(network: Network, notes: SegmentNotes = {}): string[] {
    return this.heard(() => this.router.left.send(frame({ to: VR0_LINK, from: LEFT_LINK }, network), notes));
  }

  right(network: Network, notes: SegmentNotes = {}): string[] {
    return this.heard(() =>
      this.router.right.send(frame({ to: VR1_LINK, from: RIGHT_LINK }, network), notes),
    );
  }

  /** What comes out when something is done, ARP aside. */
  heard(act: () => void): string[] {
    act();
    this.router.world.run(1000);
    const side = (name: string, frames: readonly Uint8Array[]) =>
      frames
        .filter((bytes) => ethernet.type(bytes, 0) !== ethernet.TYPE_ARP)
        .map((bytes) => {
          verify(bytes);
          return `${name} ${tell(bytes)}`;
        });
    return [...side('left', this.router.left.take()), ...side('right', this.router.right.take())];
  }

  /** Lets seconds pass. */
  pass(seconds: number): void {
    this.router.world.run(seconds * 1_000_000);
    this.router.left.take();
    this.router.right.take();
  }

  states(): readonly StateInfo[] {
    return this.router.host.call('pf.states', { cursor: 0 }).items;
  }

  /** `in 2:0 expires 120` of each state: direction, peer states of source and destination, seconds left. */
  peers(): string[] {
    return this.states().map(
      (one) => `${one.direction} ${one.source.state}:${one.destination.state} ${one.expires}`,
    );
  }

  reasons(): Record<string, number> {
    const { reasons } = this.router.host.call('pf.status', {});
    return Object.fromEntries(Object.entries(reasons).filter(([, count]) => count > 0));
  }
}
