// SPDX-License-Identifier: ISC
//
// Segments that others make up: blind resets, SYNs and data (RFC 5961), old duplicates (RFC 7323 5), ICMP errors (RFC 5927), floods.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { frame, ip4, tcpSegment } from '../../support/packets.ts';
import { Conversation, play } from './script.ts';

const ACCEPTED = `
  call listen
  < S 0 <mss 1460>
  > S. 0:0 ack 1
  < . 1 ack 1
  ! accepted
`;

const WITH_TIMESTAMPS = `
  call listen
  < S 0 <mss 1460,TS 100 0>
  > S. 0:0 ack 1
  < . 1 ack 1 <TS 101 0>
  ! accepted
`;

const SCRIPTS: Record<string, string> = {
  'a reset in the window but not next is challenged (RFC 5961 3)': `
    ${ACCEPTED}
    < R 100
    > . 1:1 ack 1
    = ESTABLISHED
    < R 1
    ! closed ECONNRESET
    = CLOSED`,
  'a reset outside the window is dropped': `
    ${ACCEPTED}
    < R 700000
    < R -5
    nothing
    = ESTABLISHED`,
  'a SYN in an open connection is challenged (RFC 5961 4)': `
    ${ACCEPTED}
    < S 1 <mss 1460>
    > . 1:1 ack 1
    wait 200
    < S 5000 <mss 1460>
    > . 1:1 ack 1
    = ESTABLISHED`,
  'challenges are limited per connection': `
    ${ACCEPTED}
    < R 100
    > . 1:1 ack 1
    < R 101
    < R 102
    nothing
    wait 150
    < R 103
    > . 1:1 ack 1`,
  'an acknowledgment of what was not sent is challenged, its data not taken': `
    ${ACCEPTED}
    < P. 1 ack 9 "guess"
    > . 1:1 ack 1
    received 0`,
  'an acknowledgment older than any window is challenged, its data not taken (RFC 5961 5)': `
    ${ACCEPTED}
    < P. 1 ack -100000 "guess"
    > . 1:1 ack 1
    received 0`,
  'data outside the window is acknowledged and dropped': `
    ${ACCEPTED}
    < P. 700000 ack 1 len 10
    > . 1:1 ack 1
    < P. -100 ack 1 len 10
    > . 1:1 ack 1
    received 0`,
  'an old timestamp is an old duplicate (PAWS)': `
    ${WITH_TIMESTAMPS}
    < P. 1 ack 1 <TS 110 0> "good"
    received 4
    < P. 5 ack 1 <TS 109 0> "old"
    > . 1:1 ack 5
    received 4`,
  'timestamps that wrap go on': `
    call listen
    < S 0 <mss 1460,TS 4294967290 0>
    > S. 0:0 ack 1
    < . 1 ack 1 <TS 4294967295 0>
    ! accepted
    < P. 1 ack 1 <TS 5 0> "good"
    received 4`,
  'a segment without the agreed timestamps is dropped, a reset is not': `
    ${WITH_TIMESTAMPS}
    < P. 1 ack 1 "bare"
    nothing
    received 0
    < R 1
    ! closed ECONNRESET`,
  'a duplicate of something old does not move TS.Recent': `
    ${WITH_TIMESTAMPS}
    < P. 1 ack 1 <TS 110 0> "abcd"
    wait 150
    > . 1:1 ack 5 <ecr 110>
    < P. 9 ack 1 <TS 120 0> "late"
    > . 1:1 ack 5 <ecr 110>
    < P. 5 ack 1 <TS 115 0> "here"
    > . 1:1 ack 13 <ecr 115>
    received 12`,
};

for (const [name, script] of Object.entries(SCRIPTS)) test(name, () => void play(script));

/** A connection with one segment of the kernel's under way; answers that segment. */
function underWay(script: string): { conversation: Conversation; packet: Uint8Array } {
  const conversation = play(script);
  return { conversation, packet: conversation.lastPacket() };
}

function sending(): { conversation: Conversation; packet: Uint8Array } {
  const conversation = play(ACCEPTED);
  conversation.host.call('socket.send', { id: conversation.user, data: new Uint8Array(1400) });
  conversation.world.run(1000);
  return { conversation, packet: conversation.lastPacket() };
}

