// SPDX-License-Identifier: ISC
//
// Segments and datagrams of every shape, in every state: nothing throws, nothing grows, and an innocent connection goes on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../../appliance/kernel/random.ts';
import { frame, ip4, payload, tcpSegment, udp } from '../../support/packets.ts';
import { Conversation } from './script.ts';
import { endpoint } from './userland.ts';

const LINKS = { to: '02:00:00:00:01:01', from: '02:00:00:00:aa:09' };
const ENDS = { source: '192.0.2.9', destination: '192.0.2.1' };

const OPEN = 'call listen\n< S 0 <mss 1000,sackOK>\n> S. 0:0 ack 1\n< . 1 ack 1\n! accepted';

/** Ways to bring a connection into each of its states. */
const BEGINNINGS: Record<string, string> = {
  CLOSED: '',
  SYN_SENT: 'call connect',
  SYN_RCVD: 'call listen\n< S 0 <mss 1000,sackOK>',
  ESTABLISHED: OPEN,
  'ESTABLISHED with data under way': `${OPEN}\ncall send 9000`,
  'ESTABLISHED with a closed window': `${OPEN}\ncall send 1\n> P. 1:2 ack 1\n< . 1 ack 2 win 0\ncall send 100`,
  CLOSE_WAIT: `${OPEN}\n< F. 1 ack 1`,
  FIN_WAIT_1: `${OPEN}\ncall shutdown`,
  CLOSING: `${OPEN}\ncall shutdown\n> F. 1:1 ack 1\n< F. 1 ack 1`,
  LAST_ACK: `${OPEN}\n< F. 1 ack 1\n> . 1:1 ack 2\ncall shutdown`,
  FIN_WAIT_2: `${OPEN}\ncall shutdown\n> F. 1:1 ack 1\n< . 1 ack 2`,
  TIME_WAIT: `${OPEN}\ncall shutdown\n> F. 1:1 ack 1\n< F. 1 ack 2`,
};

/** Numbers near where the conversation is, mostly. */
function near(random: Random): number {
  const far = [0, 1, 2, 1000, -1, -1000, 70_000, 600_000, 0x7fffffff][random.below(9)]!;
  return far + random.below(3) - 1;
}

function randomOptions(random: Random): Uint8Array {
  const bytes = new Uint8Array(4 * random.below(11));
  for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(random.below(2) === 0 ? 12 : 256);
  return bytes;
}

function randomSegment(conversation: Conversation, random: Random): Uint8Array {
  const segment = tcpSegment(
    {
      from: conversation.ports.peer,
      to: conversation.ports.kernel,
      sequence: (conversation.starts.peer + near(random)) | 0,
      acknowledgment: (conversation.starts.kernel + near(random)) | 0,
      flags:
        random.below(4) === 0
          ? random.below(256)
          : [0x10, 0x18, 0x11, 0x14, 0x02, 0x12, 0x04][random.below(7)]!,
      window: [0, 1, 100, 65_535][random.below(4)]!,
      options: randomOptions(random),
    },
    [0, 0, 1, 500, 1000, 1400][random.below(6)]!,
  );
  return frame(LINKS, ip4(ENDS, segment));
}

for (const [name, script] of Object.entries(BEGINNINGS)) {
  test(`random segments in ${name}`, () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = new Random([seed, 5, 6, 7]);
      const conversation = new Conversation().play(script);
      for (let i = 0; i < 150; i++) {
        conversation.sendFrame(randomSegment(conversation, random));
        if (random.below(10) === 0) conversation.world.run(random.below(2_000_000));
      }
      const sockets = conversation.host.call('socket.list', { type: 'tcp' });
      assert.ok(sockets.length <= 4, `${sockets.length} sockets`);
      for (const one of sockets) assert.ok(one.receiveQueue <= 600_000 && one.sendQueue <= 524_288);
    }
  });
}

