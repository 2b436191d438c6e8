// SPDX-License-Identifier: ISC
//
// pfsync with a key: who has it is in step, nobody else is heard, nothing is heard twice, and nothing can be read.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { aesGcm } from '../../../appliance/host/cryptography.ts';
import { ReplayWindow } from '../../../appliance/kernel/pfsync/replayWindow.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as sealed from '../../../appliance/wire/pfsyncSealed.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { ip4, tcpSegment, word4 } from '../../support/packets.ts';
import { info, LEFT, type Member, Members, RIGHT, states, summary } from './members.ts';

const STRICT = 'block all\npass in on vr0\npass out on vr1\n';

function key(fill: number, time: number) {
  const stream = new Uint8Array(8);
  stream[4] = time;
  return { secret: new Uint8Array(32).fill(fill), stream };
}

/** Two machines with one key that have met. */
function sealedPair() {
  const pair = new Members();
  const a = pair.add(STRICT, { pfsync: { key: key(7, 1) } });
  const b = pair.add(STRICT, { pfsync: { key: key(7, 2) } });
  pair.run(1);
  return { pair, a, b };
}

function syn(port: number) {
  const flags = tcp.FLAG_SYN;
  return ip4(
    { source: LEFT, destination: RIGHT },
    tcpSegment({ from: port, to: 80, sequence: 1000, acknowledgment: 0, flags, window: 0x4000 }, 0),
  );
}

function counters(member: Member): Record<string, number> {
  return member.host.call('system.statistics', { all: true }).pfsync as Record<string, number>;
}

/** What went over the wire between them: IP protocol 240. */
function told(pair: Members): Uint8Array[] {
  return pair.syncWire.recorded
    .map(({ bytes }) => bytes)
    .filter((bytes) => {
      return (
        ethernet.type(bytes, 0) === ethernet.TYPE_IPV4 && ipv4.protocol(bytes, 14) === ipv4.PROTOCOL_PFSYNC
      );
    });
}

test('with one key they are in step, and nothing of a state is seen on the wire', () => {
  const { pair, a, b } = sealedPair();
  assert.equal(info(a).sealed, true);
  pair.fromLeft(syn(1024), a);
  pair.run(1.1);
  assert.equal(states(b).length, 2);
  assert.deepEqual(summary(b), summary(a));
  assert.equal(info(a).peers.length, 1);
  assert.ok(told(pair).length > 3);
  const address = [192, 0, 2, 9];
  for (const bytes of told(pair)) {
    assert.equal(bytes[14 + 20], sealed.VERSION);
    const body = [...bytes.subarray(34)];
    assert.ok(
      !body.some((_, at) => address.every((byte, i) => body[at + i] === byte)),
      'an address in clear',
    );
  }
});

for (const [what, own] of [
  ['another key', { key: key(8, 2) }],
  ['no key', {}],
] as const) {
  test(`who has ${what} is not heard, and hears nothing`, () => {
    const pair = new Members();
    const [a, b] = [pair.add(STRICT, { pfsync: { key: key(7, 1) } }), pair.add(STRICT, { pfsync: own })];
    pair.run(1);
    pair.fromLeft(syn(1024), a);
    pair.fromLeft(syn(1025), b);
    pair.run(2);
    assert.equal(states(a).length, 2);
    assert.equal(states(b).length, 2);
    assert.ok(counters(a).badHmac! > 0);
    assert.ok(counters(b)[what === 'no key' ? 'badVersion' : 'badHmac']! > 0);
  });
}

test('what was sent once is not heard again, nor what was changed on its way', () => {
  const { pair, a, b } = sealedPair();
  pair.fromLeft(syn(1024), a);
  pair.run(1.1);
  const before = told(pair);
  const stranger = pair.world.station('stranger', pair.syncWire);
  const refused = counters(b).badHmac!;
  for (const bytes of before) stranger.send(bytes);
  pair.run(0.1);
  const again = counters(b).badHmac! - refused;
  assert.ok(again > 0 && again <= before.length);
  const copy = before.at(-1)!.slice();
  copy[copy.length - 1] = copy[copy.length - 1]! ^ 1;
  stranger.send(copy);
  pair.run(0.1);
  assert.ok(counters(b).badHmac! + counters(a).badHmac! > refused + again);
  assert.equal(states(b).length, 2);
});

test('a sender that was restarted is heard: its stream is a later one; the one of before no longer', () => {
  const { pair, a, b } = sealedPair();
  const before = told(pair);
  a.host.call('pfsync.set', { name: 'pfsync0', key: key(7, 3) });
  pair.fromLeft(syn(1024), a);
  pair.run(1.1);
  assert.equal(states(b).length, 2);
  const refused = counters(b).badHmac!;
  const stranger = pair.world.station('stranger', pair.syncWire);
  for (const bytes of before) stranger.send(bytes);
  pair.run(0.1);
  assert.ok(counters(b).badHmac! > refused);
});

