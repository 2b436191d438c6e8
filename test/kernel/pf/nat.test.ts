// SPDX-License-Identifier: ISC
//
// Translation in both dialects: sources, destinations, both ways, ports and ids, and errors about translated packets.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DIRECTION_IN, DIRECTION_OUT, PASS } from '../../../appliance/kernel/filter.ts';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { icmp6Message, icmpMessage, ip4, ip6, type Network, tcpSegment, udp } from '../../support/packets.ts';
import { LEFT, LEFT_OWN, RIGHT, RIGHT_OWN } from '../../support/router.ts';
import { DirectPf } from './direct.ts';
import { Filter, loadOf, verify } from './filter.ts';

const SYN = { flags: tcp.FLAG_SYN };

/** An error from `source` to `destination` that quotes a packet. */
function errorAbout(
  source: string,
  destination: string,
  quoted: Network,
  type = icmp.TYPE_UNREACHABLE,
): Network {
  return ip4({ source, destination }, icmpMessage(type, 3, 0, quoted.bytes));
}

const NAT = {
  'openbsd-2008': 'nat on vr1 from 192.0.2.0/24 to any -> (vr1)\npass all\n',
  openbsd: 'match out on vr1 from 192.0.2.0/24 nat-to (vr1)\npass all\n',
} as const;

for (const dialect of ['openbsd-2008', 'openbsd'] as const) {
  test(`${dialect}: nat of TCP, UDP and echo, there and back`, () => {
    const filter = new Filter(NAT[dialect], dialect);
    const [syn] = filter.left(
      ip4({ source: LEFT, destination: RIGHT }, tcpSegment({ from: 1024, to: 80, ...SYN })),
    );
    const [, port] = /^right 198\.51\.100\.1:(\d+) > 198\.51\.100\.9:80 S 1000$/.exec(syn!) ?? [];
    assert.ok(Number(port) >= 50001, syn);
    assert.deepEqual(
      filter.right(
        ip4(
          { source: RIGHT, destination: RIGHT_OWN },
          tcpSegment({
            from: 80,
            to: Number(port),
            acknowledgment: 1001,
            flags: tcp.FLAG_SYN | tcp.FLAG_ACK,
          }),
        ),
      ),
      [`left ${RIGHT}:80 > ${LEFT}:1024 S. 1000 ack 1001`],
    );
    const [datagram] = filter.left(ip4({ source: LEFT, destination: RIGHT }, udp(53, 53, 'abc')));
    const [, udpPort] = /^right 198\.51\.100\.1:(\d+) > 198\.51\.100\.9:53 udp 3$/.exec(datagram!) ?? [];
    assert.deepEqual(
      filter.right(ip4({ source: RIGHT, destination: RIGHT_OWN }, udp(53, Number(udpPort), 'x'))),
      [`left ${RIGHT}:53 > ${LEFT}:53 udp 1`],
    );
    const echo = icmpMessage(icmp.TYPE_ECHO, 0, icmp.echoRest(77, 1), 'ping');
    const [request] = filter.left(ip4({ source: LEFT, destination: RIGHT }, echo));
    const [, id] = /^right 198\.51\.100\.1 > 198\.51\.100\.9 icmp 8 id (\d+)$/.exec(request!) ?? [];
    const answer = icmpMessage(icmp.TYPE_ECHO_REPLY, 0, icmp.echoRest(Number(id), 1), 'ping');
    assert.deepEqual(filter.right(ip4({ source: RIGHT, destination: RIGHT_OWN }, answer)), [
      `left ${RIGHT} > ${LEFT} icmp 0 id 77`,
    ]);
  });

  test(`${dialect}: an error about a translated packet goes to who sent it, about what it sent`, () => {
    const filter = new Filter(NAT[dialect], dialect);
    const sent = ip4({ source: LEFT, destination: RIGHT }, udp(5000, 53, 'abcdefgh'));
    const [out] = filter.left(sent);
    const port = Number(/:(\d+) >/.exec(out!)?.[1]);
    const shown = ip4({ source: RIGHT_OWN, destination: RIGHT }, udp(port, 53, 'abcdefgh'));
    assert.deepEqual(filter.right(errorAbout(RIGHT, RIGHT_OWN, shown)), [
      `left ${RIGHT} > ${LEFT} icmp 3 code 3 about ${LEFT}:5000 > ${RIGHT}:53 udp 8`,
    ]);
    // To the last byte of the quoted packet, its checksums with it.
    const [frame] = filter.router.leftWire.take().slice(-1);
    assert.deepEqual(
      frame!.subarray(14 + 20 + 8, 14 + 20 + 8 + sent.bytes.length).slice(10),
      sent.bytes.slice(10),
    );
  });
}

