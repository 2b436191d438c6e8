// SPDX-License-Identifier: ISC
//
// The routing table: the longest prefix against a search through all, what addresses bring with them, what route(8) may ask.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { contains, type Family, type Prefix } from '../../../appliance/abi/address.ts';
import { formatPrefix, parseAddress, parsePrefix } from '../../../appliance/abi/addressText.ts';
import { CallError } from '../../../appliance/abi/errno.ts';
import type { RouteInfo } from '../../../appliance/abi/route.ts';
import { PrefixTable } from '../../../appliance/kernel/route/prefixTable.ts';
import { type Host, World } from '../../support/world.ts';

/** Addresses that differ in few bits, so that prefixes nest and collide. */
function word(): fc.Arbitrary<number> {
  return fc.oneof(
    fc.integer({ min: -2_147_483_648, max: 2_147_483_647 }),
    fc.constantFrom(0, -1, 1, 0x0a000000, 0x0a000001, 0x0a0000ff, 0x0a010000),
  );
}

function prefix(family: Family): fc.Arbitrary<Prefix> {
  const words = family === 4 ? fc.tuple(word()) : fc.tuple(word(), word(), word(), word());
  return fc.record({
    family: fc.constant(family),
    words: words.map((all) => [...all]),
    length: fc.nat({ max: family === 4 ? 32 : 128 }),
  });
}

/** The naive table: a list, searched whole. */
class Naive {
  private readonly entries: { prefix: Prefix; value: number }[] = [];

  set(prefix: Prefix, value: number): void {
    this.delete(prefix);
    this.entries.push({ prefix, value });
  }

  delete(prefix: Prefix): void {
    const at = this.entries.findIndex(
      (entry) => entry.prefix.length === prefix.length && contains(entry.prefix, prefix),
    );
    if (at >= 0) this.entries.splice(at, 1);
  }

  lookup(address: Prefix): number | undefined {
    const holding = this.entries.filter((entry) => contains(entry.prefix, address));
    return holding.sort((a, b) => b.prefix.length - a.prefix.length)[0]?.value;
  }
}

for (const family of [4, 6] as const) {
  test(`the longest prefix is found, IPv${family}`, () => {
    const step = fc.record({
      kind: fc.constantFrom('set', 'set', 'delete', 'lookup', 'lookup'),
      prefix: prefix(family),
    });
    const property = fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const table = new PrefixTable<number>();
      const naive = new Naive();
      steps.forEach(({ kind, prefix }, i) => {
        const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = prefix.words;
        if (kind === 'set') {
          table.set(prefix.words, prefix.length, i);
          naive.set(prefix, i);
        } else if (kind === 'delete') {
          table.delete(prefix.words, prefix.length);
          naive.delete(prefix);
        } else {
          assert.equal(table.lookup(w0, w1, w2, w3), naive.lookup(prefix));
        }
      });
    });
    fc.assert(property, { numRuns: 200 });
  });
}

function host(): Host {
  const world = new World();
  const host = world.host('h');
  host.connect('vr0', world.wire());
  host.connect('vr1', world.wire());
  host.address('vr0', '192.0.2.1/24');
  host.address('vr1', '198.51.100.1/24');
  return host;
}

function routes(of: Host): RouteInfo[] {
  return [...of.call('route.list', { cursor: 0, family: 4 }).items];
}

function get(of: Host, text: string): RouteInfo {
  return of.call('route.get', { destination: parseAddress(text)! });
}

function refuses(act: () => unknown, code: string): void {
  assert.throws(act, (error) => error instanceof CallError && error.code === code);
}

function to(text: string) {
  return { destination: parsePrefix(text)! };
}

test('an address brings its network, itself and its broadcast address, and takes them away again', () => {
  const h = host();
  const lines = (of: Host) =>
    routes(of).map(
      (route) => `${formatPrefix(route.destination)} ${route.interface} ${route.flags.join(' ')}`,
    );
  const before = lines(h);
  h.address('vr0', '203.0.113.5/26');
  const added = lines(h).filter((line) => !before.includes(line));
  assert.deepEqual(
    added.map((line) => line.split(' ').slice(0, 2).join(' ')).sort(),
    ['203.0.113.0/26 vr0', '203.0.113.5 lo0', '203.0.113.63 vr0'].sort(),
  );
  h.call('interface.deleteAddress', { name: 'vr0', address: parseAddress('203.0.113.5')! });
  assert.deepEqual(lines(h), before);
});

test('loopback is there from the start, alone in its network', () => {
  const h = host();
  assert.deepEqual(get(h, '127.0.0.1').flags, ['up', 'host', 'local', 'linkLayer']);
  assert.deepEqual(get(h, '127.9.9.9').flags, ['up', 'static', 'gateway', 'reject']);
  h.address('lo0', '203.0.113.80/24');
  assert.equal(get(h, '203.0.113.80').interface, 'lo0');
  refuses(() => get(h, '203.0.113.81'), 'ESRCH');
});

