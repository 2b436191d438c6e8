// SPDX-License-Identifier: ISC
//
// pfsync between routers in virtual time: what one has seen, another can go on with.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../../../appliance/kernel/random.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as wire from '../../../appliance/wire/pfsync.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { ip4, tcpSegment, udp, word4 } from '../../support/packets.ts';
import { info, LEFT, type Member, Members, RIGHT, SECOND, states, summary } from './members.ts';

const { FLAG_SYN: SYN, FLAG_ACK: ACK, FLAG_FIN: FIN } = tcp;
const STRICT = 'block all\npass in on vr0\npass out on vr1\n';

function segment(
  source: string,
  destination: string,
  ports: [number, number],
  flags: number,
  sequence: number,
  acknowledgment: number,
  data = 0,
) {
  const [from, to] = ports;
  return ip4(
    { source, destination },
    tcpSegment({ from, to, sequence, acknowledgment, flags, window: 0x4000 }, data),
  );
}

const client = (flags: number, seq: number, ack: number, data = 0, port = 1024) =>
  segment(LEFT, RIGHT, [port, 80], flags, seq, ack, data);
const server = (flags: number, seq: number, ack: number, data = 0, port = 1024) =>
  segment(RIGHT, LEFT, [80, port], flags, seq, ack, data);

/** A connection through a member, initial numbers 1000 and 5000. */
function connect(pair: Members, through: Member, port = 1024): void {
  assert.equal(pair.fromLeft(client(SYN, 1000, 0, 0, port), through).length, 1);
  assert.equal(pair.fromRight(server(SYN | ACK, 5000, 1001, 0, port), through).length, 1);
  assert.equal(pair.fromLeft(client(ACK, 1001, 5001, 0, port), through).length, 1);
}