test('IPv6: an error quotes echo requests and datagrams as they were sent, their checksums included', () => {
  for (const sent of [
    icmp6Message(icmp6.TYPE_ECHO, 0, icmp.echoRest(77, 1), 'ping'),
    udp(5000, 53, 'abcdefgh'),
  ]) {
    const direct = new DirectPf();
    direct.load(loadOf('pass\npass out on vr1 inet6 nat-to 2001:db8:2::1\n'));
    const original = ip6({ source: '2001:db8:1::9', destination: '2001:db8:3::9' }, sent);
    const packet = direct.prepare(original);
    assert.equal(direct.pf.test(packet, direct.vr1, DIRECTION_OUT), PASS);
    const shown = packet.bytes.slice(packet.network, packet.end);
    assert.notDeepEqual(shown, original.bytes);
    const error = icmp6Message(icmp6.TYPE_PACKET_TOO_BIG, 0, 1300, shown);
    const heard = direct.prepare(ip6({ source: '2001:db8:2::2', destination: '2001:db8:2::1' }, error));
    assert.equal(direct.pf.test(heard, direct.vr1, DIRECTION_IN), PASS);
    verify(heard.bytes, heard.network);
    assert.deepEqual(heard.bytes.slice(heard.network + 48, heard.end), original.bytes);
  }
});

test('2008: a redirection, with a port of its own', () => {
  const filter = new Filter(
    `rdr on vr0 proto tcp from any to ${LEFT_OWN} port 8080 -> ${RIGHT} port 80\npass all\n`,
    'openbsd-2008',
  );
  const to = (port: number) =>
    ip4({ source: LEFT, destination: LEFT_OWN }, tcpSegment({ from: 1024, to: port, ...SYN }));
  assert.deepEqual(filter.left(to(8080)), [`right ${LEFT}:1024 > ${RIGHT}:80 S 1000`]);
  const back = tcpSegment({ from: 80, to: 1024, acknowledgment: 1001, flags: tcp.FLAG_SYN | tcp.FLAG_ACK });
  assert.deepEqual(filter.right(ip4({ source: RIGHT, destination: LEFT }, back)), [
    `left ${LEFT_OWN}:8080 > ${LEFT}:1024 S. 1000 ack 1001`,
  ]);
  const [state] = filter.states().filter(({ direction }) => direction === 'in');
  assert.deepEqual(
    [state?.wire.ports, state?.stack.ports],
    [
      [1024, 8080],
      [1024, 80],
    ],
  );
});

test('rdr-to a range of ports keeps the place in the range', () => {
  const filter = new Filter(
    `pass in on vr0 proto tcp from any to ${LEFT_OWN} port 2000:2009 rdr-to ${RIGHT} port 3000:3004\npass out\n`,
  );
  const to = (port: number) =>
    ip4({ source: LEFT, destination: LEFT_OWN }, tcpSegment({ from: port, to: port, ...SYN }));
  assert.deepEqual(filter.left(to(2003)), [`right ${LEFT}:2003 > ${RIGHT}:3003 S 1000`]);
  assert.deepEqual(filter.left(to(2007)), [`right ${LEFT}:2007 > ${RIGHT}:3002 S 1000`]);
});

test('2008: binat, host by host, from both sides', () => {
  const filter = new Filter(
    'binat on vr1 from 192.0.2.0/24 to any -> 203.0.113.0/24\npass all\n',
    'openbsd-2008',
  );
  filter.router.host.route('203.0.113.0/24', RIGHT);
  const out = ip4({ source: LEFT, destination: RIGHT }, udp(10, 20));
  assert.deepEqual(filter.left(out), [`right 203.0.113.9:10 > ${RIGHT}:20 udp 0`]);
  const into = ip4({ source: RIGHT, destination: '203.0.113.9' }, udp(30, 40));
  assert.deepEqual(filter.right(into), [`left ${RIGHT}:30 > ${LEFT}:40 udp 0`]);
});

test('binat-to becomes both directions', () => {
  const filter = new Filter(`pass on vr1 from ${LEFT} to any binat-to 203.0.113.9\npass on vr0\n`);
  assert.deepEqual(filter.left(ip4({ source: LEFT, destination: RIGHT }, udp(10, 20))), [
    `right 203.0.113.9:10 > ${RIGHT}:20 udp 0`,
  ]);
  assert.deepEqual(filter.right(ip4({ source: RIGHT, destination: '203.0.113.9' }, udp(30, 40))), [
    `left ${RIGHT}:30 > ${LEFT}:40 udp 0`,
  ]);
});

test('2008: no nat, no rdr and pass in translation rules', () => {
  const rules = [
    `no nat on vr1 proto udp from any to ${RIGHT} port 53`,
    `nat pass on vr1 proto udp from any to ${RIGHT} port 54 -> ${RIGHT_OWN}`,
    `nat on vr1 from any to any -> ${RIGHT_OWN}`,
    'block out on vr1 proto udp to any port 54',
    'pass all',
  ].join('\n');
  const filter = new Filter(`${rules}\n`, 'openbsd-2008');
  const to = (port: number) => filter.left(ip4({ source: LEFT, destination: RIGHT }, udp(1000, port)))[0];
  assert.equal(to(53), `right ${LEFT}:1000 > ${RIGHT}:53 udp 0`);
  // `nat pass` goes by the block behind it.
  assert.match(to(54) ?? '', /^right 198\.51\.100\.1:\d+ > 198\.51\.100\.9:54 udp 0$/);
  assert.match(to(55) ?? '', /^right 198\.51\.100\.1:\d+ > 198\.51\.100\.9:55 udp 0$/);
});

