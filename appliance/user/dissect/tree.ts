// SPDX-License-Identifier: ISC
//
// One packet as a tree: its headers, outer ones first, and the fields of each. The walk is that of the line that tcpdump(8) prints; what a
// printer takes apart, the tree shows.

import * as pcap from '../../wire/pcap.ts';
import { dissect } from './dissect.ts';
import type { DissectOptions, Frame, HeaderKind } from './frame.ts';
import { hexAndCharacters } from './hexdump.ts';
import {
  arpFields,
  ethernetFields,
  extensionFields,
  type Field,
  type Fields,
  type FoundHeader,
  ipv4Fields,
  ipv6Fields,
  pflogFields,
  vlanFields,
} from './layers.ts';
import {
  carpFields,
  icmp6Fields,
  icmpFields,
  igmpFields,
  pfsyncFields,
  tcpFields,
  udpFields,
} from './transportLayers.ts';

export interface Layer {
  readonly name: string;
  readonly fields: readonly Field[];
}

const HEADERS: Readonly<Record<HeaderKind, readonly [name: string, fields: Fields]>> = {
  pflog: ['pflog', pflogFields],
  ethernet: ['Ethernet', ethernetFields],
  vlan: ['802.1Q tag', vlanFields],
  arp: ['ARP', arpFields],
  ipv4: ['IPv4', ipv4Fields],
  ipv6: ['IPv6', ipv6Fields],
  extension: ['IPv6 extension header', extensionFields],
  tcp: ['TCP', tcpFields],
  udp: ['UDP', udpFields],
  icmp: ['ICMP', icmpFields],
  icmp6: ['ICMPv6', icmp6Fields],
  igmp: ['IGMP', igmpFields],
  carp: ['carp', carpFields],
  pfsync: ['pfsync', pfsyncFields],
};

/** As much as the printers can say. */
const OPTIONS: DissectOptions = { numeric: true, ethernet: true, verbose: 2 };

/** The headers of a captured frame of this link type (pcap.LINK_*), and its bytes at the end. */
export function decode(linkType: number, bytes: Uint8Array, wireLength: number): readonly Layer[] {
  const found: (FoundHeader & { readonly kind: HeaderKind })[] = [];
  const end = bytes.length;
  dissect(linkType, bytes, 0, end, {
    ...OPTIONS,
    wireLength,
    found: (kind, at, length, network, protocol = 0) => found.push({ kind, at, length, network, protocol }),
  });
  // A printer for a field would follow packets within packets again; they have been found already.
  const frame: Frame = {
    bytes,
    end,
    link: linkType === pcap.LINK_ETHERNET ? 0 : -1,
    options: { ...OPTIONS, wireLength },
    inner: () => 'the packet below',
  };
  const cut = end < wireLength ? `${end} of ${wireLength} bytes` : `${end} bytes`;
  return [
    ...found.map((header): Layer => {
      const [name, fields] = HEADERS[header.kind];
      return { name, fields: fields(frame, header) };
    }),
    { name: cut, fields: dumpFields(bytes) },
  ];
}

/** Lines of sixteen bytes, each named by the offset of its first. */
function dumpFields(bytes: Uint8Array): readonly Field[] {
  return hexAndCharacters(bytes, 0, bytes.length)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => [line.slice(2, 6), line.slice(8)]);
}
