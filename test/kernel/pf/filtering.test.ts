// SPDX-License-Identifier: ISC
//
// What rules do beside passing: answers to what is blocked, states of UDP and ICMP, bound states, tags, options, limits, skip, logs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as pflog from '../../../appliance/wire/pflog.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { icmpMessage, ip4, payload, tcpSegment, udp } from '../../support/packets.ts';
import { LEFT, RIGHT } from '../../support/router.ts';
import { Filter, tell } from './filter.ts';

const { FLAG_SYN: SYN, FLAG_ACK: ACK, FLAG_RST: RST, FLAG_FIN: FIN } = tcp;
const datagram = (from = 1000, to = 53) => ip4({ source: LEFT, destination: RIGHT }, udp(from, to, 'abc'));
const answer = (from = 53, to = 1000) => ip4({ source: RIGHT, destination: LEFT }, udp(from, to, 'abc'));
const segment = (flags: number, data = '', from = 1024) =>
  ip4({ source: LEFT, destination: RIGHT }, tcpSegment({ from, to: 80, flags }, data));
const echo = (type: number, id = 7) => icmpMessage(type, 0, icmp.echoRest(id, 1), 'ping');

test('blocked packets are answered as the rule says', () => {
  const reset = (ack: number) => [`left ${RIGHT}:80 > ${LEFT}:1024 R. 2000 ack ${ack}`];
  const about = (what: string, code = 3) => [`left 192.0.2.1 > ${LEFT} icmp 3 code ${code} about ${what}`];
  const tcpLine = `${LEFT}:1024 > ${RIGHT}:80`;
  const cases: [rule: string, packet: ReturnType<typeof ip4>, heard: string[]][] = [
    ['block drop', segment(SYN), []],
    ['block return', segment(SYN), reset(1001)],
    ['block return', segment(ACK, 'abc'), reset(1003)],
    ['block return', segment(FIN | ACK, 'abc'), reset(1004)],
    ['block return-rst', segment(RST), []],
    ['block return-rst', datagram(), []],
    ['block return', segment(RST), about(`${tcpLine} R 1000`)],
    ['block return', datagram(), about(`${LEFT}:1000 > ${RIGHT}:53 udp 3`)],
    ['block return-icmp', segment(SYN), about(`${tcpLine} S 1000`)],
    ['block return-icmp (host-unr)', datagram(), about(`${LEFT}:1000 > ${RIGHT}:53 udp 3`, 1)],
    [
      'block return',
      ip4({ source: LEFT, destination: RIGHT }, payload(47, 8)),
      about(`${LEFT} > ${RIGHT} protocol 47`),
    ],
  ];
  for (const dialect of ['openbsd-2008', 'openbsd'] as const) {
    for (const [rule, packet, heard] of cases) {
      const suffix = rule === 'block return-rst' ? ' proto tcp' : '';
      const filter = new Filter(`${rule} in on vr0${suffix} all\n`, dialect);
      const allowed =
        suffix !== '' && packet.bytes[9] !== 6 ? [`right ${LEFT}:1000 > ${RIGHT}:53 udp 3`] : heard;
      assert.deepEqual(filter.left(packet), allowed, `${dialect} ${rule}`);
    }
  }
});

test('blocked echo: never answered in 2008, and today', () => {
  const packet = ip4({ source: LEFT, destination: RIGHT }, echo(icmp.TYPE_ECHO));
  assert.deepEqual(new Filter('block return in on vr0\n', 'openbsd-2008').left(packet), []);
  // An ICMP error about an ICMP query is allowed (RFC 1122 3.2.2).
  assert.match(
    new Filter('block return in on vr0\n').left(packet)[0] ?? '',
    /^left 192\.0\.2\.1 > .* icmp 3 code 3/,
  );
});

test('a damaged segment gets no reset', () => {
  const filter = new Filter('block return in on vr0\n');
  const packet = segment(SYN);
  packet.bytes[37]! ^= 1;
  assert.deepEqual(filter.left(packet), []);
  assert.equal(filter.reasons()['proto-cksum'], 1);
});