describe('two routers', () => {
  test('a connection made through one goes on through the other, strictly tracked', () => {
    const pair = new Members();
    const [a, b] = [pair.add(STRICT), pair.add(STRICT)];
    pair.run(1);
    connect(pair, a);
    assert.equal(states(b).length, 0, 'nothing has been told yet');
    pair.run(1.1);
    assert.deepEqual(summary(b), summary(a));
    assert.equal(pair.fromLeft(client(ACK, 1001, 5001, 100), b).length, 1);
    assert.equal(pair.fromRight(server(ACK, 5001, 1101, 200), b).length, 1);
    assert.equal(pair.fromLeft(client(ACK, 0x70000000, 5001, 10), b).length, 0, 'outside of the window');
    assert.equal(states(b)[0]!.creatorId, states(a)[0]!.creatorId);
  });

  test('without pfsync the other one knows nothing', () => {
    const pair = new Members();
    const [a, b] = [pair.add(STRICT), pair.add(STRICT, { up: false })];
    pair.run(1);
    connect(pair, a);
    pair.run(2);
    assert.equal(pair.fromRight(server(ACK, 5001, 1001, 200), b).length, 0);
  });

  test('closing is told, and the states go on both', () => {
    const pair = new Members();
    const [a, b] = [pair.add(STRICT), pair.add(STRICT)];
    connect(pair, a);
    pair.run(2);
    pair.fromLeft(client(FIN | ACK, 1001, 5001), a);
    pair.fromRight(server(FIN | ACK, 5001, 1002), a);
    pair.fromLeft(client(ACK, 1002, 5002), a);
    pair.run(2);
    assert.deepEqual(
      states(b).map((one) => `${one.source.state}:${one.destination.state}`),
      ['9:9', '9:9'],
    );
    pair.run(110);
    assert.deepEqual([states(a).length, states(b).length], [0, 0]);
  });

  test('a reset by hand: killing and flushing reach the other one, and nothing comes back', () => {
    const pair = new Members();
    const [a, b] = [pair.add(STRICT), pair.add(STRICT)];
    connect(pair, a, 1024);
    connect(pair, a, 1025);
    pair.run(2);
    assert.equal(states(b).length, 4);
    const [one] = states(a);
    a.host.call('pf.killStates', { cursor: 0, filter: { id: one!.id } });
    pair.run(2);
    assert.deepEqual([states(a).length, states(b).length], [3, 3]);
    a.host.call('pf.killStates', { cursor: 0, filter: {} });
    pair.run(2);
    assert.deepEqual([states(a).length, states(b).length], [0, 0]);
    pair.run(30);
    assert.deepEqual([states(a).length, states(b).length], [0, 0]);
  });

  test('a long transfer: the other one follows closely enough to take over in its midst', () => {
    const pair = new Members();
    const [a, b] = [pair.add(STRICT), pair.add(STRICT)];
    connect(pair, a);
    pair.run(1.5);
    // 3 MB in segments of 1400 bytes, each acknowledged: far more than the window in the second between two updates.
    let seq = 5001;
    for (let i = 0; i < 2000; i++) {
      assert.equal(pair.fromRight(server(ACK, seq, 1001, 1400), a).length, 1);
      seq += 1400;
      assert.equal(pair.fromLeft(client(ACK, 1001, seq), a).length, 1);
    }
    assert.equal(
      pair.fromRight(server(ACK, seq, 1001, 1400), b).length,
      1,
      'the next segment passes the other router',
    );
    assert.equal(pair.fromLeft(client(ACK, 1001, seq + 1400), b).length, 1);
  });

  test('taking over where the peer was a part of a window further: nothing stalls, and nothing wild passes', () => {
    const pair = new Members();
    const [a, b] = [pair.add(STRICT), pair.add(STRICT)];
    const scale = Uint8Array.of(3, 3, 7, 1);
    const wide = (
      from: [string, string, number, number],
      flags: number,
      sequence: number,
      acknowledgment: number,
      data = 0,
    ) => {
      const [source, destination, sourcePort, destinationPort] = from;
      const header = {
        from: sourcePort,
        to: destinationPort,
        sequence,
        acknowledgment,
        flags,
        window: 0x4000,
      };
      const options = (flags & SYN) === 0 ? {} : { options: scale };
      return ip4({ source, destination }, tcpSegment({ ...header, ...options }, data));
    };
    const [there, back] = [
      [LEFT, RIGHT, 1024, 80],
      [RIGHT, LEFT, 80, 1024],
    ] as [[string, string, number, number], [string, string, number, number]];
    pair.fromLeft(wide(there, SYN, 1000, 0), a);
    pair.fromRight(wide(back, SYN | ACK, 5000, 1001), a);
    pair.fromLeft(wide(there, ACK, 1001, 5001), a);
    pair.run(1.5);
    // 300 KB pass by the first: less than half of the window of 2 MB, so that the second is not told within the second.
    let seq = 5001;
    for (let i = 0; i < 215; i++, seq += 1400) pair.fromRight(wide(back, ACK, seq, 1001, 1400), a);
    assert.equal(pair.fromLeft(wide(there, ACK, 1001, seq), a).length, 1);
    assert.equal(
      pair.fromLeft(wide(there, ACK, 1001, seq), b).length,
      1,
      'an acknowledgment of what the second never saw',
    );
    assert.equal(pair.fromRight(wide(back, ACK, seq, 1001, 1400), b).length, 1);
    assert.equal(pair.fromLeft(wide(there, ACK, 1001, seq + 1400), b).length, 1);
    assert.equal(
      pair.fromRight(wide(back, ACK, seq + 0x1000000, 1001, 10), b).length,
      0,
      'eight windows ahead',
    );
    assert.equal(
      pair.fromLeft(wide(there, ACK, 1001, seq + 500_000), b).length,
      0,
      'more than was sent, once both are known',
    );
  });

  test('both directions by different routers', () => {
    const pair = new Members();
    const [a, b] = [pair.add(STRICT), pair.add(STRICT)];
    connect(pair, a);
    pair.run(2);
    let [seq, ack] = [1001, 5001];
    for (let i = 0; i < 50; i++) {
      assert.equal(pair.fromLeft(client(ACK, seq, ack, 500), a).length, 1);
      seq += 500;
      pair.run(0.05);
      assert.equal(pair.fromRight(server(ACK, ack, seq, 700), b).length, 1);
      ack += 700;
      pair.run(0.05);
    }
  });

  test('UDP and the counters', () => {
    const pair = new Members();
    const [a, b] = [pair.add(STRICT), pair.add(STRICT)];
    pair.fromLeft(ip4({ source: LEFT, destination: RIGHT }, udp(5000, 53, 10)), a);
    pair.fromRight(ip4({ source: RIGHT, destination: LEFT }, udp(53, 5000, 10)), a);
    pair.run(2);
    assert.deepEqual(summary(b), summary(a));
    assert.equal(pair.fromRight(ip4({ source: RIGHT, destination: LEFT }, udp(53, 5000, 10)), b).length, 1);
    const counted = a.host.call('system.statistics', {}).pfsync!;
    assert.ok(counted.sent! >= 2 && counted.received! >= 1);
  });
});

