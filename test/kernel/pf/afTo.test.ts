// SPDX-License-Identifier: ISC
//
// af-to in both directions: connections, echo, errors from the far end and from routers before it, sizes, checksums.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INET } from '../../../appliance/abi/address.ts';
import { bareFacts } from '../../../appliance/user/config/pf/facts.ts';
import { stateLine } from '../../../appliance/user/dissect/pfState.ts';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import * as pflog from '../../../appliance/wire/pflog.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { icmp6Message, icmpMessage, ip4, ip6, type Network, tcpSegment, udp } from '../../support/packets.ts';
import { LEFT_LINK, RIGHT, RIGHT_OWN } from '../../support/router.ts';
import type { WireOptions } from '../../support/world.ts';
import { answers, solicitation, solicitedNode } from '../inet6/messages.ts';
import { Filter, tell } from './filter.ts';

const SIX = '2001:db8:1::9';
const SIX_OWN = '2001:db8:1::1';
/** 198.51.100.9 behind the well-known prefix. */
const RIGHT_IN_SIX = '64:ff9b::c633:6409';
const SYN = { flags: tcp.FLAG_SYN };
const NAT64 = `pass in on vr0 inet6 from any to 64:ff9b::/96 af-to inet from ${RIGHT_OWN}\n`;
const NAT46 =
  'pass in on vr1 inet from any to 203.0.113.0/24 af-to inet6 from 2001:db8:46::/96 bitmask to 2001:db8:1::9\n';

/** The left network speaks IPv6 too. */
class DualFilter extends Filter {
  constructor(text: string, left: WireOptions = {}, right: WireOptions = {}) {
    super(text, 'openbsd', left, right);
    const { host, left: station, world } = this.router;
    host.address('vr0', `${SIX_OWN}/64`);
    host.call('sysctl.set', { name: 'net.inet6.ip6.forwarding', value: 1 });
    answers(station, LEFT_LINK, [SIX]);
    world.run(5_000_000);
    const destination = solicitedNode(SIX_OWN);
    station.send(
      solicitation({ link: LEFT_LINK, source: SIX, destination, target: SIX_OWN, option: LEFT_LINK }),
    );
    this.pass(1);
  }
}

function six(transport: Parameters<typeof ip6>[1], destination = RIGHT_IN_SIX): Network {
  return ip6({ source: SIX, destination }, transport);
}

/** The port (or id) behind which the first packet of a connection left. */
function portOf(line: string | undefined): number {
  const port = /198\.51\.100\.1(?::| > .* id )(\d+)/.exec(line ?? '')?.[1];
  assert.ok(port !== undefined, line);
  return Number(port);
}

function fromRight(transport: Parameters<typeof ip4>[1]): Network {
  return ip4({ source: RIGHT, destination: RIGHT_OWN }, transport);
}

test('NAT64: TCP, UDP and echo, there and back', () => {
  const filter = new DualFilter(NAT64);
  const [syn] = filter.left(six(tcpSegment({ from: 1024, to: 80, ...SYN })));
  assert.match(syn!, /^right 198\.51\.100\.1:\d+ > 198\.51\.100\.9:80 S 1000$/);
  const reply = { from: 80, to: portOf(syn), acknowledgment: 1001, flags: tcp.FLAG_SYN | tcp.FLAG_ACK };
  assert.deepEqual(filter.right(fromRight(tcpSegment(reply))), [
    `left ${RIGHT_IN_SIX}:80 > ${SIX}:1024 S. 1000 ack 1001`,
  ]);
  const [datagram] = filter.left(six(udp(53, 53, 'abc')));
  assert.deepEqual(filter.right(fromRight(udp(53, portOf(datagram), 'x'))), [
    `left ${RIGHT_IN_SIX}:53 > ${SIX}:53 udp 1`,
  ]);
  const [request] = filter.left(six(icmp6Message(icmp6.TYPE_ECHO, 0, icmp.echoRest(77, 1), 'ping')));
  assert.match(request!, /icmp 8 id/);
  const answer = icmpMessage(icmp.TYPE_ECHO_REPLY, 0, icmp.echoRest(portOf(request), 1), 'ping');
  assert.deepEqual(filter.right(fromRight(answer)), [`left ${RIGHT_IN_SIX} > ${SIX} icmp 129 id 77`]);
  assert.equal(filter.states().length, 3, 'one state for both ways');
});