test('UDP: first, single, multiple', () => {
  const filter = new Filter('block all\npass in on vr0\npass out on vr1\n');
  const steps: [left: boolean, peers: string][] = [
    [true, '1:0 60'],
    [true, '1:0 30'],
    [false, '2:1 30'],
    [true, '2:2 60'],
    [false, '2:2 60'],
  ];
  for (const [isLeft, peers] of steps) {
    assert.equal((isLeft ? filter.left(datagram()) : filter.right(answer())).length, 1);
    assert.deepEqual(filter.peers(), [`in ${peers}`, `out ${peers}`]);
  }
  assert.deepEqual(filter.right(answer(53, 1001)), []);
});

test('ICMP: answers come back by the id, within ten seconds of the last', () => {
  for (const dialect of ['openbsd-2008', 'openbsd'] as const) {
    const filter = new Filter('block all\npass in on vr0\npass out on vr1\n', dialect);
    assert.equal(filter.left(ip4({ source: LEFT, destination: RIGHT }, echo(icmp.TYPE_ECHO))).length, 1);
    assert.deepEqual(filter.peers(), ['in 0:0 20', 'out 0:0 20']);
    const reply = (id: number) => ip4({ source: RIGHT, destination: LEFT }, echo(icmp.TYPE_ECHO_REPLY, id));
    assert.equal(filter.right(reply(8)).length, 0);
    assert.equal(filter.right(reply(7)).length, 1);
    assert.deepEqual(filter.peers(), ['in 0:0 10', 'out 0:0 10']);
    const [state] = filter.states();
    assert.deepEqual(state?.wire.ports, dialect === 'openbsd' ? [7, 8] : [7, 7]);
  }
});

test('today an echo reply makes no state of its own', () => {
  const filter = new Filter('block all\npass in on vr0\npass out on vr1\n');
  assert.deepEqual(filter.left(ip4({ source: LEFT, destination: RIGHT }, echo(icmp.TYPE_ECHO_REPLY))), []);
});

test('an ICMP error must be about a connection that there is, and within its window', () => {
  const filter = new Filter('block all\npass in on vr0\npass out on vr1\n');
  filter.left(segment(SYN));
  const quote = (sequence: number) =>
    ip4(
      { source: LEFT, destination: RIGHT },
      tcpSegment({ from: 1024, to: 80, sequence, flags: SYN }),
    ).bytes.subarray(0, 28);
  const error = (sequence: number) =>
    ip4({ source: RIGHT, destination: LEFT }, icmpMessage(icmp.TYPE_UNREACHABLE, 1, 0, quote(sequence)));
  assert.equal(filter.right(error(1000)).length, 1);
  assert.equal(filter.right(error(900_000_000)).length, 0);
  assert.equal(filter.reasons()['state-mismatch'], 1);
  const other = ip4(
    { source: RIGHT, destination: LEFT },
    icmpMessage(icmp.TYPE_UNREACHABLE, 3, 0, datagram().bytes),
  );
  assert.equal(filter.right(other).length, 0);
});

test('states bound to an interface serve no other', () => {
  for (const [policy, passes] of [
    ['floating', true],
    ['if-bound', false],
  ] as const) {
    const filter = new Filter(
      `set state-policy ${policy}\nblock all\npass out on vr1\npass in on vr0 from 192.0.2.0/24\n`,
    );
    filter.left(datagram());
    // The answer comes in by the other side, and leaves by it.
    filter.router.host.route('198.51.100.9/32', LEFT);
    assert.equal(filter.left(answer()).length === 1, passes, policy);
  }
});

test('tags of one side are known on the other', () => {
  const filter = new Filter(
    'block out\npass in on vr0 proto udp to port 53 tag DNS\npass out on vr1 tagged DNS\n',
  );
  assert.equal(filter.left(datagram(1000, 53)).length, 1);
  assert.equal(filter.left(datagram(1000, 54)).length, 0);
});

test('every packet of a state has its tag, not only the first', () => {
  const filter = new Filter(
    'block out\npass in on vr0 proto udp to port 53 tag DNS\npass out on vr1 tagged DNS no state\n',
  );
  for (let i = 0; i < 3; i++) assert.equal(filter.left(datagram(1000, 53)).length, 1);
});

test('IP options need allow-opts', () => {
  const options = Uint8Array.of(7, 3, 4, 0);
  const packet = ip4({ source: LEFT, destination: RIGHT, options }, udp(1, 2));
  assert.deepEqual(new Filter('').left(packet), []);
  assert.deepEqual(new Filter('pass\n').left(packet), []);
  assert.equal(new Filter('pass allow-opts\n').left(packet).length, 1);
});