describe('what a state carries', () => {
  test('translations: nat and rdr go on', () => {
    const rules = `match in on vr0 proto tcp to 192.0.2.77 port 8080 rdr-to ${RIGHT} port 80
match out on vr1 nat-to 198.51.100.200
pass`;
    const pair = new Members();
    const [a, b] = [pair.add(rules), pair.add(rules)];
    const ask = (flags: number, seq: number, ack: number, data = 0) =>
      segment(LEFT, '192.0.2.77', [1024, 8080], flags, seq, ack, data);
    const [heard] = pair.fromLeft(ask(SYN, 1000, 0), a);
    const port = Number(/^right 198\.51\.100\.200:(\d+) > 198\.51\.100\.9:80 S/.exec(heard!)![1]);
    const answer = (flags: number, seq: number, ack: number, data = 0) =>
      segment(RIGHT, '198.51.100.200', [80, port], flags, seq, ack, data);
    assert.match(
      pair.fromRight(answer(SYN | ACK, 5000, 1001), a)[0]!,
      /^left 192\.0\.2\.77:8080 > 192\.0\.2\.9:1024/,
    );
    pair.fromLeft(ask(ACK, 1001, 5001), a);
    pair.run(1.5);
    assert.match(
      pair.fromLeft(ask(ACK, 1001, 5001, 10), b)[0]!,
      new RegExp(`198\\.51\\.100\\.200:${port} > 198\\.51\\.100\\.9:80`),
    );
    assert.match(
      pair.fromRight(answer(ACK, 5001, 1011, 10), b)[0]!,
      /^left 192\.0\.2\.77:8080 > 192\.0\.2\.9:1024/,
    );
  });

  test('sloppy half connections with their way, and the rule that made them', () => {
    const rules =
      'block all\npass in on vr0 proto tcp to 192.0.2.77 port 80 keep state (sloppy, tcp.established 600) route-to 198.51.100.9\npass out on vr1 no state';
    const pair = new Members();
    const [a, b] = [pair.add(rules), pair.add(rules)];
    pair.run(1);
    const ask = (flags: number, seq: number, ack: number) =>
      segment(LEFT, '192.0.2.77', [1024, 80], flags, seq, ack);
    pair.run(12);
    assert.deepEqual(pair.fromLeft(ask(SYN, 1000, 0), a), ['right 192.0.2.9:1024 > 192.0.2.77:80 S 1000']);
    pair.fromLeft(ask(ACK, 1001, 5001), a);
    pair.run(1.5);
    const [state] = states(b);
    assert.ok(state!.sloppy);
    assert.equal(state!.route?.interface, 'vr1');
    assert.equal(state!.rule, 1);
    assert.ok(state!.expires > 590 && state!.expires <= 600, String(state!.expires));
    assert.deepEqual(pair.fromLeft(ask(ACK, 2000, 6000), b), [
      'right 192.0.2.9:1024 > 192.0.2.77:80 . 2000 ack 6000',
    ]);
  });

  test('other rules on the other machine: the default rule has the state, and that is told', () => {
    const pair = new Members();
    const [a, b] = [pair.add(STRICT), pair.add('pass\n')];
    pair.run(12);
    connect(pair, a);
    pair.run(2);
    assert.equal(states(b).length, 2);
    assert.equal(pair.fromRight(server(ACK, 5001, 1001, 200), b).length, 1);
    assert.deepEqual(
      info(a).peers.map((peer) => peer.sameRuleset),
      [true],
    );
  });
});