test('NAT64 on one network: nobody is told of a better way', () => {
  const filter = new DualFilter('pass in on vr0 inet6 from any to 64:ff9b::/96 af-to inet from 192.0.2.1\n');
  const [syn, ...more] = filter.left(six(tcpSegment({ from: 1024, to: 80, ...SYN }), '64:ff9b::c000:209'));
  assert.match(syn!, /^left 192\.0\.2\.1:\d+ > 192\.0\.2\.9:80 S 1000$/);
  assert.deepEqual(more, []);
  const { ip } = filter.router.host.call('system.statistics', { all: true });
  assert.equal(ip!.redirectsSent, 0);
});

test('NAT64: a state as pfctl -ss shows it, killed by its ends on the wire', () => {
  const filter = new DualFilter(NAT64);
  const [syn] = filter.left(six(tcpSegment({ from: 1024, to: 80, ...SYN })));
  const [state] = filter.states();
  assert.equal(
    stateLine(state!, 'openbsd', (number) => bareFacts().protocols.name(number)),
    `all tcp 198.51.100.1:${portOf(syn)} (${SIX}[1024]) -> 198.51.100.9:80 (${RIGHT_IN_SIX}[80])       CLOSED:SYN_SENT`,
  );
  const source = { prefix: { family: INET, words: [(198 << 24) | (51 << 16) | (100 << 8) | 9], length: 32 } };
  const kill = (filterOf: object) =>
    filter.router.host.call('pf.killStates', { cursor: 0, filter: filterOf }).killed;
  assert.equal(kill({ source }), 0);
  assert.equal(kill({ family: 6 }), 1);
});

test('NAT64: the whole life of a TCP connection is tracked', () => {
  const filter = new DualFilter(NAT64);
  const out = (flags: number, sequence: number, acknowledgment: number, data = '') =>
    filter.left(six(tcpSegment({ from: 1024, to: 80, flags, sequence, acknowledgment }, data)));
  const port = portOf(out(tcp.FLAG_SYN, 1000, 0)[0]);
  const back = (flags: number, sequence: number, acknowledgment: number) =>
    filter.right(fromRight(tcpSegment({ from: 80, to: port, flags, sequence, acknowledgment })));
  back(tcp.FLAG_SYN | tcp.FLAG_ACK, 5000, 1001);
  out(tcp.FLAG_ACK, 1001, 5001);
  assert.deepEqual(filter.peers(), ['in 4:4 86400']);
  assert.equal(out(tcp.FLAG_ACK, 1001, 5001, 'data').length, 1);
  assert.deepEqual(out(tcp.FLAG_ACK, 900_000, 5001, 'forged'), []);
  assert.deepEqual(back(tcp.FLAG_RST, 900_000, 0), []);
  back(tcp.FLAG_FIN | tcp.FLAG_ACK, 5001, 1005);
  assert.deepEqual(filter.peers(), ['in 4:7 900']);
  assert.equal(filter.reasons()['state-mismatch'], 2);
});

test('NAT64: errors of the far end and of routers before it, about what was sent', () => {
  const filter = new DualFilter(NAT64);
  const port = portOf(filter.left(six(udp(5000, 53, 'abcdefgh')))[0]);
  const seen = ip4({ source: RIGHT_OWN, destination: RIGHT }, udp(port, 53, 'abcdefgh'));
  const error = (source: string, type: number, code: number, rest = 0) =>
    filter.right(ip4({ source, destination: RIGHT_OWN }, icmpMessage(type, code, rest, seen.bytes)));
  const about = `about ${SIX}:5000 > ${RIGHT_IN_SIX}:53 udp 8`;
  assert.deepEqual(error(RIGHT, icmp.TYPE_UNREACHABLE, 3), [
    `left ${RIGHT_IN_SIX} > ${SIX} icmp 1 code 4 ${about}`,
  ]);
  const router = '64:ff9b::c633:6402';
  assert.deepEqual(error('198.51.100.2', icmp.TYPE_TIME_EXCEEDED, 0), [
    `left ${router} > ${SIX} icmp 3 code 0 ${about}`,
  ]);
  assert.deepEqual(error('198.51.100.2', icmp.TYPE_UNREACHABLE, 4, 1400), [
    `left ${router} > ${SIX} icmp 2 code 0 ${about}`,
  ]);
  const [frame] = filter.router.leftWire.take().slice(-1);
  assert.equal(icmp6.mtu(frame!, 14 + ipv6.HEADER_LENGTH), 1420);
  // The quoted datagram is what the sender sent, its checksum included.
  const sent = six(udp(5000, 53, 'abcdefgh'));
  assert.deepEqual(frame!.subarray(14 + 40 + 8), sent.bytes);
  // No such thing in IPv6.
  assert.deepEqual(error('198.51.100.2', icmp.TYPE_SOURCE_QUENCH, 0), []);
});