test('path MTU: what is under way is sent again in smaller pieces (RFC 1191)', () => {
  const { conversation, packet } = sending();
  conversation.icmpError(icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_NEED_FRAGMENT, 1000, packet);
  conversation.play(`
    > . 1:961 ack 1
    > P. 961:1401 ack 1
    < . 1 ack 1401
    call send 2000
    > . 1401:2361 ack 1
    > . 2361:3321 ack 1
    < . 1 ack 3321
    > P. 3321:3401 ack 1`);
});

test('path MTU: a router that does not say it is met with the next plateau', () => {
  const { conversation, packet } = sending();
  conversation.icmpError(icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_NEED_FRAGMENT, 0, packet);
  conversation.play('> . 1:967 ack 1\n> P. 967:1401 ack 1');
});

test('path MTU: nothing larger, nothing about what is not under way (RFC 5927 4.1)', () => {
  const { conversation, packet } = sending();
  conversation.icmpError(icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_NEED_FRAGMENT, 1500, packet);
  const guess = packet.slice();
  tcp.setSequence(guess, ipv4.HEADER_LENGTH, tcp.sequence(guess, ipv4.HEADER_LENGTH) + 5000);
  conversation.icmpError(icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_NEED_FRAGMENT, 600, guess);
  conversation.play('nothing');
  assert.equal(conversation.host.call('system.statistics', {}).tcp?.icmpIgnored, 2);
});

test('port unreachable ends an attempt to connect, never a connection (RFC 5461)', () => {
  const connecting = underWay('call connect');
  connecting.conversation.icmpError(icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_PORT, 0, connecting.packet);
  connecting.conversation.play('! closed ECONNREFUSED');
  const open = sending();
  open.conversation.icmpError(icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_PORT, 0, open.packet);
  open.conversation.play('= ESTABLISHED');
});

test('host unreachable is the reason when an attempt to connect times out', () => {
  const { conversation, packet } = underWay('call connect');
  conversation.icmpError(icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_HOST, 0, packet);
  conversation.play('= SYN_SENT\nwait 1000\n> S 0:0\nwait 2000\n> S 0:0\nwait 4000\n> S 0:0\nwait 8000');
  conversation.play('! closed EHOSTUNREACH');
});

test('a flood of SYNs holds a bounded number of half-open connections, and a genuine one gets through', () => {
  const conversation = new Conversation();
  conversation.play('call listen');
  for (let i = 0; i < 3000; i++) {
    const segment = tcpSegment({ from: 1 + i, to: 80, sequence: i, flags: tcp.FLAG_SYN });
    const source = `192.0.2.${10 + (i % 200)}`;
    conversation.sendFrame(
      frame(
        { to: '02:00:00:00:01:01', from: '02:00:00:00:aa:09' },
        ip4({ source, destination: '192.0.2.1' }, segment),
      ),
    );
  }
  const sockets = conversation.host.call('socket.list', { type: 'tcp' });
  assert.ok(sockets.length <= 257, `${sockets.length} sockets`);
  conversation.forget();
  conversation.play('< S 0 <mss 1460>\n> S. 0:0 ack 1\n< . 1 ack 1\n! accepted');
  conversation.world.run(120_000_000);
  assert.equal(conversation.host.call('socket.list', { type: 'tcp' }).length, 2);
});

test('connections that userland does not take fill the backlog and no more', () => {
  const conversation = new Conversation();
  conversation.play('call listen');
  for (let port = 6000; port < 6020; port++) conversation.from(port).play('< S 0 <mss 1460>').handshake();
  const states = conversation.host.call('socket.list', { type: 'tcp' }).map((one) => one.state);
  assert.equal(states.filter((state) => state === 'ESTABLISHED').length, 5);
  conversation.host.call('socket.set', { id: conversation.user });
  conversation.from(7000).play('< S 0 <mss 1460>').handshake();
  assert.equal(conversation.host.call('socket.list', { type: 'tcp' }).length, 7);
});

test('resets to nobody are limited', () => {
  const conversation = new Conversation();
  for (let i = 0; i < 150; i++) conversation.play('< S 0').forget();
  const counters = conversation.host.call('system.statistics', {}).tcp!;
  assert.equal(counters.noSocket, 150);
  assert.equal(counters.resetsLimited, 50);
});