describe('what is known of the lag', () => {
  test('what the others have not been told, for how long, and when they were heard', () => {
    const pair = new Members();
    const [a, b] = [pair.add(STRICT), pair.add(STRICT)];
    pair.run(12);
    assert.equal(info(a).lag!.waiting, 0);
    connect(pair, a);
    assert.ok(info(a).lag!.waiting > 0);
    pair.run(0.5);
    const { waiting, oldest } = info(a).lag!;
    assert.ok(waiting > 0 && oldest >= 0.5 && oldest < 0.6, `${waiting} for ${oldest}`);
    pair.run(1);
    assert.deepEqual([info(a).lag!.waiting, info(a).lag!.oldest], [0, 0]);
    assert.ok(info(b).lag!.heardAgo! <= 1.5, String(info(b).lag!.heardAgo));
    assert.ok(info(b).peers[0]!.ago <= 10);
    b.host.call('interface.set', { name: 'pfsync0', up: false });
    assert.equal(info(b).lag, undefined);
  });
});

describe('starting', () => {
  test('a machine that comes up is demoted until it has everything', () => {
    const pair = new Members();
    const a = pair.add(STRICT);
    for (let port = 2000; port < 2100; port++) connect(pair, a, port);
    pair.run(2);
    const b = pair.add(STRICT, { up: false });
    const demotion = () => b.host.call('group.get', { group: 'carp' }).demotion;
    b.host.call('interface.set', { name: 'pfsync0', up: true });
    assert.equal(demotion(), 32);
    pair.run(5);
    assert.equal(info(b).bulk, 'done');
    assert.equal(demotion(), 0);
    assert.deepEqual(summary(b), summary(a));
  });

  test('alone it gives up asking', () => {
    const pair = new Members();
    const a = pair.add(STRICT);
    assert.equal(a.host.call('group.get', { group: 'carp' }).demotion, 32);
    pair.run(25);
    assert.equal(a.host.call('group.get', { group: 'carp' }).demotion, 0);
    assert.equal(info(a).bulk, 'done');
  });

  test('with pf off it asks for nothing, which it could not hear; it asks when pf is enabled, and is no worse a master for that', () => {
    const pair = new Members();
    const a = pair.add(STRICT);
    const b = pair.add(STRICT, { up: false });
    b.host.call('pf.disable', {});
    b.host.call('interface.set', { name: 'pfsync0', up: true });
    connect(pair, a);
    pair.syncWire.take();
    pair.run(29);
    assert.equal(info(b).bulk, 'start');
    pair.run(2);
    assert.equal(info(b).bulk, 'done');
    const ofB = pair.syncWire.take().filter((bytes) => bytes[23] === 240 && bytes[29] === 2);
    assert.equal(ofB.length, 3, 'it has only said who it is');
    b.host.call('pf.enable', {});
    assert.equal(b.host.call('group.get', { group: 'carp' }).demotion, 0);
    pair.run(1);
    assert.equal(info(b).bulk, 'done');
    assert.deepEqual(summary(b), summary(a));
  });

  test('without a link it is demoted, and asks when there is one', () => {
    const pair = new Members();
    const a = pair.add(STRICT);
    pair.run(30);
    const b = pair.add(STRICT, { up: false });
    b.sync.port.carrier = false;
    b.host.call('interface.set', { name: 'pfsync0', up: true });
    const demotion = () => b.host.call('group.get', { group: 'carp' }).demotion;
    assert.equal(demotion(), 33);
    connect(pair, a);
    pair.run(5);
    b.sync.port.carrier = true;
    pair.run(3);
    assert.equal(demotion(), 0);
    assert.deepEqual(summary(b), summary(a));
    b.sync.port.carrier = false;
    pair.run(1);
    assert.equal(demotion(), 1);
  });

  test('what was lost on the way is asked for when it is next spoken of', () => {
    const pair = new Members();
    const [a, b] = [pair.add(STRICT), pair.add(STRICT)];
    pair.run(2);
    b.sync.port.carrier = false;
    connect(pair, a);
    pair.run(2);
    b.sync.port.carrier = true;
    assert.equal(states(b).length, 0);
    pair.fromLeft(client(ACK, 1001, 5001, 100), a);
    pair.run(3);
    assert.deepEqual(summary(b), summary(a));
  });
});