test('NAT46: hosts of IPv4 reach one of IPv6, their addresses embedded in the pool', () => {
  const filter = new DualFilter(NAT46);
  filter.router.host.route('2001:db8:46::/96', SIX);
  const syn = ip4({ source: RIGHT, destination: '203.0.113.7' }, tcpSegment({ from: 1024, to: 80, ...SYN }));
  const [line] = filter.right(syn);
  const source = '2001:db8:46::c633:6409';
  const [, port] = new RegExp(`^left ${source}:(\\d+) > ${SIX}:80 S 1000$`).exec(line ?? '') ?? [];
  assert.ok(port !== undefined, line);
  const reply = { from: 80, to: Number(port), acknowledgment: 1001, flags: tcp.FLAG_SYN | tcp.FLAG_ACK };
  assert.deepEqual(filter.left(ip6({ source: SIX, destination: source }, tcpSegment(reply))), [
    `right 203.0.113.7:80 > ${RIGHT}:1024 S. 1000 ack 1001`,
  ]);
});

test('NAT46: the first packet waits for a neighbor that has not been heard of, and arrives', () => {
  const stranger = '2001:db8:1::a';
  const filter = new DualFilter(NAT46.replace('2001:db8:1::9', stranger));
  answers(filter.router.left, LEFT_LINK, [stranger]);
  const syn = ip4({ source: RIGHT, destination: '203.0.113.7' }, tcpSegment({ from: 1024, to: 80, ...SYN }));
  const heard = filter.right(syn).join('\n');
  assert.match(heard, new RegExp(`^left 2001:db8:46::c633:6409:\\d+ > ${stranger}:80 S 1000$`, 'm'));
});

test('destinations by the length of the prefix they are written behind (RFC 6052 2.4)', () => {
  const written = [
    ['2001:db8::/32', '2001:db8:c633:6409::'],
    ['2001:db8:100::/40', '2001:db8:1c6:3364:9::'],
    ['2001:db8:122::/48', '2001:db8:122:c633:64:900::'],
    ['2001:db8:122:300::/56', '2001:db8:122:3c6:33:6409::'],
    ['2001:db8:122:344::/64', '2001:db8:122:344:c6:3364:900::'],
    ['2001:db8:122:344::/96', '2001:db8:122:344::c633:6409'],
  ];
  for (const [prefix, destination] of written) {
    const filter = new DualFilter(
      `pass in on vr0 inet6 from any to ${prefix} af-to inet from ${RIGHT_OWN}\n`,
    );
    const [line] = filter.left(six(udp(53, 53), destination));
    assert.match(line ?? '', /> 198\.51\.100\.9:53 udp 0$/, prefix);
  }
});

test('what cannot go on is said to the sender in its own family', () => {
  const filter = new DualFilter(NAT64, {}, { mtu: 1400 });
  const long = six(udp(53, 53, 1400));
  assert.match(filter.left(long)[0] ?? '', new RegExp(`^left ${SIX_OWN} > ${SIX} icmp 2 code 0`));
  const [frame] = filter.router.leftWire.take().slice(-1);
  assert.equal(icmp6.mtu(frame!, 14 + ipv6.HEADER_LENGTH), 1420);
  const tired = ip6({ source: SIX, destination: RIGHT_IN_SIX, hops: 1 }, udp(53, 53));
  assert.match(filter.left(tired)[0] ?? '', /icmp 3 code 0/);
  assert.match(filter.left(six(udp(53, 53), '64:ff9b::a09:807'))[0] ?? '', /icmp 1 code 3/);
});

