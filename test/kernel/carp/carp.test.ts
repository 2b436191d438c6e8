// SPDX-License-Identifier: ISC
//
// carp between two and three kernels on a segment, in virtual time: election, hand-over, failure, what the link sees of it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAddress } from '../../../appliance/abi/addressText.ts';
import type { CarpCalls, CarpState } from '../../../appliance/abi/carp.ts';
import * as arp from '../../../appliance/wire/arp.ts';
import * as carp from '../../../appliance/wire/carp.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import { arpPacket, frame, icmpMessage, ip4 } from '../../support/packets.ts';
import { type Connection, type Host, type Station, type Wire, World } from '../../support/world.ts';

const SECOND = 1_000_000;
const VIRTUAL = '00:00:5e:00:01:07';
const VIP = '10.0.0.100';

type Change = Omit<CarpCalls['carp.set'][0], 'name'>;

/** Kernels a, b, … at 10.0.0.1, .2, …, each with carp0, and a station on their segment. */
class Pair {
  readonly world = new World();
  readonly wire: Wire;
  readonly hosts: Host[] = [];
  readonly links: Connection[] = [];
  readonly station: Station;

  constructor(...changes: Change[]) {
    this.wire = this.world.wire({ switched: true });
    this.station = this.world.station('s', this.wire);
    for (const change of changes) this.add(change);
  }

  add(change: Change): Host {
    const number = this.hosts.length + 1;
    const host = this.world.host(`h${number}`);
    this.links.push(host.connect('vr0', this.wire));
    host.address('vr0', `10.0.0.${number}/24`);
    host.call('interface.create', { name: 'carp0' });
    host.call('carp.set', { name: 'carp0', vhid: 7, passphrase: 'secret', parent: 'vr0', ...change });
    host.address('carp0', `${VIP}/24`);
    this.hosts.push(host);
    return host;
  }

  states(): CarpState[] {
    return this.hosts.map((host) => stateOf(host));
  }

  /** Lets time pass until it was so, in steps of 10 ms; answers how long, in seconds. */
  until(reached: () => boolean, atMost = 20): number {
    const start = this.world.now;
    while (!reached()) {
      if (this.world.now - start > atMost * SECOND) assert.fail(`not within ${atMost} s`);
      this.world.run(SECOND / 100);
    }
    return (this.world.now - start) / SECOND;
  }
}

function stateOf(host: Host): CarpState {
  return info(host).nodes[0]!.state;
}

function info(host: Host) {
  return host.call('interface.list', { name: 'carp0' })[0]!.carp!;
}

/** A question for an address. */
function arpRequest(ask: { from: string; sender: string; target: string }): Uint8Array {
  const packet = arpPacket(arp.REQUEST, { link: ask.from, address: ask.sender }, { address: ask.target });
  return frame({ to: 'ff:ff:ff:ff:ff:ff', from: ask.from }, packet);
}

/** The advertisements among these frames: who, and what they say. */
function advertisements(frames: readonly Uint8Array[]): string[] {
  return frames.flatMap((bytes) => {
    if (ethernet.type(bytes, 0) !== ethernet.TYPE_IPV4 || ipv4.protocol(bytes, 14) !== 112) return [];
    const at = 34;
    return [
      `${ipv4.source(bytes, 14) & 255}: ${carp.advbase(bytes, at)}.${carp.advskew(bytes, at)}+${carp.demote(bytes, at)}`,
    ];
  });
}