test('max: no more states of a rule than that', () => {
  const filter = new Filter('pass in on vr0 proto udp keep state (max 2)\n');
  assert.deepEqual(
    [1, 2, 3].map((port) => filter.left(datagram(port)).length),
    [1, 1, 0],
  );
  assert.equal(filter.left(datagram(1)).length, 1);
  assert.equal(filter.reasons()['state-limit'], 1);
});

test('set limit states: what would be one more is dropped', () => {
  const filter = new Filter('set limit states 2\npass in on vr0 proto udp\n');
  assert.deepEqual(
    [1, 2, 3].map((port) => filter.left(datagram(port)).length),
    [1, 1, 0],
  );
  assert.equal(filter.reasons().memory, 1);
});

test('limits by source: states, and handshakes with overload', () => {
  const filter = new Filter('pass in on vr0 proto udp keep state (max-src-states 2)\n');
  assert.deepEqual(
    [1, 2, 3].map((port) => filter.left(datagram(port)).length),
    [1, 1, 0],
  );
  const other = ip4({ source: '192.0.2.77', destination: RIGHT }, udp(1, 2));
  assert.equal(filter.left(other).length, 1);
  assert.equal(filter.left(datagram(1)).length, 1, 'by its state');
  const { items } = filter.router.host.call('pf.sourceNodes', { cursor: 0 });
  const size = datagram(1).bytes.length;
  assert.deepEqual(
    items.map(({ packets }) => packets),
    [
      [3, 0],
      [1, 0],
    ],
  );
  assert.deepEqual(items[0]!.bytes, [3 * size, 0]);

  const overload = new Filter(
    'table <bad> persist\nblock in quick on vr0 from <bad>\npass in on vr0 proto tcp keep state (max-src-conn 1, overload <bad> flush)\npass out\n',
  );
  for (const from of [1024, 1025]) {
    overload.left(segment(SYN, '', from));
    const reply = tcpSegment({ from: 80, to: from, sequence: 5000, acknowledgment: 1001, flags: SYN | ACK });
    overload.right(ip4({ source: RIGHT, destination: LEFT }, reply));
    const third = tcpSegment({ from, to: 80, sequence: 1001, acknowledgment: 5001, flags: ACK });
    const heard = overload.left(ip4({ source: LEFT, destination: RIGHT }, third));
    assert.equal(heard.length, from === 1024 ? 1 : 0);
  }
  const [bad] = overload.router.host.call('pf.tableAddresses', { anchor: '', name: 'bad', cursor: 0 }).items;
  assert.deepEqual(bad?.prefix, { family: 4, words: [0xc0000209 | 0], length: 32 });
  assert.deepEqual(overload.left(segment(SYN, '', 1026)), []);
});

test('a rule that matches once matches no more', () => {
  const filter = new Filter('block in on vr0\npass in on vr0 proto udp once\n');
  assert.deepEqual([filter.left(datagram(1)).length, filter.left(datagram(2)).length], [1, 0]);
});

test('set skip: pf looks away, on members of groups too', () => {
  const filter = new Filter('set skip on { vr0 }\nblock all\n');
  const own = ip4({ source: LEFT, destination: '192.0.2.1' }, echo(icmp.TYPE_ECHO));
  assert.equal(filter.left(own).length, 1);
  filter.load('set skip on uplink\nblock all\n');
  assert.equal(filter.left(own).length, 0);
  filter.router.host.call('interface.setGroup', { name: 'vr0', group: 'uplink', member: true });
  assert.equal(filter.left(own).length, 1);
});

test('adaptive timeouts: the more states, the shorter they live', () => {
  const filter = new Filter('set timeout { adaptive.start 2, adaptive.end 12 }\npass in on vr0 proto udp\n');
  const expires = () => filter.states()[0]?.expires;
  for (const port of [1, 2]) filter.left(datagram(port));
  assert.equal(expires(), 60);
  for (const port of [3, 4, 5, 6, 7]) filter.left(datagram(port));
  assert.equal(expires(), 30);
});

