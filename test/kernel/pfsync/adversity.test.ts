// SPDX-License-Identifier: ISC
//
// pfsync when packets are lost, late or missed: nothing is forgotten for good, nothing deleted comes back, nothing newer is undone.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as wire from '../../../appliance/wire/pfsync.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { ip4, tcpSegment } from '../../support/packets.ts';
import { info, LEFT, type Member, Members, RIGHT, states, summary } from './members.ts';

const { FLAG_SYN: SYN, FLAG_ACK: ACK } = tcp;
const STRICT = 'block all\npass in on vr0\npass out on vr1\n';

interface Numbers {
  readonly flags?: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly data?: number;
  readonly port?: number;
}

function client({ flags = ACK, sequence, acknowledgment, data = 0, port = 1024 }: Numbers) {
  const header = { from: port, to: 80, sequence, acknowledgment, flags, window: 0x4000 };
  return ip4({ source: LEFT, destination: RIGHT }, tcpSegment(header, data));
}

function server({ flags = ACK, sequence, acknowledgment, data = 0, port = 1024 }: Numbers) {
  const header = { from: 80, to: port, sequence, acknowledgment, flags, window: 0x4000 };
  return ip4({ source: RIGHT, destination: LEFT }, tcpSegment(header, data));
}

/** A connection through a member, initial numbers 1000 and 5000. */
function connect(pair: Members, through: Member, port = 1024): void {
  pair.fromLeft(client({ flags: SYN, sequence: 1000, acknowledgment: 0, port }), through);
  pair.fromRight(server({ flags: SYN | ACK, sequence: 5000, acknowledgment: 1001, port }), through);
  pair.fromLeft(client({ sequence: 1001, acknowledgment: 5001, port }), through);
}

function members(count: number, rules = STRICT): { pair: Members; all: Member[] } {
  const pair = new Members();
  const all = Array.from({ length: count }, () => pair.add(rules));
  pair.run(3);
  return { pair, all };
}

/** Actions of the pfsync packets that a member has sent since the last time. */
function actionsOf(pair: Members, member: Member): number[] {
  const sent = pair.syncWire.recorded.splice(0).filter(({ from }) => from === `${member.name} vr2`);
  return sent.flatMap(({ bytes }) => {
    if (ethernet.type(bytes, 0) !== ethernet.TYPE_IPV4) return [];
    if (ipv4.protocol(bytes, ethernet.HEADER_LENGTH) !== ipv4.PROTOCOL_PFSYNC) return [];
    const start = ipv4.payloadAt(bytes, ethernet.HEADER_LENGTH);
    const actions: number[] = [];
    for (let at = start + wire.HEADER_LENGTH; at < bytes.length; ) {
      actions.push(wire.action(bytes, at));
      at += wire.SECTION_LENGTH + wire.messageLength(bytes, at) * wire.count(bytes, at);
    }
    return actions;
  });
}

describe('a link that comes and goes', () => {
  test('what happened without it is told when it is there again', () => {
    const { pair, all } = members(2);
    const [a, b] = [all[0]!, all[1]!];
    connect(pair, a, 1024);
    pair.run(2);
    a.sync.port.carrier = false;
    connect(pair, a, 1025);
    pair.fromLeft(client({ sequence: 1001, acknowledgment: 5001, data: 500 }), a);
    pair.run(5);
    a.sync.port.carrier = true;
    pair.run(2);
    assert.deepEqual(summary(b), summary(a));
    assert.ok(
      states(b).some((one) => one.source.seqLow === 1501),
      'the update too',
    );
  });
});