test('NAT46: a long datagram is cut when it may be, and refused when not', () => {
  const filter = new DualFilter(NAT46);
  const to = { source: RIGHT, destination: '203.0.113.7' };
  const pieces = filter.right(ip4(to, udp(53, 53, 1460)));
  assert.equal(pieces.length, 2, String(pieces));
  for (const frame of filter.router.leftWire.take().slice(-2)) assert.ok(frame.length <= 14 + 1280);
  const whole = ip4({ ...to, fragment: ipv4.FRAGMENT_DF }, udp(53, 53, 1472));
  assert.match(filter.right(whole)[0] ?? '', /^right 198\.51\.100\.1 > 198\.51\.100\.9 icmp 3 code 4/);
  const [frame] = filter.router.rightWire.take().slice(-1);
  assert.equal(icmp.nextHopMtu(frame!, 14 + ipv4.HEADER_LENGTH), 1480);
});

test('a UDP datagram without checksum gets the one that IPv6 wants', () => {
  const filter = new DualFilter(NAT46);
  const network = ip4({ source: RIGHT, destination: '203.0.113.7' }, udp(53, 53, 'abc'));
  network.bytes[26] = 0;
  network.bytes[27] = 0;
  assert.match(filter.right(network)[0] ?? '', /2001:db8:1::9:53 udp 3$/);
});

test('fragments are put together first, and leave cut in the other family', () => {
  const filter = new DualFilter(NAT46);
  const whole = ip4({ source: RIGHT, destination: '203.0.113.7' }, udp(53, 53, 2000)).bytes;
  const part = (from: number, to: number, more: number): Network => {
    const bytes = new Uint8Array(20 + to - from);
    bytes.set(whole.subarray(0, 20));
    bytes.set(whole.subarray(20 + from, 20 + to), 20);
    ipv4.setTotalLength(bytes, 0, bytes.length);
    ipv4.setFragment(bytes, 0, (from >>> 3) | more);
    ipv4.fillChecksum(bytes, 0);
    return { type: 0x0800, bytes };
  };
  assert.deepEqual(filter.right(part(0, 1000, ipv4.FRAGMENT_MF)), []);
  assert.equal(filter.right(part(1000, 2008, 0)).length, 2);
});

test('synproxy shakes hands on both sides, each in its family', () => {
  const filter = new DualFilter(
    NAT64.replace('\n', ' synproxy state\n').replace('inet6 from', 'inet6 proto tcp from'),
  );
  const out = (flags: number, sequence: number, acknowledgment: number) =>
    filter.left(six(tcpSegment({ from: 1024, to: 80, flags, sequence, acknowledgment })));
  const [answer] = out(tcp.FLAG_SYN, 1000, 0);
  const own = Number(/S\. (\d+) ack 1001$/.exec(answer ?? '')?.[1]);
  const [syn] = out(tcp.FLAG_ACK, 1001, own + 1);
  const [, port, sequence] =
    /^right 198\.51\.100\.1:(\d+) > 198\.51\.100\.9:80 S (\d+)$/.exec(syn ?? '') ?? [];
  assert.ok(port !== undefined, syn);
  const reply = { from: 80, to: Number(port), sequence: 7000, acknowledgment: Number(sequence) + 1 };
  const heard = filter.right(fromRight(tcpSegment({ ...reply, flags: tcp.FLAG_SYN | tcp.FLAG_ACK })));
  assert.deepEqual(heard, [
    `left ${RIGHT_IN_SIX}:80 > ${SIX}:1024 . ${(own + 1) >>> 0} ack 1001`,
    `right 198.51.100.1:${port} > 198.51.100.9:80 . ${Number(sequence) + 1} ack 7001`,
  ]);
});

test('the log shows the packet as it came, and the family that it gets', () => {
  const filter = new DualFilter(NAT64.replace('pass in', 'pass in log'));
  const { host } = filter.router;
  host.call('interface.create', { name: 'pflog0' });
  const { id } = host.call('capture.open', { interface: 'pflog0', snaplen: 65535 });
  filter.left(six(udp(53, 53, 'abc')));
  const { count, records } = host.call('capture.read', { id });
  assert.equal(count, 1);
  assert.equal(pflog.newFamily(records, 16), pflog.AF_INET);
  assert.equal(tell(records, pflog.payloadAt(records, 16)), `${SIX}:53 > ${RIGHT_IN_SIX}:53 udp 3`);
});