test('what a rule logs is seen on pflog0, with the rule', () => {
  const filter = new Filter(
    'block in log on vr0 proto udp to port 54\nanchor "a" {\n pass in log on vr0 proto udp to port 53\n}\n',
  );
  filter.router.host.call('interface.create', { name: 'pflog0' });
  const { id } = filter.router.host.call('capture.open', { interface: 'pflog0', snaplen: 65535 });
  filter.left(datagram(1000, 53));
  filter.left(datagram(1000, 53));
  filter.left(datagram(1000, 54));
  const { count, records } = filter.router.host.call('capture.read', { id });
  assert.equal(count, 2);
  const seen = [16, 16 + 16 + 100 + 31].map((at) => ({
    action: pflog.action(records, at),
    rule: pflog.rule(records, at),
    subrule: pflog.subrule(records, at),
    direction: pflog.direction(records, at),
    packet: tell(records, pflog.payloadAt(records, at)),
  }));
  assert.deepEqual(seen, [
    { action: 0, rule: 1, subrule: 0, direction: 1, packet: `${LEFT}:1000 > ${RIGHT}:53 udp 3` },
    { action: 1, rule: 0, subrule: -1, direction: 1, packet: `${LEFT}:1000 > ${RIGHT}:54 udp 3` },
  ]);
});

test('fragments are put together before rules see them, and leave in pieces', () => {
  const filter = new Filter('block all\npass in on vr0 proto udp to port 53\npass out on vr1\n');
  const whole = ip4({ source: LEFT, destination: RIGHT, id: 99 }, udp(1000, 53, new Uint8Array(2000)));
  const piece = (from: number, to: number, more: boolean) => {
    const fragment = (more ? ipv4.FRAGMENT_MF : 0) | (from >> 3);
    return ip4(
      { source: LEFT, destination: RIGHT, id: 99, fragment },
      payload(17, whole.bytes.subarray(20 + from, 20 + to)),
    );
  };
  assert.deepEqual(filter.left(piece(0, 1480, true)), []);
  assert.equal(filter.left(piece(1480, 2008, false)).length, 2);
  assert.equal(filter.states().length, 2);
});

test('IPv4 fragments that overlap are cut, and what the rules see is what leaves', () => {
  const filter = new Filter('block all\npass in on vr0 proto udp to port 53\npass out on vr1\n');
  const whole = ip4({ source: LEFT, destination: RIGHT, id: 98 }, udp(1000, 53, new Uint8Array(100)));
  const other = ip4({ source: LEFT, destination: RIGHT, id: 98 }, udp(1000, 53, new Uint8Array(100).fill(9)));
  const piece = (of: typeof whole, from: number, to: number) => {
    const fragment = (to < 108 ? ipv4.FRAGMENT_MF : 0) | (from >> 3);
    return ip4(
      { source: LEFT, destination: RIGHT, id: 98, fragment },
      payload(17, of.bytes.subarray(20 + from, 20 + to)),
    );
  };
  for (const packet of [piece(other, 32, 64), piece(whole, 64, 108), piece(whole, 0, 24)]) {
    assert.deepEqual(filter.left(packet), []);
  }
  filter.router.rightWire.take();
  assert.equal(filter.left(piece(whole, 16, 64)).length, 3);
  const left = filter.router.rightWire
    .take()
    .map((bytes) => bytes.subarray(34, 14 + ipv4.totalLength(bytes, 14)));
  assert.deepEqual(Buffer.concat(left), Buffer.from(whole.bytes.subarray(20)));
});

test('2008: fragments that no scrub rule puts together have no ports', () => {
  const fragment = ip4(
    { source: LEFT, destination: RIGHT, fragment: ipv4.FRAGMENT_MF },
    udp(1000, 53, new Uint8Array(8)),
  );
  assert.deepEqual(new Filter('block all\npass proto udp to port 53\n', 'openbsd-2008').left(fragment), []);
  assert.equal(new Filter('block all\npass proto udp\n', 'openbsd-2008').left(fragment).length, 1);
  const scrubbed = new Filter(
    'scrub in all fragment reassemble\nblock all\npass proto udp\n',
    'openbsd-2008',
  );
  assert.deepEqual(scrubbed.left(fragment), []);
});