describe('deletions', () => {
  test('a peer that missed one hears of it again when it speaks of the state', () => {
    const { pair, all } = members(2);
    const [a, b] = [all[0]!, all[1]!];
    connect(pair, a);
    pair.run(2);
    b.sync.port.carrier = false;
    a.host.call('pf.killStates', { cursor: 0, filter: { protocol: 6 } });
    pair.run(2);
    b.sync.port.carrier = true;
    assert.equal(states(b).length, 2);
    pair.fromRight(server({ sequence: 5001, acknowledgment: 1001, data: 10 }), b);
    pair.run(3);
    assert.deepEqual([states(a).length, states(b).length], [0, 0]);
  });

  for (const [what, cut] of [
    ['lost on the way', 2],
    ['while a machine was cut off', 60],
  ] as const) {
    for (const [which, filter] of [
      ['one', { protocol: 6 }],
      ['all', {}],
    ] as const) {
      test(`${which}, ${what}: an idle backup does not keep the state`, () => {
        const { pair, all } = members(2);
        const [a, b] = [all[0]!, all[1]!];
        connect(pair, a);
        pair.run(9);
        b.sync.port.carrier = false;
        a.host.call('pf.killStates', { cursor: 0, filter });
        connect(pair, a, 1025);
        pair.run(cut);
        b.sync.port.carrier = true;
        assert.equal(states(b).length, 2);
        pair.fromLeft(client({ sequence: 1001, acknowledgment: 5001, data: 100, port: 1025 }), a);
        pair.run(35);
        assert.deepEqual(summary(b).length, 2, 'the other connection');
        assert.deepEqual(summary(b), summary(a));
      });
    }
  }

  test('of all, in pages: what is made and killed between two of them is told like any other', () => {
    const { pair, all } = members(2);
    const [a, b] = [all[0]!, all[1]!];
    for (let port = 2000; port < 4500; port++) connect(pair, a, port);
    pair.run(3);
    const count = (member: Member) => member.host.call('pf.status', {}).states.current;
    assert.equal(count(b), 5000);
    const { next } = a.host.call('pf.killStates', { cursor: 0, filter: {} });
    assert.ok(next !== undefined, 'more than a page');
    // Into places that the flush has left behind; half of it is killed before the next page.
    connect(pair, a, 5000);
    pair.run(3);
    const [made] = states(a);
    a.host.call('pf.killStates', { cursor: 0, filter: { id: made!.id } });
    pair.run(3);
    let cursor: number | undefined = next;
    while (cursor !== undefined) cursor = a.host.call('pf.killStates', { cursor, filter: {} }).next;
    pair.run(3);
    assert.deepEqual([count(a), count(b)], [1, 1]);
  });

  test('minutes later a bulk update does not undo one either', () => {
    const { pair, all } = members(2);
    const [a, b] = [all[0]!, all[1]!];
    connect(pair, a);
    pair.run(2);
    b.sync.port.carrier = false;
    a.host.call('pf.killStates', { cursor: 0, filter: { protocol: 6 } });
    pair.run(600);
    b.sync.port.carrier = true;
    pair.add(STRICT);
    pair.run(5);
    assert.equal(states(a).length, 0);
  });

  test('all at once: those that others have made go everywhere too', () => {
    const { pair, all } = members(2);
    const [a, b] = [all[0]!, all[1]!];
    connect(pair, a, 1024);
    connect(pair, b, 1025);
    pair.run(2);
    actionsOf(pair, a);
    a.host.call('pf.killStates', { cursor: 0, filter: {} });
    pair.run(0.1);
    assert.deepEqual([states(a).length, states(b).length], [0, 0]);
    assert.deepEqual(actionsOf(pair, a), [wire.ACTION_CLEAR, wire.ACTION_CLEAR], 'a word for each maker');
  });
});

describe('updates', () => {
  test('a late one takes back neither sequence numbers nor windows', () => {
    const { pair, all } = members(2);
    const [a, b] = [all[0]!, all[1]!];
    connect(pair, a);
    pair.fromLeft(client({ sequence: 1001, acknowledgment: 5001, data: 100 }), a);
    pair.run(2);
    pair.syncWire.recorded.length = 0;
    pair.fromLeft(client({ sequence: 1101, acknowledgment: 5001, data: 100 }), a);
    pair.run(1.5);
    const late = pair.syncWire.recorded.filter(({ from }) => from === 'm1 vr2').at(-1)!.bytes;
    // Only the edge of the window moves now.
    pair.fromRight(server({ sequence: 5001, acknowledgment: 1201 }), a);
    pair.run(1.5);
    const before = states(b).map(({ source, destination }) => ({ source, destination }));
    pair.world.station('late', pair.syncWire).send(late);
    pair.run(0.1);
    const after = states(b).map(({ source, destination }) => ({ source, destination }));
    assert.deepEqual(after, before);
  });
});

describe('a connection that two have seen begin', () => {
  test('has the state of the one that sees the rest of it', () => {
    const { pair, all } = members(2);
    const [a, b] = [all[0]!, all[1]!];
    b.sync.port.carrier = false;
    connect(pair, a);
    connect(pair, b);
    pair.run(2);
    b.sync.port.carrier = true;
    pair.run(2);
    assert.notDeepEqual(summary(b), summary(a));
    pair.fromLeft(client({ sequence: 1001, acknowledgment: 5001, data: 700 }), a);
    pair.run(3);
    assert.deepEqual(summary(b), summary(a));
    assert.deepEqual(
      states(b).map((one) => one.source.seqLow),
      [1701, 1701],
    );
    assert.equal(pair.fromRight(server({ sequence: 5001, acknowledgment: 1701, data: 10 }), b).length, 1);
  });
});

describe('a bulk update', () => {
  test('of which packets are lost is made good: only those come again', () => {
    const pair = new Members();
    const a = pair.add(STRICT);
    for (let port = 2000; port < 2400; port++) connect(pair, a, port);
    pair.run(3);
    const b = pair.add(STRICT, { up: false });
    pair.run(11);
    actionsOf(pair, a);
    let packets = 0;
    const { receiver } = b.sync.port;
    // Every seventh packet of what follows is lost to the one that asks.
    b.sync.port.receiver = (packet) => {
      if (packets++ % 7 !== 6) receiver?.(packet);
    };
    b.host.call('interface.set', { name: 'pfsync0', up: true });
    pair.run(5);
    b.sync.port.receiver = receiver;
    assert.equal(info(b).bulk, 'done');
    const count = (member: Member) => member.host.call('pf.status', {}).states.current;
    assert.equal(count(a), 800);
    assert.equal(count(b), 800);
    const actions = actionsOf(pair, a);
    assert.equal(
      actions.filter((action) => action === wire.ACTION_BULK_STATUS).length > 2,
      true,
      'more ends',
    );
    const updates = actions.filter((action) => action === wire.ACTION_UPDATE).length;
    assert.ok(updates < 300, `${updates} packets for 200`);
  });
});