describe('defer', () => {
  test('a first packet waits for the acknowledgment, no longer than 20 ms', () => {
    const pair = new Members();
    const pfsync = { defer: true };
    const [a, b] = [pair.add(STRICT, { pfsync }), pair.add(STRICT, { pfsync })];
    pair.run(3);
    assert.deepEqual(pair.fromLeft(client(SYN, 1000, 0), a), [
      'right 192.0.2.9:1024 > 198.51.100.9:80 S 1000',
    ]);
    assert.equal(states(b).length, 2, 'the peer had both states before the packet left');
    b.sync.port.carrier = false;
    assert.deepEqual(pair.fromLeft(client(SYN, 1000, 0, 0, 1025), a), [], 'nobody acknowledges');
    pair.run(0.05);
    assert.equal(pair.arrived().length, 1);
  });

  test('when more come than there is room for, all go on, each once', () => {
    const pair = new Members();
    const a = pair.add(STRICT, { pfsync: { defer: true } });
    // The neighbour's address is asked for beforehand.
    pair.fromLeft(client(SYN, 1000, 0, 0, 1999), a);
    pair.run(1);
    pair.arrived();
    for (let port = 2000; port < 2300; port++) pair.sendLeft(client(SYN, 1000, 0, 0, port), a);
    pair.run(0.005);
    const early = pair.arrived();
    pair.run(0.1);
    const arrived = [...early, ...pair.arrived()];
    assert.ok(early.length > 0 && early.length < 300, `${early.length} at once`);
    assert.deepEqual([arrived.length, new Set(arrived).size], [300, 300]);
  });
});

describe('three routers', () => {
  test('all have the same', () => {
    const pair = new Members();
    const [a, b, c] = [pair.add(STRICT), pair.add(STRICT), pair.add(STRICT)];
    pair.run(2);
    connect(pair, a, 1024);
    connect(pair, b, 1025);
    pair.run(2);
    assert.deepEqual(summary(b), summary(a));
    assert.deepEqual(summary(c), summary(a));
    assert.equal(pair.fromLeft(client(ACK, 1001, 5001, 10, 1025), c).length, 1);
    c.host.call('pf.killStates', { cursor: 0, filter: {} });
    pair.run(2);
    assert.deepEqual([states(a).length, states(b).length, states(c).length], [0, 0, 0]);
  });
});

