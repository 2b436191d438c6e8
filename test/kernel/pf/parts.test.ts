// SPDX-License-Identifier: ISC
//
// Large tables are worked on in parts: expiry and flushing reach every state in time, and never look at more than a few thousand at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DIRECTION_IN, PASS } from '../../../appliance/kernel/filter.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { ip4, tcpSegment, udp } from '../../support/packets.ts';
import { DirectPf } from './direct.ts';
import { loadOf } from './filter.ts';

const STATES = 30_000;

/** Lets time pass in steps of a millisecond; answers how many states went in the step that took most. */
function pass(pf: DirectPf, seconds: number): number {
  const { states } = pf.pf.parts;
  let most = 0;
  for (let i = 0; i < seconds * 1000; i++) {
    const before = states.count;
    pf.clock.now += 1000;
    pf.timeouts.run();
    most = Math.max(most, before - states.count);
  }
  return most;
}

test('all of a large table expires within an interval, in parts', () => {
  const pf = new DirectPf();
  pf.load(loadOf(`set limit states 100000\nset timeout { udp.first 5, interval 2 }\npass in\n`));
  for (let i = 0; i < STATES; i++) {
    const source = `10.0.${i >> 8}.${i & 255}`;
    assert.equal(
      pf.test(ip4({ source, destination: '192.0.2.9' }, udp(1024, 53)), pf.vr0, DIRECTION_IN),
      PASS,
    );
  }
  assert.equal(pf.pf.parts.states.count, STATES);
  const most = pass(pf, 9);
  assert.equal(pf.pf.parts.states.count, 0);
  assert.ok(most <= 2_048, `${most} at once`);
});

test('a source that goes over a limit loses all its states, in parts, and nobody else any', () => {
  const pf = new DirectPf();
  pf.load(
    loadOf(
      'set limit states 100000\ntable <bad> persist\npass in proto udp\n' +
        'pass in proto tcp keep state (max-src-conn 1, overload <bad> flush global)\n',
    ),
  );
  const send = (source: string, transport: Parameters<typeof ip4>[1], direction = DIRECTION_IN) =>
    pf.test(
      direction === DIRECTION_IN
        ? ip4({ source, destination: '192.0.2.9' }, transport)
        : ip4({ source: '192.0.2.9', destination: source }, transport),
      pf.vr0,
      direction,
    );
  for (let i = 0; i < STATES; i++)
    send(i % 3 === 0 ? '10.0.0.2' : '10.0.0.1', udp(1024 + (i >> 1), i & 1 ? 53 : 54));
  const [kept, all] = [STATES / 3, pf.pf.parts.states.count];
  assert.equal(all, STATES);
  for (const from of [1, 2]) {
    send('10.0.0.1', tcpSegment({ from, to: 80, flags: tcp.FLAG_SYN, sequence: 1000 }));
    const answer = {
      from: 80,
      to: from,
      flags: tcp.FLAG_SYN | tcp.FLAG_ACK,
      sequence: 5000,
      acknowledgment: 1001,
    };
    send('10.0.0.1', tcpSegment(answer), 2);
    send('10.0.0.1', tcpSegment({ from, to: 80, sequence: 1001, acknowledgment: 5001 }));
  }
  const first = all + 2 - pf.pf.parts.states.count;
  assert.ok(first > 0 && first <= 4_097, `${first} at once`);
  pass(pf, 1);
  assert.equal(pf.pf.parts.states.count, kept);
});
