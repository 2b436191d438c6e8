// SPDX-License-Identifier: ISC
//
// The load balancer of the article: its service addresses, two servers and the router on one wire, the rules of relayd in
// their anchors. Tests are the router.

import { formatAddress } from '../../../appliance/abi/addressText.ts';
import type { Rule } from '../../../appliance/abi/rule.ts';
import * as arp from '../../../appliance/wire/arp.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import { arpPacket, frame, icmp6Message, ip4, ip6, type Network, tcpSegment } from '../../support/packets.ts';
import { type Host, type Station, World } from '../../support/world.ts';
import { loadOf, tell, verify } from './filter.ts';

/** The load balancer: the VIP is its own, its servers and the router are on the same wire. No forwarding. */
export class Balancer {
  readonly world = new World();
  readonly host: Host;
  readonly wire: Station;
  static readonly VIP = '192.0.2.253';
  static readonly VIP6 = '3ffe:1::1';
  static readonly ROUTER = '02:00:00:00:00:fe';
  static readonly SERVERS: Readonly<Record<string, string>> = {
    '02:00:00:00:00:10': 'S1',
    '02:00:00:00:00:11': 'S2',
  };

  /** `options` and `extra` are lines of pf.conf before and behind the anchors. */
  constructor(dialect: 'openbsd-2008' | 'openbsd', extra = '', options = '') {
    const wire = this.world.wire();
    this.wire = this.world.station('wire', wire);
    this.host = this.world.host('lb');
    this.host.connect('vr0', wire, { linkAddress: '02:00:00:00:00:01' });
    for (const address of ['192.0.2.253/25', '10.0.0.1/24', '3ffe:1::1/64', '3ffe:2::1/64']) {
      this.host.address('vr0', address);
    }
    this.host.route('default', '192.0.2.254');
    this.host.route('default', '3ffe:1::');
    const anchors =
      dialect === 'openbsd-2008' ? 'rdr-anchor "relayd/*"\nanchor "relayd/*"\n' : 'anchor "relayd/*"\n';
    this.host.call('pf.load', loadOf(options + anchors + extra, dialect));
    this.host.call('pf.enable', {});
    this.world.run(5_000_000);
    this.introduce();
    this.redirect('www', 4, Balancer.VIP, ['10.0.0.10', '10.0.0.11'], dialect);
    this.redirect('wwwv6', 6, Balancer.VIP6, ['3ffe:2::10', '3ffe:2::11'], dialect);
  }

  /** The machine knows everyone's Ethernet address. */
  private introduce(): void {
    const all = [
      ['192.0.2.254', Balancer.ROUTER],
      ['10.0.0.10', '02:00:00:00:00:10'],
      ['10.0.0.11', '02:00:00:00:00:11'],
    ] as const;
    this.wire.answer = (bytes) => this.answerArp(bytes, new Map(all)) ?? this.advertise(bytes);
    for (const [address, link] of all) {
      const own = address.startsWith('10.') ? '10.0.0.1' : Balancer.VIP;
      const header = { to: 'ff:ff:ff:ff:ff:ff', from: link };
      this.wire.send(frame(header, arpPacket(1, { link, address }, { address: own })));
    }
    this.world.run(1000);
    this.wire.take();
  }

  /** So do those over IPv4, which pf's machine asks again when it has known them for a while. */
  private answerArp(bytes: Uint8Array, links: ReadonlyMap<string, string>): Uint8Array | undefined {
    const at = ethernet.HEADER_LENGTH;
    if (ethernet.type(bytes, 0) !== ethernet.TYPE_ARP || arp.operation(bytes, at) !== arp.REQUEST) return;
    const address = formatAddress({ family: 4, words: [arp.target(bytes, at)] });
    const link = links.get(address);
    if (link === undefined) return;
    const asker = {
      link: '02:00:00:00:00:01',
      address: formatAddress({ family: 4, words: [arp.sender(bytes, at)] }),
    };
    return frame({ to: asker.link, from: link }, arpPacket(arp.REPLY, { link, address }, asker));
  }