test('static routes: added, changed, deleted, refused', () => {
  const h = host();
  h.route('203.0.113.0/24', '192.0.2.7');
  assert.equal(get(h, '203.0.113.9').interface, 'vr0');
  refuses(() => h.route('203.0.113.0/24', '192.0.2.7'), 'EEXIST');
  h.call('route.add', { ...to('203.0.113.0/24'), gateway: parseAddress('198.51.100.7')!, change: true });
  assert.equal(get(h, '203.0.113.9').interface, 'vr1');
  assert.equal(routes(h).filter((route) => formatPrefix(route.destination) === '203.0.113.0/24').length, 1);
  h.call('route.delete', to('203.0.113.0/24'));
  refuses(() => get(h, '203.0.113.9'), 'ESRCH');
  refuses(() => h.call('route.delete', to('203.0.113.0/24')), 'ESRCH');
  refuses(() => h.route('203.0.113.0/24', '203.0.113.1'), 'ENETUNREACH');
  refuses(
    () => h.call('route.add', { ...to('203.0.113.0/24'), gateway: parseAddress('2001:db8::1')! }),
    'EAFNOSUPPORT',
  );
});

test('of several routes to one destination the lowest priority is used, whichever came first', () => {
  const h = host();
  const add = (gateway: string, priority?: number) =>
    h.call('route.add', {
      ...to('203.0.113.0/24'),
      gateway: parseAddress(gateway)!,
      ...(priority && { priority }),
    });
  add('192.0.2.7', 9);
  add('198.51.100.7');
  assert.equal(get(h, '203.0.113.9').interface, 'vr1');
  add('192.0.2.8', 2);
  assert.equal(get(h, '203.0.113.9').priority, 2);
  h.call('route.delete', { ...to('203.0.113.0/24'), gateway: parseAddress('192.0.2.8')! });
  assert.equal(get(h, '203.0.113.9').priority, 8);
  for (const priority of [0.5, 64, -1]) refuses(() => add('192.0.2.9', priority), 'EINVAL');
});

test('the default route takes what nothing else does, and its interface is in group egress', () => {
  const h = host();
  const groups = (name: string) => h.call('interface.list', { name })[0]!.groups;
  h.route('default', '198.51.100.254');
  assert.deepEqual(groups('vr1'), ['egress']);
  assert.equal(get(h, '8.8.8.8').interface, 'vr1');
  assert.equal(get(h, '192.0.2.99').interface, 'vr0');
  h.call('route.delete', to('0.0.0.0/0'));
  assert.deepEqual(groups('vr1'), []);
});

test('flushing leaves what addresses brought', () => {
  const h = host();
  const before = routes(h).filter((route) => !route.flags.includes('static'));
  h.route('default', '198.51.100.254');
  h.route('203.0.113.0/24', '192.0.2.7');
  h.call('route.flush', { family: 4 });
  assert.deepEqual(routes(h), before);
});

test('the source of a new connection is the address on the way there', () => {
  const h = host();
  h.address('vr0', '203.0.113.5/24');
  h.route('default', '203.0.113.254');
  const source = (text: string) => {
    const { source } = h.call('route.get', { destination: parseAddress(text)! });
    return source === undefined ? undefined : formatPrefix({ ...source, length: 32 });
  };
  assert.equal(source('192.0.2.50'), '192.0.2.1');
  assert.equal(source('203.0.113.50'), '203.0.113.5');
  assert.equal(source('8.8.8.8'), '203.0.113.5');
  assert.equal(source('198.51.100.1'), '198.51.100.1');
});

test('two addresses on one network: it stays while one of them does', () => {
  const h = host();
  h.address('vr0', '192.0.2.2/24');
  h.call('interface.deleteAddress', { name: 'vr0', address: parseAddress('192.0.2.1')! });
  assert.equal(get(h, '192.0.2.77').interface, 'vr0');
  assert.equal(get(h, '192.0.2.255').interface, 'vr0');
  refuses(
    () => h.call('interface.deleteAddress', { name: 'vr0', address: parseAddress('192.0.2.1')! }),
    'EADDRNOTAVAIL',
  );
});

test('routes by a gateway go when its network goes; those of one that stays do not', () => {
  const h = host();
  h.address('vr0', '203.0.113.5/26');
  h.route('10.0.0.0/8', '192.0.2.7');
  h.route('11.0.0.0/8', '203.0.113.7');
  h.call('interface.deleteAddress', { name: 'vr0', address: parseAddress('192.0.2.1')! });
  refuses(() => get(h, '10.1.1.1'), 'ESRCH');
  assert.equal(get(h, '11.1.1.1').interface, 'vr0');
});

test('a clone that is destroyed takes its routes along', () => {
  const h = host();
  h.call('interface.create', { name: 'vlan5' });
  h.call('interface.set', { name: 'vlan5', vlan: { tag: 5, parent: 'vr0' } });
  h.address('vlan5', '203.0.113.1/24');
  h.call('route.add', { ...to('10.0.0.0/8'), interface: 'vlan5' });
  h.call('interface.destroy', { name: 'vlan5' });
  refuses(() => get(h, '10.1.1.1'), 'ESRCH');
  refuses(() => get(h, '203.0.113.9'), 'ESRCH');
});

test('long listings come in pages', () => {
  const h = host();
  for (let i = 0; i < 1300; i++) h.route(`10.${i >> 8}.${i & 255}.0/24`, '192.0.2.7');
  let count = 0;
  for (let cursor: number | undefined = 0; cursor !== undefined; ) {
    const page: { items: readonly RouteInfo[]; next?: number } = h.call('route.list', { cursor, family: 4 });
    assert.ok(page.items.length <= 512);
    count += page.items.length;
    cursor = page.next;
  }
  assert.ok(count >= 1300);
});