test('mutated frames of a connection change nothing but the counters', () => {
  const random = new Random([9, 9, 9, 9]);
  const conversation = new Conversation().play(OPEN);
  for (let i = 0; i < 5000; i++) {
    const bytes = frame(LINKS, ip4(ENDS, tcpSegment({ from: 5000, to: 80, sequence: 1001 }, 100)));
    const at = 34 + random.below(bytes.length - 34);
    bytes[at] = bytes[at]! ^ (1 << random.below(8));
    conversation.sendFrame(bytes);
  }
  assert.equal(conversation.received, 0);
  const { badChecksum = 0, badOffset = 0 } = conversation.host.call('system.statistics', {}).tcp!;
  assert.equal(badChecksum + badOffset, 5000);
  conversation.forget().play('< P. 1 ack 1 "fine"\nreceived 4');
});

test('headers that are cut or lie about their length', () => {
  const conversation = new Conversation();
  for (const protocol of [6, 17]) {
    for (let length = 0; length < 24; length++) {
      for (const byte of [0x00, 0x50, 0xff]) {
        const bytes = new Uint8Array(length).fill(byte);
        conversation.sendFrame(frame(LINKS, ip4(ENDS, payload(protocol, bytes))));
      }
    }
  }
  const { tcp, udp: datagrams } = conversation.host.call('system.statistics', {});
  assert.equal(tcp?.tooShort, 60);
  assert.equal((tcp?.badOffset ?? 0) + (tcp?.badChecksum ?? 0), 12);
  assert.equal(datagrams?.incomplete, 24);
});

test('a flood of datagrams reaches userland at a bounded rate', () => {
  const conversation = new Conversation();
  const id = conversation.host.call('socket.open', { type: 'udp', family: 4 });
  conversation.host.call('socket.bind', { id, port: 53 });
  for (let i = 0; i < 12_000; i++) conversation.sendNow(frame(LINKS, ip4(ENDS, udp(1000, 53, 'x'))));
  conversation.world.run(1000);
  const counters = conversation.host.call('system.statistics', {}).udp!;
  assert.equal(counters.delivered, 10_000);
  assert.equal(counters.fullSocket, 2_000);
});

test('calls that make no sense are refused', () => {
  const { host } = new Conversation();
  const open = (type: 'tcp' | 'udp' | 'raw') => host.call('socket.open', { type, family: 4, protocol: 1 });
  const refused = (code: string, call: () => unknown) => assert.throws(call, { code });
  const remote = endpoint('192.0.2.9', 80);
  const id = open('tcp');
  refused('ENOTCONN', () => host.call('socket.send', { id, data: new Uint8Array(1) }));
  refused('ENOTCONN', () => host.call('socket.shutdown', { id }));
  refused('EAFNOSUPPORT', () => host.call('socket.connect', { id, remote: endpoint('2001:db8::1', 80) }));
  refused('EADDRNOTAVAIL', () => host.call('socket.connect', { id, remote: endpoint('192.0.2.9', 0) }));
  refused('EADDRNOTAVAIL', () => host.call('socket.bind', { id, address: remote.address, port: 1 }));
  refused('EINVAL', () => host.call('socket.bind', { id, port: 70_000 }));
  host.call('socket.bind', { id, port: 8080 });
  refused('EINVAL', () => host.call('socket.bind', { id, port: 8081 }));
  refused('EADDRINUSE', () => host.call('socket.bind', { id: open('tcp'), port: 8080 }));
  host.call('socket.listen', { id, backlog: 1 });
  refused('EISCONN', () => host.call('socket.listen', { id, backlog: 1 }));
  refused('EOPNOTSUPP', () => host.call('socket.connect', { id, remote }));
  host.call('socket.close', { id });
  refused('EBADF', () => host.call('socket.close', { id }));
  refused('EBADF', () => host.call('socket.send', { id: 4711, data: new Uint8Array(1) }));
  const datagram = open('udp');
  refused('EOPNOTSUPP', () => host.call('socket.listen', { id: datagram, backlog: 1 }));
  refused('ENOTCONN', () => host.call('socket.send', { id: datagram, data: new Uint8Array(1) }));
  refused('EMSGSIZE', () =>
    host.call('socket.sendTo', { id: datagram, remote, data: new Uint8Array(70_000) }),
  );
  refused('EHOSTUNREACH', () =>
    host.call('socket.sendTo', {
      id: datagram,
      remote: endpoint('198.51.100.1', 1),
      data: new Uint8Array(1),
    }),
  );
  refused('EPROTONOSUPPORT', () => host.call('socket.open', { type: 'raw', family: 4 }));
});