  /** Neighbours over IPv6 answer when they are asked. */
  private advertise(bytes: Uint8Array): Uint8Array | undefined {
    const at = ethernet.HEADER_LENGTH;
    if (ethernet.type(bytes, 0) !== ethernet.TYPE_IPV6 || ipv6.nextHeader(bytes, at) !== ipv6.NEXT_ICMP6)
      return;
    const message = ipv6.payloadAt(at);
    if (icmp6.type(bytes, message) !== icmp6.TYPE_NEIGHBOR_SOLICITATION) return;
    const target = bytes.slice(message + 8, message + 24);
    const last = target[15]!;
    const link = last === 0 ? Balancer.ROUTER : `02:00:00:00:00:${last.toString(16)}`;
    const option = Uint8Array.of(2, 1, ...link.split(':').map((byte) => Number.parseInt(byte, 16)));
    const text = last === 0 ? '3ffe:1::' : `3ffe:2::${last.toString(16)}`;
    const asked = { source: text, destination: words(bytes, at + 8), hops: 255 };
    const answer = icmp6Message(136, 0, 0x60000000, Uint8Array.of(...target, ...option));
    return frame({ to: '02:00:00:00:00:01', from: link }, ip6(asked, answer));
  }

  /** What relayd does when the first check of a redirection is good. */
  private redirect(
    name: string,
    family: 4 | 6,
    vip: string,
    servers: readonly string[],
    dialect: 'openbsd-2008' | 'openbsd',
  ): void {
    const anchor = `relayd/${name}`;
    const table = `table <${name}> persist { ${servers.join(', ')} }\n`;
    const host = family === 4 ? 'inet' : 'inet6';
    const options = 'flags any keep state (sloppy, tcp.established 600)';
    const rule =
      dialect === 'openbsd-2008'
        ? `pass in quick on vr0 route-to (vr0 <${name}>) round-robin ${host} proto tcp from any to ${vip} port = 80 ${options}\n`
        : `pass in quick on vr0 ${host} proto tcp from any to ${vip} port = 80 ${options} route-to <${name}> round-robin\n`;
    const load = loadOf(table + rule, dialect);
    this.host.call('pf.load', {
      dialect,
      anchors: [{ path: anchor, rules: load.anchors[0]!.rules as Rule[] }],
      tables: load.tables.map((one) => ({ ...one, anchor })),
    });
  }

  /** From the router; answers who got what. */
  send(network: Network): string[] {
    this.wire.send(frame({ to: '02:00:00:00:00:01', from: Balancer.ROUTER }, network));
    this.world.run(2_000);
    return this.wire.take().flatMap((bytes) => {
      if (ethernet.type(bytes, 0) === ethernet.TYPE_ARP) return [];
      const text = tell(bytes);
      if (/icmp 13[56]/.test(text)) return [];
      verify(bytes);
      const to = [...bytes.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
      const hops = ipv4.version(bytes, 14) === 4 ? ipv4.ttl(bytes, 14) : ipv6.hopLimit(bytes, 14);
      return [`${Balancer.SERVERS[to] ?? 'router'} ${text} ttl ${hops}`];
    });
  }

  states() {
    return this.host.call('pf.states', { cursor: 0 }).items;
  }
}

function words(bytes: Uint8Array, at: number): string {
  return Array.from({ length: 8 }, (_, i) =>
    ((bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!).toString(16),
  ).join(':');
}

const { VIP, VIP6 } = Balancer;

/** A segment of the client at 192.0.2.1 to the service, as the router hands it on. */
export const client4 = (port: number, flags: number, sequence = 1000) =>
  ip4(
    { source: '192.0.2.1', destination: VIP, ttl: 63 },
    tcpSegment({ from: port, to: 80, sequence, flags }),
  );

export const client6 = (port: number, flags: number) =>
  ip6({ source: '3ffe::1', destination: VIP6, hops: 63 }, tcpSegment({ from: port, to: 80, flags }));
