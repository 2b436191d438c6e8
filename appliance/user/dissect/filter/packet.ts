// SPDX-License-Identifier: ISC
//
// A captured packet as a filter looks at it: where its layers are, found once for each number of tags in front.

import * as ethernet from '../../../wire/ethernet.ts';
import * as extension6 from '../../../wire/extension6.ts';
import * as ipv4 from '../../../wire/ipv4.ts';
import * as ipv6 from '../../../wire/ipv6.ts';
import * as pcap from '../../../wire/pcap.ts';
import * as pflog from '../../../wire/pflog.ts';

export interface Layers {
  /** Type of what the frame carries, -1 when the link layer has no such thing or the frame ends before. */
  readonly etherType: number;
  /** VLAN id of the tag that stands here, -1 without one. */
  readonly vlan: number;
  /** Position behind the link-level header. */
  readonly network: number;
  /** 4 or 6 if a whole header of that version was captured, else 0. */
  readonly family: 0 | 4 | 6;
  /** Transport protocol behind IPv6 extension headers, -1 without family. */
  readonly protocol: number;
  /** Position of the transport header, -1 in a later fragment or where headers are broken. */
  readonly transport: number;
}

const NOTHING: Layers = { etherType: -1, vlan: -1, network: -1, family: 0, protocol: -1, transport: -1 };

export class FilterPacket {
  readonly linkType: number;
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly end: number;
  /** On the wire. */
  readonly length: number;
  private readonly known: Layers[] = [];

  constructor(linkType: number, bytes: Uint8Array, offset: number, end: number, length: number) {
    this.linkType = linkType;
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
    this.length = length;
  }

  hasEthernet(): boolean {
    return this.linkType === pcap.LINK_ETHERNET && ethernet.valid(this.bytes, this.offset, this.end);
  }

  /** Behind so many 802.1Q tags; nothing at all if the frame has fewer. */
  layers(tags: number): Layers {
    this.known[tags] ??= this.find(tags);
    return this.known[tags];
  }

  private find(tags: number): Layers {
    if (this.linkType === pcap.LINK_ETHERNET) return this.hasEthernet() ? this.findEthernet(tags) : NOTHING;
    if (tags > 0) return NOTHING;
    if (this.linkType === pcap.LINK_RAW) return this.findNetwork(this.offset);
    if (this.linkType !== pcap.LINK_PFLOG || !pflog.valid(this.bytes, this.offset, this.end)) return NOTHING;
    return this.findNetwork(pflog.payloadAt(this.bytes, this.offset));
  }

  /** A tag stands where the type would be, so each one moves the header four bytes on. */
  private findEthernet(tags: number): Layers {
    let header = this.offset;
    for (let i = 0; i < tags; i++) {
      if (!ethernet.hasTag(this.bytes, header, this.end)) return NOTHING;
      header += ethernet.TAG_LENGTH;
    }
    const etherType = ethernet.type(this.bytes, header);
    const vlan = ethernet.hasTag(this.bytes, header, this.end) ? ethernet.vlan(this.bytes, header) : -1;
    const network = header + ethernet.HEADER_LENGTH;
    const isIp = etherType === ethernet.TYPE_IPV4 || etherType === ethernet.TYPE_IPV6;
    const found = isIp ? this.findNetwork(network) : NOTHING;
    return { ...found, etherType, vlan, network };
  }

  private findNetwork(network: number): Layers {
    if (network >= this.end) return NOTHING;
    return ipv6.version(this.bytes, network) === 6 ? this.findIpv6(network) : this.findIpv4(network);
  }

  private findIpv4(network: number): Layers {
    const { bytes, end } = this;
    if (end - network < ipv4.HEADER_LENGTH || ipv4.version(bytes, network) !== 4) return NOTHING;
    const first = ipv4.fragmentOffset(bytes, network) === 0;
    return {
      etherType: ethernet.TYPE_IPV4,
      vlan: -1,
      network,
      family: 4,
      protocol: ipv4.protocol(bytes, network),
      transport: first ? ipv4.payloadAt(bytes, network) : -1,
    };
  }

  private findIpv6(network: number): Layers {
    if (this.end - network < ipv6.HEADER_LENGTH) return NOTHING;
    const walk = new extension6.Walk();
    const whole = extension6.walk(this.bytes, network, this.end, walk) === extension6.OK;
    return {
      etherType: ethernet.TYPE_IPV6,
      vlan: -1,
      network,
      family: 6,
      protocol: walk.protocol,
      transport: whole && !walk.laterFragment ? walk.transport : -1,
    };
  }
}
