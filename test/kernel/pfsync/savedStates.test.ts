// SPDX-License-Identifier: ISC
//
// States that outlive a restart: saved by one kernel, taken back by another that has the same rules, or others.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as saved from '../../../appliance/wire/savedStates.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { ip4, tcpSegment, udp } from '../../support/packets.ts';
import { LEFT, type Member, Members, RIGHT, states, summary } from './members.ts';

const { FLAG_SYN: SYN, FLAG_ACK: ACK } = tcp;
const RULES = 'block all\npass in on vr0 keep state (tcp.established 5000)\npass out on vr1\n';

function segment(forward: boolean, flags: number, sequence: number, acknowledgment: number, data = 0) {
  const [source, destination, from, to] = forward ? [LEFT, RIGHT, 1024, 80] : [RIGHT, LEFT, 80, 1024];
  return ip4(
    { source, destination },
    tcpSegment({ from, to, sequence, acknowledgment, flags, window: 0x4000 }, data),
  );
}

/** A router with an established connection and an answered datagram, and what it saves. */
function router(): { readonly pair: Members; readonly a: Member } {
  const pair = new Members();
  const a = pair.add(RULES, { up: false });
  pair.run(1);
  pair.fromLeft(segment(true, SYN, 1000, 0), a);
  pair.fromRight(segment(false, SYN | ACK, 5000, 1001), a);
  pair.fromLeft(segment(true, ACK, 1001, 5001), a);
  pair.fromLeft(ip4({ source: LEFT, destination: RIGHT }, udp(5000, 53, new Uint8Array(8))), a);
  return { pair, a };
}

function save(member: Member): Uint8Array {
  const { bytes, next } = member.host.call('pf.saveStates', { cursor: 0 });
  assert.equal(next, undefined);
  return bytes;
}

function restore(member: Member, bytes: Uint8Array, elapsed: number) {
  return member.host.call('pf.restoreStates', { bytes, elapsed });
}

test('a connection goes on behind a router that was restarted, strictly tracked, under its rule', () => {
  const { pair, a } = router();
  const bytes = save(a);
  const before = states(a);
  const b = pair.add(RULES, { up: false });
  assert.deepEqual(restore(b, bytes, 10), { restored: before.length, left: 0 });
  assert.deepEqual(summary(b), summary(a));
  const [first] = states(b).filter(({ protocol, direction }) => protocol === 6 && direction === 'in');
  assert.equal(first!.rule, 1);
  assert.ok(Math.abs(first!.expires - 4990) <= 1, `expires in ${first!.expires}`);
  assert.ok(first!.age >= 10);
  assert.equal(pair.fromLeft(segment(true, ACK, 1001, 5001, 100), b).length, 1);
  assert.equal(pair.fromRight(segment(false, ACK, 5001, 1101, 200), b).length, 1);
  assert.equal(pair.fromLeft(segment(true, ACK, 0x70000000, 5001, 10), b).length, 0, 'outside of the window');
});

test('what has run out meanwhile is left out, and what is there stays', () => {
  const { pair, a } = router();
  const bytes = save(a);
  const b = pair.add(RULES, { up: false });
  // Datagrams live for a minute at most.
  assert.deepEqual(restore(b, bytes, 3600), { restored: 2, left: 2 });
  assert.deepEqual(restore(b, bytes, 0), { restored: 2, left: 2 }, 'the connection is there already');
});

test('under other rules states keep the timeouts of theirs', () => {
  const { pair, a } = router();
  const b = pair.add('pass\n', { up: false });
  restore(b, save(a), 0);
  const own = states(b).find(({ protocol, direction }) => protocol === 6 && direction === 'in')!;
  assert.ok(Math.abs(own.expires - 5000) <= 1, `expires in ${own.expires}`);
});

test('any bytes: an error or a count, never more (seeded)', () => {
  const { pair, a } = router();
  const whole = save(a);
  const b = pair.add(RULES, { up: false });
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(changes, fc.nat(whole.length), (list, cut) => {
      const bytes = whole.slice(0, cut);
      for (const [at, value] of list) if (at < cut) bytes[at] = value;
      try {
        restore(b, bytes, 0);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'EINVAL');
      }
      b.host.call('pf.killStates', { cursor: 0, filter: {} });
      assert.equal(states(b).length, 0);
    }),
    { seed: 3, numRuns: 2000 },
  );
});

test('a file that is cut, or longer, or none, is known for one', () => {
  const { a } = router();
  const records = save(a);
  const count = states(a).length;
  const file = new Uint8Array(saved.HEADER_LENGTH + records.length + saved.TRAILER_LENGTH);
  saved.writeHeader(file, 0, 1_795_000_000_123);
  file.set(records, saved.HEADER_LENGTH);
  saved.writeTrailer(file, saved.HEADER_LENGTH + records.length, count);
  assert.equal(saved.time(file), 1_795_000_000_123);
  assert.equal(saved.endOfRecords(file), saved.HEADER_LENGTH + records.length);
  for (let cut = 1; cut < file.length; cut += 7)
    assert.equal(saved.endOfRecords(file.slice(0, -cut)), undefined);
  assert.equal(saved.endOfRecords(new Uint8Array([...file, 0])), undefined);
  assert.equal(saved.time(records), undefined);
  assert.equal(saved.time(new Uint8Array(3)), undefined);
});
