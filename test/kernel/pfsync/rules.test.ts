// SPDX-License-Identifier: ISC
//
// The rules that states came of, on the machine that was only told of them: found by what they say, with what they count and remember.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { ip4, tcpSegment, udp } from '../../support/packets.ts';
import { loadOf } from '../pf/filter.ts';
import { LEFT, type Member, Members, RIGHT, states } from './members.ts';

const SYN = tcp.FLAG_SYN;

function syn(port: number, source = LEFT, destination = RIGHT) {
  const header = { from: port, to: 80, sequence: 1000, acknowledgment: 0, flags: SYN, window: 0x4000 };
  return ip4({ source, destination }, tcpSegment(header));
}

function pairOf(first: string, second = first): { pair: Members; a: Member; b: Member } {
  const pair = new Members();
  const [a, b] = [pair.add(first), pair.add(second)];
  pair.run(3);
  return { pair, a, b };
}

/** `in rule 2 of a/b`: where the states of a member come from. */
function rulesOf(member: Member): string[] {
  return states(member)
    .map(({ direction, anchor, rule }) => `${direction} rule ${rule}${anchor === '' ? '' : ` of ${anchor}`}`)
    .sort();
}

describe('a rule', () => {
  test('is found wherever it stands', () => {
    const web = 'pass in on vr0 proto tcp to any port 80 label "web"\n';
    const { pair, a, b } = pairOf(
      `block all\npass out on vr1\n${web}`,
      `block all\npass out on vr1\npass in on vr0 proto udp\n${web}`,
    );
    pair.fromLeft(syn(1024), a);
    pair.run(1.5);
    assert.deepEqual(rulesOf(a), ['in rule 2', 'out rule 1']);
    assert.deepEqual(rulesOf(b), ['in rule 3', 'out rule 1']);
  });

  test('in an anchor, with the call that led to it', () => {
    const { pair, a, b } = pairOf('block all\npass out on vr1\nanchor "web"\n');
    for (const { host } of [a, b]) {
      const { anchors } = loadOf('pass in on vr0 proto tcp\n');
      host.call('pf.load', {
        dialect: 'openbsd',
        anchors: anchors.map(({ rules }) => ({ path: 'web', rules })),
        tables: [],
      });
    }
    pair.fromLeft(syn(1024), a);
    pair.run(1.5);
    assert.deepEqual(rulesOf(a), ['in rule 0 of web', 'out rule 1']);
    assert.deepEqual(rulesOf(b), rulesOf(a));
  });

  test('that is not there leaves at least its timeouts', () => {
    const { pair, a, b } = pairOf(
      'block all\npass out on vr1\npass in on vr0 proto udp keep state (udp.first 777)\n',
      'block all\n',
    );
    pair.fromLeft(ip4({ source: LEFT, destination: RIGHT }, udp(5000, 53, 'question')), a);
    pair.run(1.5);
    const told = states(b).find(({ direction }) => direction === 'in')!;
    assert.equal(told.rule, -1);
    assert.ok(told.expires > 770 && told.expires <= 777, String(told.expires));
  });
});

describe('scrubbing', () => {
  test('goes on with the connection: the other machine does the same to headers', () => {
    const { pair, a, b } = pairOf(
      'match in on vr0 scrub (no-df min-ttl 99)\npass in on vr0\npass out on vr1\n',
      'pass\n',
    );
    pair.fromLeft(syn(1024), a);
    pair.run(1.5);
    const [wire] = pair.rightFrames(() => pair.fromLeft(syn(1024), b));
    assert.equal(ipv4.ttl(wire!, ethernet.HEADER_LENGTH), 98);
  });
});

describe('sources', () => {
  test('are counted everywhere, and limits hold after a takeover', () => {
    const { pair, a, b } = pairOf(
      'block all\npass out on vr1\npass in on vr0 proto tcp keep state (source-track rule, max-src-states 2)\n',
    );
    pair.fromLeft(syn(1024), a);
    pair.fromLeft(syn(1025), a);
    pair.run(1.5);
    const nodes = (member: Member) =>
      member.host.call('pf.sourceNodes', { cursor: 0 }).items.map((node) => node.states);
    assert.deepEqual([nodes(a), nodes(b)], [[2], [2]]);
    assert.deepEqual(pair.fromLeft(syn(1026), b), [], 'the third is one too many');
    a.host.call('pf.killStates', { cursor: 0, filter: {} });
    pair.run(1);
    assert.deepEqual(nodes(b), [0]);
  });

  test('keep the address that was chosen for them', () => {
    const { pair, a, b } = pairOf(
      'pass out on vr1 from 192.0.2.0/24 nat-to { 198.51.100.70, 198.51.100.71, 198.51.100.72 } round-robin sticky-address\npass in on vr0\n',
    );
    const address = (lines: readonly string[]) => /198\.51\.100\.7\d/.exec(lines.join())?.[0];
    // The pool is moved on by another source, so that the next in turn would be another address.
    pair.fromLeft(syn(1024, '192.0.2.20'), a);
    const chosen = address(pair.fromLeft(syn(1025), a));
    pair.run(1.5);
    assert.equal(chosen, '198.51.100.71');
    assert.equal(address(pair.fromLeft(syn(1026), b)), chosen);
  });
});