test('filter rules see what translation made of the packet', () => {
  const filter = new Filter(
    `match out on vr1 proto udp nat-to ${RIGHT_OWN}\nblock out on vr1 proto udp from ${RIGHT_OWN} to any port 7\nblock out on vr1 from ${LEFT}\n`,
  );
  assert.equal(filter.left(ip4({ source: LEFT, destination: RIGHT }, udp(1, 6))).length, 1);
  assert.equal(filter.left(ip4({ source: LEFT, destination: RIGHT }, udp(1, 7))).length, 0);
});

test('static-port keeps the port; a taken one is refused today', () => {
  const filter = new Filter(`pass out on vr1 nat-to ${RIGHT_OWN} static-port\npass in\n`);
  const from = (source: string) => filter.left(ip4({ source, destination: RIGHT }, udp(4000, 53)));
  assert.deepEqual(from(LEFT), [`right ${RIGHT_OWN}:4000 > ${RIGHT}:53 udp 0`]);
  assert.deepEqual(from('192.0.2.77'), []);
  assert.equal(filter.reasons().translate, 1);
});

test('ports run out, the next address of the pool is taken; when all have run out 2008 does not translate', () => {
  const pool = '{ 198.51.100.50, 198.51.100.51 } port 60000:60001 round-robin';
  const filter = new Filter(`nat on vr1 proto udp from any to any -> ${pool}\npass all\n`, 'openbsd-2008');
  const sources = Array.from({ length: 5 }, (_, i) => {
    const [heard] = filter.left(ip4({ source: `192.0.2.${100 + i}`, destination: RIGHT }, udp(1, 53)));
    return /^right (\S+) >/.exec(heard!)?.[1];
  });
  const pairs = ['198.51.100.50:60000', '198.51.100.50:60001', '198.51.100.51:60000', '198.51.100.51:60001'];
  assert.deepEqual(sources.slice(0, 4).sort(), pairs);
  assert.equal(sources[4], '192.0.2.104:1');
});

test('the same port serves for another destination', () => {
  const filter = new Filter(
    `nat on vr1 proto udp from any to any -> ${RIGHT_OWN} port 60000\npass all\n`,
    'openbsd-2008',
  );
  for (const port of [53, 54, 55]) {
    const [heard] = filter.left(ip4({ source: LEFT, destination: RIGHT }, udp(1000 + port, port)));
    assert.equal(heard, `right ${RIGHT_OWN}:60000 > ${RIGHT}:${port} udp 0`);
  }
});

test('a blocked packet is answered as it came, not as it was translated', () => {
  const filter = new Filter(
    `match in on vr0 proto tcp to ${LEFT_OWN} rdr-to ${RIGHT} port 81\nblock return in on vr0\n`,
  );
  const heard = filter.left(
    ip4({ source: LEFT, destination: LEFT_OWN }, tcpSegment({ from: 9, to: 80, ...SYN })),
  );
  assert.deepEqual(heard, [`left ${LEFT_OWN}:80 > ${LEFT}:9 R. 2000 ack 1001`]);
});

test('a UDP checksum of zero stays zero', () => {
  const filter = new Filter(`match out on vr1 nat-to ${RIGHT_OWN}\n`);
  const packet = ip4({ source: LEFT, destination: RIGHT }, udp(1, 2, 'data'));
  packet.bytes[26] = 0;
  packet.bytes[27] = 0;
  filter.router.rightWire.take();
  filter.left(packet);
  const [out] = filter.router.rightWire.take();
  assert.deepEqual([out![14 + 26], out![14 + 27]], [0, 0]);
});

test('unfinished checksums are carried on: a device that offloads sees its partial sum translated', () => {
  const offloads = { capabilities: { checksum: true, tso4: true, tso6: true, uso: true } };
  const filter = new Filter(`match out on vr1 nat-to ${RIGHT_OWN}\n`, 'openbsd', offloads);
  for (const transport of [tcpSegment({ from: 9, to: 80, ...SYN }, 'abc'), udp(9, 80, 'abc')]) {
    const packet = ip4({ source: LEFT, destination: RIGHT }, transport);
    const field = transport.protocol === 6 ? 16 : 6;
    // The sum of the pseudo header alone, as a kernel leaves it for the device.
    const length = packet.bytes.length - 20;
    const sum = [0xc000, 0x0209, 0xc633, 0x6409, transport.protocol, length].reduce((a, b) => a + b);
    const folded = (sum & 0xffff) + (sum >>> 16);
    packet.bytes[20 + field] = folded >>> 8;
    packet.bytes[20 + field + 1] = folded & 0xff;
    const heard = filter.left(packet, { checksumStart: 14 + 20, checksumField: 14 + 20 + field });
    assert.equal(heard.length, 1);
  }
});
