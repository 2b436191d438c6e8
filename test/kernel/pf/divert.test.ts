// SPDX-License-Identifier: ISC
//
// divert-to, divert-reply and divert-packet: who gets what passes through, and what becomes of it when there is nobody.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../../appliance/abi/addressText.ts';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { icmpMessage, ip4, tcpSegment, udp } from '../../support/packets.ts';
import { LEFT, RIGHT } from '../../support/router.ts';
import { Filter } from './filter.ts';

const { FLAG_SYN: SYN, FLAG_ACK: ACK } = tcp;
const segment = (fields: Partial<Parameters<typeof tcpSegment>[0]>) =>
  ip4({ source: LEFT, destination: RIGHT }, tcpSegment({ from: 1024, to: 25, flags: SYN, ...fields }));
const datagram = (to = 69) => ip4({ source: LEFT, destination: RIGHT }, udp(1024, to, 'abc'));
const localhost = parseAddress('127.0.0.1')!;
const SPAMD =
  'table <spamd> { 192.0.2.9 }\npass in proto tcp from <spamd> to any port smtp divert-to 127.0.0.1 port 8025\n';

test('divert-to: who listens there talks to the client as if it were the destination', () => {
  const filter = new Filter(SPAMD);
  const { host } = filter.router;
  const id = host.call('socket.open', { type: 'tcp', family: 4 });
  host.call('socket.bind', { id, address: localhost, port: 8025 });
  host.call('socket.listen', { id, backlog: 5 });
  const [reply] = filter.left(segment({ sequence: 100 }));
  const found = /^left 198\.51\.100\.9:25 > 192\.0\.2\.9:1024 S\. (\d+) ack 101$/.exec(reply ?? '');
  assert.ok(found !== null, reply);
  const ack = Number(found[1]) + 1;
  assert.deepEqual(filter.left(segment({ sequence: 101, acknowledgment: ack, flags: ACK })), []);
  const sockets = host.call('socket.list', { type: 'tcp' });
  assert.deepEqual(
    sockets.map(({ local, remote }) => [local.port, remote?.port]),
    [
      [8025, undefined],
      [25, 1024],
    ],
  );
  assert.equal(filter.states().length, 1);
});

test('divert-to where nobody listens: a closed port, told in the name of the destination', () => {
  const filter = new Filter(`${SPAMD}pass in proto udp to port tftp divert-to 127.0.0.1 port 6969\n`);
  assert.deepEqual(filter.left(segment({ sequence: 100 })), [`left ${RIGHT}:25 > ${LEFT}:1024 R. 0 ack 101`]);
  assert.deepEqual(filter.left(datagram()), [
    `left 192.0.2.1 > ${LEFT} icmp 3 code 3 about ${LEFT}:1024 > ${RIGHT}:69 udp 3`,
  ]);
  assert.equal(filter.left(datagram(53)).length, 1, 'the rest is forwarded');
});

test('divert-to: datagrams find the socket of the rule, and echo requests this machine', () => {
  const filter = new Filter(
    'pass in proto udp to port tftp divert-to 127.0.0.1 port 6969\npass in inet proto icmp divert-to 127.0.0.1 port 1\n',
  );
  const { host } = filter.router;
  const id = host.call('socket.open', { type: 'udp', family: 4 });
  host.call('socket.bind', { id, address: localhost, port: 6969 });
  const messages: string[] = [];
  host.on('socket.datagram', ({ data }) => messages.push(Buffer.from(data).toString()));
  assert.deepEqual(filter.left(datagram()), []);
  assert.deepEqual(filter.left(datagram()), [], 'by its state');
  assert.deepEqual(messages, ['abc', 'abc']);
  const echo = icmpMessage(icmp.TYPE_ECHO, 0, icmp.echoRest(7, 1), 'ping');
  assert.deepEqual(filter.left(ip4({ source: LEFT, destination: RIGHT }, echo)), [
    `left 192.0.2.1 > ${LEFT} icmp 0 id 7`,
  ]);
});

test('divert-packet: nobody has a divert socket, so that packets are counted and gone, both ways', () => {
  const filter = new Filter('pass\npass in proto udp to port tftp divert-packet port 700\n');
  filter.router.host.moved();
  assert.deepEqual(filter.left(datagram()), []);
  assert.deepEqual(filter.left(datagram()), [], 'by its state');
  assert.deepEqual(filter.router.host.moved().divert, { received: 2, noSocket: 2 });
  assert.equal(filter.states().length, 1);
  assert.equal(filter.left(datagram(53)).length, 1);
});

test('divert-reply passes', () => {
  const filter = new Filter('block all\npass in on vr0\npass out on vr1 proto udp divert-reply\n');
  assert.deepEqual(filter.left(datagram()), [`right ${LEFT}:1024 > ${RIGHT}:69 udp 3`]);
});

test("FreeBSD's divert-to is a divert socket's port", () => {
  for (const dialect of ['freebsd', 'freebsd-15'] as const) {
    const filter = new Filter(
      'pass\npass in inet proto udp to port tftp divert-to 127.0.0.1 port 700\n',
      dialect,
    );
    filter.router.host.moved();
    assert.deepEqual(filter.left(datagram()), []);
    assert.deepEqual(filter.router.host.moved().divert, { received: 1, noSocket: 1 });
  }
});