test('scrub: what 2008 mends and refuses', () => {
  const filter = new Filter('scrub in all no-df min-ttl 40 max-mss 1000\npass\n', 'openbsd-2008');
  const mss = Uint8Array.of(2, 4, 5, 180);
  const syn = ip4(
    { source: LEFT, destination: RIGHT, ttl: 5, fragment: ipv4.FRAGMENT_DF },
    tcpSegment({ from: 1, to: 2, flags: SYN | FIN, options: mss }),
  );
  filter.router.rightWire.take();
  assert.deepEqual(filter.left(syn), [`right ${LEFT}:1 > ${RIGHT}:2 S 1000`]);
  const [out] = filter.router.rightWire.take();
  assert.deepEqual([ipv4.ttl(out!, 14), ipv4.fragment(out!, 14)], [39, 0]);
  assert.deepEqual([...out!.subarray(54, 58)], [2, 4, 3, 0xe8]);
  assert.deepEqual(filter.left(segment(SYN | RST)), []);
  assert.deepEqual(filter.left(segment(FIN)), []);
  assert.equal(filter.reasons().normalize, 2);
});

test('today scrub belongs to rules, and the state does it to all that follows', () => {
  const filter = new Filter('match in on vr0 scrub (min-ttl 50, max-mss 900)\npass\n');
  const hops = (packet: ReturnType<typeof ip4>) => {
    filter.router.rightWire.take();
    assert.equal(filter.left(packet).length, 1);
    return ipv4.ttl(filter.router.rightWire.take()[0]!, 14);
  };
  const from = (ttl: number) => ip4({ source: LEFT, destination: RIGHT, ttl }, udp(1, 2));
  assert.deepEqual([hops(from(9)), hops(from(9)), hops(from(60))], [49, 49, 59]);
});

test('what is not built is refused where it stands, and the rules in force stay', () => {
  const filter = new Filter('block all\n');
  const cases = [
    [
      'pass in inet6 af-to inet from { 192.0.2.1, 192.0.2.3 } round-robin sticky-address\n',
      'pf.conf:1: af-to with sticky-address',
    ],
  ] as const;
  for (const [text, reason] of cases) {
    const message = `${reason} is not supported; the rules in force stay`;
    assert.throws(() => filter.load(text), { code: 'EOPNOTSUPP', message });
    assert.deepEqual(filter.left(datagram()), []);
  }
  filter.load('set syncookies never\npass in proto tcp from any os unknown\npass proto udp\n');
  assert.equal(filter.left(datagram()).length, 1);
});

test('FreeBSD: what would be let through or sent elsewhere without a word is refused', () => {
  const filter = new Filter('block all\n', 'freebsd');
  const cases = [
    ['pass in max-pkt-size 100\n', 'max-pkt-size'],
    ['nat on vr1 from 198.51.100.0/24 to any -> 203.0.113.1 map-e-portset 4/8/1\n', 'map-e-portset'],
    ['pass in on vr0 route-to (vr1 2001:db8::9) prefer-ipv6-nexthop inet\n', 'prefer-ipv6-nexthop'],
    ['block in proto sctp to port 80\n', 'a port of sctp'],
    ['state limiter a id 1 limit 9\npass in state limiter a\n', 'a state limiter'],
    ['pass in route-to (vr1 192.0.2.9) inet6 af-to inet from 192.0.2.1\n', 'af-to with route-to'],
  ] as const;
  for (const [text, what] of cases) {
    const message = `pf.conf:${text.split('\n').length - 1}: ${what} is not supported; the rules in force stay`;
    assert.throws(() => filter.load(text, 'freebsd'), { code: 'EOPNOTSUPP', message });
    assert.deepEqual(filter.left(datagram()), []);
  }
});

test('FreeBSD: filter rules translate as today', () => {
  const rules = [
    'match out on vr1 inet nat-to 203.0.113.9 static-port',
    'pass',
    `pass in on vr0 proto udp to port 99 rdr-to ${RIGHT} port 53`,
  ];
  const filter = new Filter(`${rules.join('\n')}\n`, 'freebsd');
  assert.deepEqual(filter.left(datagram(1000, 99)), [`right 203.0.113.9:1000 > ${RIGHT}:53 udp 3`]);
});

test('FreeBSD: set reassemble puts fragments together where no scrub rule does', () => {
  const fragment = ip4(
    { source: LEFT, destination: RIGHT, fragment: ipv4.FRAGMENT_MF },
    udp(1000, 53, new Uint8Array(8)),
  );
  assert.equal(new Filter('pass\n', 'freebsd').left(fragment).length, 1);
  assert.deepEqual(new Filter('set reassemble yes\npass\n', 'freebsd').left(fragment), []);
});