describe('bad links and bad words', () => {
  test('loss, repetition and disorder between them: what both know agrees in the end', () => {
    const random = new Random([9, 8, 7, 6]);
    const chance = () => random.below(1_000_000) / 1_000_000;
    const faults = { random: chance, loss: 0.2, duplication: 0.2, jitter: 300_000 };
    const pair = new Members(3, { faults });
    const [a, b] = [pair.add(STRICT), pair.add(STRICT)];
    pair.run(30);
    for (let port = 3000; port < 3050; port++) connect(pair, a, port);
    for (let round = 1; round <= 8; round++) {
      for (let port = 3000; port < 3050; port++) {
        pair.fromLeft(client(ACK, 1001 + (round - 1) * 10, 5001, 10, port), round & 1 ? a : b);
      }
      pair.run(3);
    }
    const known = new Set(summary(a));
    assert.equal(states(a).length, 100);
    assert.ok(summary(b).filter((line) => known.has(line)).length >= 98, 'all but what was lost last');
  });

  test('every packet that is wrong is counted, none does harm', () => {
    const pair = new Members();
    const a = pair.add(STRICT);
    connect(pair, a);
    pair.run(2);
    const station = pair.world.station('bad', pair.syncWire);
    const good = pair.syncWire.recorded.map((one) => one.bytes).filter((bytes) => bytes[23] === 240);
    const sample = good.find((bytes) => wire.action(bytes, 34 + wire.HEADER_LENGTH) === wire.ACTION_INSERT)!;
    const other = sample.slice();
    ipv4.setSource(other, 14, word4('10.99.9.77'));
    ethernet.setSource(other, 0, 0x0200, 0x77);
    ipv4.fillChecksum(other, 14);
    const wrong = (change: (bytes: Uint8Array) => void) => {
      const bytes = other.slice();
      change(bytes);
      ipv4.fillChecksum(bytes, 14);
      a.host.moved();
      station.send(bytes);
      pair.world.run(1000);
      const { received, sent, ...rest } = a.host.moved().pfsync ?? {};
      assert.equal(received, 1);
      return rest;
    };
    assert.deepEqual(
      wrong(() => {}),
      {},
      'known already',
    );
    assert.deepEqual(
      wrong((bytes) => ipv4.setTtl(bytes, 14, 254)),
      { badTtl: 1 },
    );
    assert.deepEqual(
      wrong((bytes) => bytes.fill(5, 34, 35)),
      { badVersion: 1 },
    );
    assert.deepEqual(
      wrong((bytes) => wire.setLength(bytes, 34, 5000)),
      { badLength: 1 },
    );
    assert.deepEqual(
      wrong((bytes) => wire.writeSection(bytes, 54, 99, 0, 1)),
      { badAction: 1 },
    );
    assert.deepEqual(
      wrong((bytes) => wire.writeSection(bytes, 54, 13, 264, 500)),
      { badLength: 1 },
    );
    assert.deepEqual(
      wrong((bytes) => bytes.fill(200, 58 + 255, 58 + 256)),
      { badValue: 1 },
    );
    assert.equal(states(a).length, 2);
  });

  test('random bytes: counted or obeyed, never more', () => {
    const pair = new Members();
    const a = pair.add(STRICT);
    connect(pair, a);
    pair.run(2);
    const station = pair.world.station('bad', pair.syncWire);
    const samples = pair.syncWire.recorded.map((one) => one.bytes).filter((bytes) => bytes[23] === 240);
    const random = new Random([1, 2, 3, 4]);
    for (let i = 0; i < 3000; i++) {
      const bytes = samples[random.below(samples.length)]!.slice();
      ethernet.setSource(bytes, 0, 0x0200, 0x77);
      for (let n = random.below(6); n >= 0; n--)
        bytes[34 + random.below(bytes.length - 34)] = random.below(256);
      ipv4.fillChecksum(bytes, 14);
      station.send(bytes);
      pair.world.run(100);
    }
    pair.run(5);
    assert.ok(states(a).length < 3000);
  });
});

test('pfsync0 in its calls', () => {
  const pair = new Members();
  const a = pair.add(STRICT, { up: false });
  const refused = (change: object, text: RegExp) =>
    assert.throws(() => a.host.call('pfsync.set', { name: 'pfsync0', ...change }), text);
  refused({ syncDevice: 'lo0' }, /not an Ethernet interface/);
  refused({ maxUpdates: 256 }, /0 to 255/);
  pair.up(a);
  refused({ syncDevice: 'vr1' }, /down before/);
  assert.throws(() => a.host.call('interface.create', { name: 'pfsync1' }), /only pfsync0/);
  a.host.call('interface.destroy', { name: 'pfsync0' });
  assert.equal(a.host.call('group.get', { group: 'carp' }).demotion, 0);
  pair.world.run(SECOND);
});
