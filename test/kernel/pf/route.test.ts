// SPDX-License-Identifier: ISC
//
// route-to, reply-to and dup-to: the load balancer of the article, packet by packet, in both dialects and both families.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '../../../appliance/abi/rule.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import {
  arpPacket,
  data,
  frame,
  icmp6Message,
  icmpMessage,
  ip4,
  ip6,
  type Network,
  tcpSegment,
  udp,
} from '../../support/packets.ts';
import { LEFT, RIGHT } from '../../support/router.ts';
import { type Host, type Station, World } from '../../support/world.ts';
import { Filter, loadOf, tell, verify } from './filter.ts';

const { FLAG_SYN: SYN, FLAG_ACK: ACK, FLAG_FIN: FIN } = tcp;

/** The load balancer: the VIP is its own, its servers and the router are on the same wire. No forwarding. */
class Balancer {
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

  constructor(dialect: 'openbsd-2008' | 'openbsd', extra = '') {
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
    this.host.call('pf.load', loadOf(anchors + extra, dialect));
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
    for (const [address, link] of all) {
      const own = address.startsWith('10.') ? '10.0.0.1' : Balancer.VIP;
      const header = { to: 'ff:ff:ff:ff:ff:ff', from: link };
      this.wire.send(frame(header, arpPacket(1, { link, address }, { address: own })));
    }
    this.wire.answer = (bytes) => this.advertise(bytes);
    this.world.run(1000);
    this.wire.take();
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
const client4 = (port: number, flags: number, sequence = 1000) =>
  ip4(
    { source: '192.0.2.1', destination: VIP, ttl: 63 },
    tcpSegment({ from: port, to: 80, sequence, flags }),
  );
const client6 = (port: number, flags: number) =>
  ip6({ source: '3ffe::1', destination: VIP6, hops: 63 }, tcpSegment({ from: port, to: 80, flags }));

test('2008: a connection by Direct Server Return passes untouched, to one server, its TTL as it came', () => {
  const lb = new Balancer('openbsd-2008');
  const line = (flags: string) => [`S1 192.0.2.1:1024 > ${VIP}:80 ${flags} ttl 63`];
  assert.deepEqual(lb.send(client4(1024, SYN)), line('S 1000'));
  const [first] = lb.states();
  assert.deepEqual(first?.route?.address, { family: 4, words: [0x0a00000a] });
  assert.deepEqual([first?.source.state, first?.destination.state, first?.expires], [2, 0, 120]);
  assert.deepEqual(lb.send(client4(1024, ACK, 1001)), line('. 1001 ack 2000'));
  assert.equal(lb.states()[0]?.expires, 600);
  assert.deepEqual(lb.send(client4(1024, FIN | ACK, 1001)), line('F. 1001 ack 2000'));
  const [closing] = lb.states();
  assert.deepEqual([closing?.source.state, closing?.destination.state, closing?.expires], [7, 7, 45]);
  assert.equal(lb.states().length, 1);
});

test('today the same is a hop: one less, and the way out is tested too', () => {
  const lb = new Balancer('openbsd');
  assert.deepEqual(lb.send(client4(1024, SYN)), [`S1 192.0.2.1:1024 > ${VIP}:80 S 1000 ttl 62`]);
  const blocking = new Balancer('openbsd', 'block out on vr0 proto tcp to port 80\n');
  assert.deepEqual(blocking.send(client4(1024, SYN)), []);
  const old = new Balancer('openbsd-2008', 'block out on vr0 proto tcp to port 80\n');
  assert.equal(old.send(client4(1024, SYN)).length, 1);
});

test('today a packet on its last hop is answered', () => {
  const lb = new Balancer('openbsd');
  const last = ip4(
    { source: '192.0.2.1', destination: VIP, ttl: 1 },
    tcpSegment({ from: 1024, to: 80, flags: SYN }),
  );
  const [answer] = lb.send(last);
  assert.match(answer ?? '', /^router 192\.0\.2\.253 > 192\.0\.2\.1 icmp 11 code 0 about 192\.0\.2\.1:1024/);
});

for (const dialect of ['openbsd-2008', 'openbsd'] as const) {
  test(`${dialect}: connections go round the servers in the order of their addresses, each family by itself`, () => {
    const lb = new Balancer(dialect);
    const servers4 = [1, 2, 3, 4].map((port) => lb.send(client4(port, SYN))[0]?.slice(0, 2));
    const servers6 = [1, 2, 3].map((port) => lb.send(client6(port, SYN))[0]?.slice(0, 2));
    assert.deepEqual(
      [servers4, servers6],
      [
        ['S1', 'S2', 'S1', 'S2'],
        ['S1', 'S2', 'S1'],
      ],
    );
    const [table] = lb.host.call('pf.tables', { anchor: 'relayd/www' });
    assert.equal(table?.evaluations.match, 4);
  });

  test(`${dialect}: an error for the VIP goes to the server that owns the connection, both families`, () => {
    const lb = new Balancer(dialect);
    lb.send(client4(1024, SYN));
    lb.send(client4(1025, SYN));
    lb.send(client6(1024, SYN));
    lb.send(client6(1025, SYN));
    for (const [port, server] of [
      [1024, 'S1'],
      [1025, 'S2'],
    ] as const) {
      // Of a packet from server to client, which the balancer never saw.
      const reply = tcpSegment({ from: 80, to: port, sequence: 123_456, flags: ACK }, 1400);
      const big4 = ip4({ source: VIP, destination: '192.0.2.1' }, reply).bytes.subarray(0, 28);
      const error4 = icmpMessage(icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_NEED_FRAGMENT, 1280, big4);
      const [heard4] = lb.send(ip4({ source: '192.0.2.254', destination: VIP }, error4));
      assert.match(
        heard4 ?? '',
        new RegExp(`^${server} 192\\.0\\.2\\.254 > 192\\.0\\.2\\.253 icmp 3 code 4`),
      );
      const big6 = ip6({ source: VIP6, destination: '3ffe::1' }, reply).bytes.subarray(0, 60);
      const error6 = icmp6Message(icmp6.TYPE_PACKET_TOO_BIG, 0, 1280, big6);
      const [heard6] = lb.send(ip6({ source: '3ffe:1::', destination: VIP6 }, error6));
      assert.match(heard6 ?? '', new RegExp(`^${server} 3ffe:1:: > 3ffe:1::1 icmp 2 code 0`));
    }
  });
}

test('a state keeps its server when the table changes, and its rule when the rules go', () => {
  const lb = new Balancer('openbsd-2008');
  lb.send(client4(1024, SYN));
  const entry = { prefix: { family: 4 as const, words: [0x0a00000b], length: 32 }, negated: false };
  lb.host.call('pf.changeTable', { anchor: 'relayd/www', name: 'www', change: 'replace', entries: [entry] });
  assert.match(lb.send(client4(1024, ACK, 1001))[0] ?? '', /^S1 /);
  assert.match(lb.send(client4(1025, SYN))[0] ?? '', /^S2 /);
  lb.host.call('pf.load', {
    dialect: 'openbsd-2008',
    anchors: [{ path: 'relayd/www', rules: [] }],
    tables: [],
  });
  assert.match(lb.send(client4(1024, ACK, 1001))[0] ?? '', /^S1 /);
  assert.equal(lb.states().find((one) => one.wire.ports[0] === 1024)?.expires, 600);
  // New ones are for the machine itself, where nobody listens.
  assert.match(lb.send(client4(1026, SYN))[0] ?? '', /^router 192\.0\.2\.253:80 > 192\.0\.2\.1:1026 R/);
});

test('too big for the way: the sender is told', () => {
  const lb = new Balancer('openbsd-2008');
  lb.host.call('interface.set', { name: 'vr0', mtu: 600 });
  const large = ip4(
    { source: '192.0.2.1', destination: VIP, fragment: ipv4.FRAGMENT_DF },
    tcpSegment({ from: 1024, to: 80, flags: ACK }, data(900)),
  );
  const [answer] = lb.send(large);
  assert.match(answer ?? '', /^router 192\.0\.2\.253 > 192\.0\.2\.1 icmp 3 code 4/);
});

test('reply-to: answers leave the way the question came', () => {
  const filter = new Filter(`pass in on vr1 reply-to (vr1 ${RIGHT}) proto udp\npass out\n`, 'openbsd-2008');
  filter.router.host.route('203.0.113.0/24', LEFT);
  // From an address that is routed to the left, by the right.
  const question = ip4({ source: '203.0.113.5', destination: LEFT }, udp(1000, 53));
  assert.deepEqual(filter.right(question), ['left 203.0.113.5:1000 > 192.0.2.9:53 udp 0']);
  const answer = ip4({ source: LEFT, destination: '203.0.113.5' }, udp(53, 1000, 'yes'));
  // IP tells of the better way by its own table before pf knows better.
  const [redirect, routed] = filter.left(answer);
  assert.match(redirect ?? '', /^left 192\.0\.2\.1 > 192\.0\.2\.9 icmp 5/);
  assert.equal(routed, 'right 192.0.2.9:53 > 203.0.113.5:1000 udp 3');
  assert.deepEqual(
    filter.states().map(({ direction, packets }) => [direction, ...packets]),
    [
      ['in', 1, 1],
      ['out', 1, 1],
    ],
  );
});

test('dup-to: a copy goes there, the packet goes on', () => {
  const filter = new Filter(`pass in on vr0 dup-to (vr1 ${RIGHT}) proto udp to 192.0.2.1\n`, 'openbsd-2008');
  const heard = filter.left(ip4({ source: LEFT, destination: '192.0.2.1' }, udp(9, 9999, 'x')));
  assert.ok(heard.includes('right 192.0.2.9:9 > 192.0.2.1:9999 udp 1'), heard.join('\n'));
  assert.ok(heard.some((line) => /^left 192\.0\.2\.1 > 192\.0\.2\.9 icmp 3 code 3/.test(line)));
});
