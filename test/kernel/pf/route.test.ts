// SPDX-License-Identifier: ISC
//
// route-to, reply-to and dup-to: the load balancer of the article, packet by packet, in both dialects and both families.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { data, icmp6Message, icmpMessage, ip4, ip6, tcpSegment, udp } from '../../support/packets.ts';
import { LEFT, RIGHT } from '../../support/router.ts';
import { Balancer, client4, client6 } from './balancer.ts';
import { Filter } from './filter.ts';

const { FLAG_SYN: SYN, FLAG_ACK: ACK, FLAG_FIN: FIN } = tcp;

const { VIP, VIP6 } = Balancer;

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