test('after its boot a machine believes no stream of before, from whatever address it comes', () => {
  const { pair, a, b } = sealedPair();
  pair.fromLeft(syn(1024), a);
  pair.run(2);
  const before = told(pair);
  // The one is gone; the other one begins anew, and hears only what was recorded.
  a.sync.port.carrier = false;
  b.host.call('interface.set', { name: 'pfsync0', up: false });
  b.host.call('pf.killStates', { cursor: 0, filter: {} });
  b.host.call('pfsync.set', { name: 'pfsync0', key: key(7, 4) });
  pair.up(b);
  const stranger = pair.world.station('stranger', pair.syncWire);
  const refused = counters(b).badHmac!;
  for (let round = 0; round < 3; round++) {
    for (const bytes of before) stranger.send(bytes);
    for (const bytes of before) {
      const copy = bytes.slice();
      ipv4.setSource(copy, 14, word4(`10.99.9.${50 + round}`));
      ipv4.fillChecksum(copy, 14);
      stranger.send(copy);
    }
    pair.run(1);
  }
  assert.equal(states(b).length, 0);
  assert.equal(info(b).peers.length, 0);
  assert.ok(counters(b).badHmac! - refused >= 6 * before.length - 10);
  a.sync.port.carrier = true;
  pair.fromLeft(syn(1025), a);
  pair.run(15);
  assert.equal(info(b).peers.length, 1, 'the real one is believed');
  assert.deepEqual(summary(b), summary(a));
});

test('a machine does not believe itself', () => {
  const pair = new Members();
  const a = pair.add(STRICT, { pfsync: { key: key(7, 1) } });
  pair.run(1);
  const mirror = pair.world.station('mirror', pair.syncWire);
  const refused = counters(a).badHmac ?? 0;
  let sent = 0;
  for (let round = 0; round < 5; round++) {
    for (const bytes of told(pair).slice(0, 50)) {
      const copy = bytes.slice();
      ipv4.setSource(copy, 14, word4('10.99.9.77'));
      ipv4.fillChecksum(copy, 14);
      mirror.send(copy);
      sent++;
    }
    pair.run(1);
  }
  assert.equal(counters(a).badHmac! - refused, sent);
});

test('three with one key are in step, also when two begin at once', () => {
  const pair = new Members();
  const a = pair.add(STRICT, { pfsync: { key: key(7, 1) } });
  pair.fromLeft(syn(1024), a);
  const late = [2, 3].map((time) => pair.add(STRICT, { pfsync: { key: key(7, time) }, up: false }));
  for (const { host } of late) host.call('interface.set', { name: 'pfsync0', up: true });
  pair.run(5);
  for (const one of [a, ...late]) {
    assert.equal(info(one).peers.length, 2);
    assert.equal(info(one).bulk, 'done');
    assert.deepEqual(summary(one), summary(a));
  }
});

test('a wrong key is refused', () => {
  const pair = new Members();
  const a = pair.add(STRICT);
  const wrong = { secret: new Uint8Array(31), stream: new Uint8Array(8) };
  assert.throws(() => a.host.call('pfsync.set', { name: 'pfsync0', key: wrong }), { code: 'EINVAL' });
});

/** AES-256-GCM, test cases 13 and 14 of the GCM specification (McGrew, Viega). */
test('AES-256-GCM as published', () => {
  const zeros = (length: number) => new Uint8Array(length);
  const cipher = aesGcm(zeros(32));
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  assert.equal(hex(cipher.seal(zeros(12), zeros(0), zeros(0))), '530f8afbc74536b9a963b4f1c4cb738b');
  const text = cipher.seal(zeros(12), zeros(0), zeros(16));
  assert.equal(hex(text), 'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919');
  assert.deepEqual([...cipher.open(zeros(12), zeros(0), text)!], [...zeros(16)]);
  assert.equal(cipher.open(zeros(12), zeros(1), text), undefined);
});

test('a replay window takes each number behind the first once, in any order within its width (seeded)', () => {
  const numbers = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 80 });
  fc.assert(
    fc.property(numbers, (steps) => {
      const first = 5;
      const window = new ReplayWindow(0x7ffffff0 + first);
      const taken = new Set<number>([first]);
      let highest = first;
      for (const step of steps) {
        const number = (step + 0x7ffffff0) | 0;
        const isNew = window.isNew(number);
        assert.equal(isNew, step > first && !taken.has(step) && highest - step < 32, `${step}`);
        if (!isNew) continue;
        window.note(number);
        taken.add(step);
        highest = Math.max(highest, step);
      }
    }),
    { seed: 1, numRuns: 500 },
  );
});