function linkAddressText(bytes: Uint8Array, at: number): string {
  return Array.from(bytes.subarray(at, at + 6), (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

describe('election', () => {
  test('the faster one is master after three of its intervals, the other its backup', () => {
    const pair = new Pair({ advskew: 0 }, { advskew: 100 });
    assert.deepEqual(pair.states(), ['BACKUP', 'BACKUP']);
    const seconds = pair.until(() => stateOf(pair.hosts[0]!) === 'MASTER');
    assert.ok(seconds >= 3 && seconds <= 3.02, String(seconds));
    pair.world.run(20 * SECOND);
    assert.deepEqual(pair.states(), ['MASTER', 'BACKUP']);
    const [master, backup] = pair.hosts.map((host) => info(host).nodes[0]!.heard);
    assert.equal(master, undefined);
    const { ago, from, ...said } = backup!;
    assert.deepEqual(said, { advbase: 1, advskew: 0, demotion: 0 });
    assert.equal(from.words[0]! & 255, 1);
    assert.ok(ago >= 0 && ago <= 1, String(ago));
  });

  test('advertisements: every interval, from the virtual Ethernet address, to the group', () => {
    const pair = new Pair({ advskew: 128 });
    pair.world.run(10 * SECOND);
    pair.wire.take();
    pair.world.run(15 * SECOND);
    const frames = pair.wire.take();
    assert.deepEqual(advertisements(frames), new Array(10).fill('1: 1.128+0'));
    const [first] = frames;
    assert.equal(linkAddressText(first!, 6), VIRTUAL);
    assert.equal(linkAddressText(first!, 0), '01:00:5e:00:00:12');
    assert.equal(ipv4.ttl(first!, 14), 255);
    assert.equal(ipv4.typeOfService(first!, 14), 0x10);
    assert.ok(ipv4.dontFragment(first!, 14));
    assert.ok(carp.checksumValid(first!, 34));
    assert.equal(first!.length, 14 + 20 + 36);
  });

  test('who is killed is missed after three intervals of the other', () => {
    const pair = new Pair({ advskew: 0 }, { advskew: 64 });
    pair.world.run(10 * SECOND);
    pair.links[0]!.port.carrier = false;
    const seconds = pair.until(() => stateOf(pair.hosts[1]!) === 'MASTER');
    assert.ok(seconds > 2.5 && seconds <= 3.76, String(seconds));
    assert.equal(stateOf(pair.hosts[0]!), 'INIT');
    assert.equal(info(pair.hosts[0]!).demotion, 1);
    pair.links[0]!.port.carrier = true;
    pair.world.run(10 * SECOND);
    assert.deepEqual(pair.states(), ['BACKUP', 'MASTER'], 'without preempt it stays');
    assert.equal(info(pair.hosts[0]!).demotion, 0);
  });

  test('with preempt the faster one takes over again', () => {
    const pair = new Pair({ advskew: 0 }, { advskew: 64 });
    pair.hosts[0]!.call('sysctl.set', { name: 'net.inet.carp.preempt', value: 1 });
    pair.world.run(10 * SECOND);
    pair.links[0]!.port.carrier = false;
    pair.world.run(10 * SECOND);
    pair.links[0]!.port.carrier = true;
    pair.until(() => stateOf(pair.hosts[0]!) === 'MASTER', 3);
    pair.world.run(5 * SECOND);
    assert.deepEqual(pair.states(), ['MASTER', 'BACKUP']);
  });

  test('advbase 0: tenths of a second', () => {
    const pair = new Pair({ advbase: 0, advskew: 10 }, { advbase: 0, advskew: 20 });
    pair.world.run(5 * SECOND);
    pair.links[0]!.port.carrier = false;
    const seconds = pair.until(() => stateOf(pair.hosts[1]!) === 'MASTER');
    assert.ok(seconds <= (3 * 20) / 256 + 0.01, String(seconds));
  });

  test('three of them: one master, and the next best after it', () => {
    const pair = new Pair({ advskew: 0 }, { advskew: 50 }, { advskew: 100 });
    pair.world.run(10 * SECOND);
    assert.deepEqual(pair.states(), ['MASTER', 'BACKUP', 'BACKUP']);
    pair.links[0]!.port.carrier = false;
    pair.world.run(10 * SECOND);
    assert.deepEqual(pair.states(), ['INIT', 'MASTER', 'BACKUP']);
  });

  test('equal ones settle on one', () => {
    const pair = new Pair({ advskew: 50 });
    // Not at the same microsecond: then each would give way to the other for ever.
    pair.world.run(SECOND / 10);
    pair.add({ advskew: 50 });
    pair.world.run(10 * SECOND);
    assert.deepEqual([...pair.states()].sort(), ['BACKUP', 'MASTER']);
  });
});

describe('hand-over', () => {
  test('setting it down says so, and the other takes over at once', () => {
    const pair = new Pair({ advskew: 0 }, { advskew: 100 });
    pair.world.run(10 * SECOND);
    pair.wire.take();
    pair.hosts[0]!.call('interface.set', { name: 'carp0', up: false });
    pair.world.run(SECOND / 100);
    assert.deepEqual(pair.states(), ['INIT', 'MASTER']);
    assert.equal(advertisements(pair.wire.take())[0], '1: 255.255+0');
  });

  test('demoting the group hands over, without preempt too; taking it back does not', () => {
    const pair = new Pair({ advskew: 0 }, { advskew: 100 });
    pair.world.run(10 * SECOND);
    assert.deepEqual(pair.hosts[0]!.call('group.demote', { group: 'carp', amount: 50 }), { demotion: 50 });
    pair.world.run(SECOND / 10);
    assert.deepEqual(pair.states(), ['BACKUP', 'MASTER']);
    pair.hosts[0]!.call('group.demote', { group: 'carp', amount: -50 });
    pair.world.run(5 * SECOND);
    assert.deepEqual(pair.states(), ['BACKUP', 'MASTER']);
  });

  test('by hand', () => {
    const pair = new Pair({ advskew: 0 }, { advskew: 100 });
    pair.world.run(10 * SECOND);
    pair.hosts[0]!.call('carp.set', { name: 'carp0', advskew: 200 });
    pair.world.run(SECOND / 2);
    pair.hosts[1]!.call('carp.set', { name: 'carp0', state: 'MASTER' });
    pair.world.run(2 * SECOND);
    assert.deepEqual(pair.states(), ['BACKUP', 'MASTER']);
  });

  test('the log says who became what', () => {
    const pair = new Pair({ advskew: 0 });
    pair.world.run(10 * SECOND);
    const lines = pair.hosts[0]!.events.flatMap((one) => (one.event === 'system.log' ? [one.data.text] : []));
    assert.deepEqual(lines, ['carp0: state transition: BACKUP -> MASTER']);
  });
});

describe('what the link sees', () => {
  test('who becomes master announces its addresses, and again two advertisements later', () => {
    const pair = new Pair({ advskew: 0 });
    pair.until(() => stateOf(pair.hosts[0]!) === 'MASTER');
    pair.world.run(5 * SECOND);
    const announced = pair.wire.recorded.filter(({ bytes }) => {
      return ethernet.type(bytes, 0) === ethernet.TYPE_ARP && linkAddressText(bytes, 6) === VIRTUAL;
    });
    assert.equal(announced.length, 2);
    for (const { bytes } of announced) {
      assert.equal(arp.sender(bytes, 14), 0x0a000064);
      assert.equal(arp.target(bytes, 14), 0x0a000064);
      assert.equal(linkAddressText(bytes, 22), VIRTUAL);
    }
    assert.equal(announced[1]!.time - announced[0]!.time, 2 * SECOND);
  });

  test('only the master answers for the address, with the virtual Ethernet address', () => {
    const pair = new Pair({ advskew: 0 }, { advskew: 100 });
    pair.world.run(10 * SECOND);
    pair.station.take();
    pair.station.send(arpRequest({ from: '02:00:00:00:aa:01', sender: '10.0.0.9', target: VIP }));
    pair.world.run(SECOND / 100);
    const replies = pair.station.take().filter((bytes) => ethernet.type(bytes, 0) === ethernet.TYPE_ARP);
    assert.equal(replies.length, 1);
    assert.equal(linkAddressText(replies[0]!, 22), VIRTUAL);
    assert.equal(linkAddressText(replies[0]!, 6), VIRTUAL);
  });

  test('frames to the virtual address reach the master alone, wherever it is', () => {
    const pair = new Pair({ advskew: 0 }, { advskew: 100 });
    const ping = () => {
      pair.station.take();
      const message = icmpMessage(8, 0, 0x00010001, 20);
      const from = { to: VIRTUAL, from: '02:00:00:00:aa:01' };
      pair.station.send(arpRequest({ from: from.from, sender: '10.0.0.9', target: '10.0.0.1' }));
      pair.station.send(arpRequest({ from: from.from, sender: '10.0.0.9', target: '10.0.0.2' }));
      pair.station.send(frame(from, ip4({ source: '10.0.0.9', destination: VIP, id: 1 }, message)));
      pair.world.run(SECOND / 10);
      const answers = pair.station.take().filter((bytes) => ethernet.type(bytes, 0) === ethernet.TYPE_IPV4);
      return answers
        .filter((bytes) => ipv4.protocol(bytes, 14) === 1)
        .map((bytes) => linkAddressText(bytes, 6));
    };
    pair.world.run(10 * SECOND);
    assert.deepEqual(ping(), ['02:00:00:00:01:01']);
    pair.hosts[0]!.call('interface.set', { name: 'carp0', up: false });
    pair.world.run(SECOND);
    assert.deepEqual(ping(), ['02:00:00:00:02:01']);
  });

  test('what the old master still says does not keep the virtual address at its port', () => {
    const pair = new Pair({ advskew: 0 }, { advskew: 100 });
    pair.world.run(10 * SECOND);
    pair.wire.take();
    pair.hosts[0]!.call('group.demote', { group: 'carp', amount: 50 });
    pair.world.run(SECOND / 100);
    assert.deepEqual(pair.states(), ['BACKUP', 'MASTER']);
    const late = pair.wire.take().find((bytes) => advertisements([bytes])[0] === '1: 1.0+50')!;
    const answers = () => advertisements(pair.wire.take()).filter((one) => one.startsWith('2:'));
    pair.station.send(late);
    pair.world.run(SECOND / 100);
    assert.deepEqual(answers(), ['2: 1.100+0']);
    for (let i = 0; i < 20; i++) {
      pair.station.send(late);
      pair.world.run(SECOND / 100);
    }
    assert.equal(answers().length, 1, 'one for each family, and there is an end of it');
  });

  test('a backup complains of nobody', () => {
    const pair = new Pair({ advskew: 0 }, { advskew: 100 });
    pair.world.run(30 * SECOND);
    for (const host of pair.hosts) {
      assert.deepEqual(
        host.events.filter((one) => one.event === 'neighbor.conflict'),
        [],
      );
    }
  });
});

describe('authentication', () => {
  test('another passphrase, another address: two masters, each counted', () => {
    const pair = new Pair({ advskew: 0 }, { advskew: 100, passphrase: 'other' });
    const third = pair.add({ advskew: 150 });
    third.address('carp0', '10.0.0.101/24');
    pair.world.run(20 * SECOND);
    assert.deepEqual(pair.states(), ['MASTER', 'MASTER', 'MASTER']);
    assert.ok(pair.hosts[0]!.call('system.statistics', {}).carp!.badAuthentication! > 10);
  });

  test('an advertisement of our own that comes back is no rival', () => {
    const pair = new Pair({ advskew: 0 });
    pair.world.run(10 * SECOND);
    const own = pair.wire.take().find((bytes) => advertisements([bytes]).length === 1)!;
    pair.station.send(own);
    pair.world.run(SECOND / 100);
    assert.deepEqual(pair.states(), ['MASTER']);
    assert.equal(pair.hosts[0]!.call('system.statistics', {}).carp!.badAuthentication, 1);
  });

  test('what is wrong with a packet is counted, and changes nothing', () => {
    const pair = new Pair({ advskew: 100 });
    pair.world.run(10 * SECOND);
    const good = pair.wire.take().find((bytes) => advertisements([bytes]).length === 1)!;
    const wrong = (change: (bytes: Uint8Array) => void) => {
      const bytes = good.slice();
      change(bytes);
      ipv4.fillChecksum(bytes, 14);
      pair.hosts[0]!.moved();
      pair.station.send(bytes);
      pair.world.run(1_000);
      const { received4, ...rest } = pair.hosts[0]!.moved().carp ?? {};
      assert.equal(received4, 1);
      return rest;
    };
    assert.deepEqual(
      wrong((bytes) => ipv4.setTtl(bytes, 14, 254)),
      { badTtl: 1 },
    );
    assert.deepEqual(
      wrong((bytes) => bytes.fill(9, 36, 37)),
      { badChecksum: 1 },
    );
    assert.deepEqual(
      wrong((bytes) => ipv4.setTotalLength(bytes, 14, 55)),
      { badLength: 1 },
    );
    const summed = (change: (bytes: Uint8Array) => void) =>
      wrong((bytes) => {
        change(bytes);
        carp.fillChecksum(bytes, 34);
      });
    assert.deepEqual(
      summed((bytes) => bytes.fill(8, 35, 36)),
      { badVhid: 1 },
    );
    assert.deepEqual(
      summed((bytes) => bytes.fill(0x31, 34, 35)),
      { badVersion: 1 },
    );
    assert.deepEqual(
      summed((bytes) => bytes.fill(0x77, 50, 51)),
      { badAuthentication: 1 },
    );
    assert.deepEqual(pair.states(), ['MASTER']);
  });
});

describe('configuration', () => {
  const pair = new Pair({ advskew: 0 });
  const [host] = pair.hosts as [Host];
  const refused = (change: Change, text: RegExp) =>
    assert.throws(() => host.call('carp.set', { name: 'carp0', ...change }), text);

  test('wrong values are refused whole', () => {
    refused({ vhid: 0 }, /vhid is a number from 1 to 255/);
    refused({ vhid: 256 }, /vhid is a number/);
    refused({ advskew: 255 }, /advskew is a number from 0 to 254/);
    refused({ advbase: 256 }, /advbase/);
    refused({ parent: 'lo0' }, /lo0: not an Ethernet interface/);
    refused({ parent: 'vr9' }, /vr9: no such interface/);
    refused(
      {
        nodes: [
          { vhid: 1, advskew: 0 },
          { vhid: 1, advskew: 0 },
        ],
      },
      /twice/,
    );
    refused({ peer: parseAddress('2001:db8::1')! }, /IPv4/);
    assert.equal(info(host).nodes[0]!.vhid, 7);
  });

  test('a vhid is given once on a parent', () => {
    host.call('interface.create', { name: 'carp1' });
    assert.throws(
      () => host.call('carp.set', { name: 'carp1', vhid: 7, parent: 'vr0' }),
      /vhid 7: taken on vr0/,
    );
    host.call('carp.set', { name: 'carp1', vhid: 8, parent: 'vr0' });
  });

  test('an address needs a parent first', () => {
    host.call('interface.create', { name: 'carp2' });
    assert.throws(() => host.address('carp2', '10.0.0.50/24'), /carpdev/);
  });

  test('the parent listens to everything as long as there is carp on it', () => {
    const flags = () => host.call('interface.list', { name: 'vr0' })[0]!.flags & 0x100;
    assert.notEqual(flags(), 0);
    for (const name of ['carp0', 'carp1', 'carp2']) host.call('interface.destroy', { name });
    assert.equal(flags(), 0);
    pair.world.run(10 * SECOND);
  });
});

describe('IPv6', () => {
  test('both families are advertised, and either alone keeps a backup waiting for it', () => {
    const pair = new Pair({ advskew: 0 }, { advskew: 100 });
    for (const host of pair.hosts) host.address('carp0', '2001:db8:7::100/64');
    pair.world.run(15 * SECOND);
    assert.deepEqual(pair.states(), ['MASTER', 'BACKUP']);
    const counted = pair.hosts[0]!.call('system.statistics', {}).carp!;
    assert.ok(counted.sent6! >= counted.sent4! - 4 && counted.sent6! > 5, JSON.stringify(counted));
    const sent = pair.wire
      .take()
      .filter((bytes) => ethernet.type(bytes, 0) === ethernet.TYPE_IPV6 && bytes[20] === 112);
    const [first] = sent.slice(-1);
    assert.equal(linkAddressText(first!, 6), VIRTUAL);
    assert.equal(linkAddressText(first!, 0), '33:33:00:00:00:12');
    assert.ok(carp.checksumValid(first!, 54));
  });

  test('nobody detects duplicates of a shared address, the new master advertises it', () => {
    const pair = new Pair({ advskew: 0 }, { advskew: 100 });
    for (const host of pair.hosts) host.address('carp0', '2001:db8:7::100/64');
    pair.world.run(10 * SECOND);
    const [address] = pair.hosts[1]!.call('interface.list', { name: 'carp0' })[0]!.addresses.slice(-1);
    assert.equal(address!.state, 'preferred');
    pair.wire.take();
    pair.hosts[0]!.call('interface.set', { name: 'carp0', up: false });
    pair.world.run(SECOND / 10);
    const advertised = pair.wire.take().filter((bytes) => bytes[20] === 58 && bytes[54] === 136);
    assert.ok(advertised.length >= 1);
    assert.equal(linkAddressText(advertised[0]!, 6), VIRTUAL);
  });
});

describe('balancing', () => {
  const NODES = (first: number, second: number) => [
    { vhid: 1, advskew: first },
    { vhid: 2, advskew: second },
  ];

  test('each of two machines is master of one node, and takes its share of the traffic', () => {
    const balancing = 'ip-stealth' as const;
    const pair = new Pair();
    for (const nodes of [NODES(0, 100), NODES(100, 0)]) {
      const number = pair.hosts.length + 1;
      const host = pair.world.host(`h${number}`);
      host.connect('vr0', pair.wire);
      host.address('vr0', `10.0.0.${number}/24`);
      host.call('interface.create', { name: 'carp0' });
      host.call('carp.set', { name: 'carp0', nodes, balancing, passphrase: 'x', parent: 'vr0' });
      host.address('carp0', `${VIP}/24`);
      pair.hosts.push(host);
    }
    for (const host of pair.hosts) host.call('sysctl.set', { name: 'net.inet.carp.preempt', value: 1 });
    pair.world.run(10 * SECOND);
    const states = pair.hosts.map((host) =>
      info(host)
        .nodes.map((node) => node.state)
        .join(' '),
    );
    assert.deepEqual(states, ['MASTER BACKUP', 'BACKUP MASTER']);
    const answered: string[] = [];
    for (let i = 0; i < 8; i++) {
      pair.station.take();
      const source = `10.0.0.${20 + i}`;
      const from = `02:00:00:00:aa:${20 + i}`;
      for (const target of ['10.0.0.1', '10.0.0.2'])
        pair.station.send(arpRequest({ from, sender: source, target }));
      const message = icmpMessage(8, 0, 0x00010001, 20);
      pair.station.send(
        frame({ to: '00:00:5e:00:01:01', from }, ip4({ source, destination: VIP, id: i }, message)),
      );
      pair.world.run(SECOND / 10);
      const answers = pair.station
        .take()
        .filter((bytes) => ethernet.type(bytes, 0) === ethernet.TYPE_IPV4 && ipv4.protocol(bytes, 14) === 1);
      assert.equal(answers.length, 1, `${source} is answered once`);
      answered.push(linkAddressText(answers[0]!, 6));
    }
    assert.equal(new Set(answered).size, 2);
  });
});
