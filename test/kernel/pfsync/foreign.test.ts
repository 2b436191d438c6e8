// SPDX-License-Identifier: ISC
//
// Two load balancers and two routers on one pfsync wire: each kind has its own states of the connections that both carry, whatever is
// killed and booted.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as tcp from '../../../appliance/wire/tcp.ts';
import type { Host } from '../../support/world.ts';
import { DirectReturn, SECOND, VIP } from './directReturn.ts';

const { FLAG_SYN: SYN, FLAG_ACK: ACK } = tcp;
const VIP_WORD = VIP.split('.').reduce((word, part) => (word << 8) | Number(part), 0);

/** What a machine's states of the service do with a packet, one word each. */
function ways(host: Host): string[] {
  const { items } = host.call('pf.states', { cursor: 0 });
  return items
    .filter(({ wire }) => wire.addresses.some(({ words }) => words[0] === VIP_WORD))
    .map(({ route, wire, stack, direction }) => {
      if (route !== undefined) return 'routed';
      return wire.ports.join() === stack.ports.join() && isSame(wire, stack) ? direction : 'translated';
    })
    .sort();
}

function isSame(one: { addresses: readonly object[] }, other: { addresses: readonly object[] }): boolean {
  return JSON.stringify(one.addresses) === JSON.stringify(other.addresses);
}

const ROUTED = 'route-to <www> round-robin';
const REDIRECTIONS: Readonly<Record<string, { options: string; target: string; way: string }>> = {
  'a strict redirection': { options: 'sloppy, observed', target: ROUTED, way: 'routed' },
  'one that is not': { options: 'sloppy', target: ROUTED, way: 'routed' },
  'one that translates': {
    options: 'if-bound',
    target: 'rdr-to <www> port 8080 round-robin',
    way: 'translated',
  },
};

for (const [name, { options, target, way }] of Object.entries(REDIRECTIONS)) {
  describe(name, () => {
    const network = () => new DirectReturn(options, { pair: true, target });
    const open = (path: DirectReturn) => {
      path.fromClient({ flags: SYN, seq: 1000, window: 0xffff, scale: 7 });
      path.world.run(2 * SECOND);
    };
    const inOrder = (path: DirectReturn, { without }: { without?: Host } = {}) => {
      for (const host of path.balancers) if (host !== without) assert.deepEqual(ways(host), [way], host.name);
      for (const host of path.routers)
        if (host !== without) assert.deepEqual(ways(host), ['in', 'out'], host.name);
    };

    test('each pair shares its states, and neither takes those of the other', () => {
      const path = network();
      open(path);
      inOrder(path);
    });

    test('a load balancer that is booted has those of the other one before relayd has its rules, and none of the routers', () => {
      const path = network();
      open(path);
      const [first] = path.balancers;
      path.end(first!);
      path.world.run(5 * SECOND);
      path.boot(first!);
      inOrder(path);
      path.redirect(first!);
      path.world.run(5 * SECOND);
      inOrder(path);
    });

    test('a load balancer that was alone gives back what it took of routers when its rules are there', () => {
      const path = network();
      open(path);
      for (const host of path.balancers) path.end(host);
      path.world.run(40 * SECOND);
      const [first, second] = path.balancers;
      path.boot(first!);
      path.redirect(first!);
      path.world.run(5 * SECOND);
      assert.deepEqual(ways(first!), []);
      open(path);
      inOrder(path, { without: second! });
    });

    test('routers do not take the states of a load balancer that has died, which the other one tells of', () => {
      const path = network();
      open(path);
      path.end(path.balancers[0]!);
      path.balanceBy(1);
      for (let i = 0; i < 8; i++) {
        path.world.run(5 * SECOND);
        path.fromClient({ flags: SYN, seq: 1000, window: 0xffff, scale: 7 });
      }
      const [first] = path.routers;
      path.end(first!);
      path.boot(first!);
      path.world.run(5 * SECOND);
      inOrder(path, { without: path.balancers[0]! });
    });
  });
}

for (const options of ['sloppy, observed', 'sloppy']) {
  test(`a connection with ${options} states goes on over all of that`, () => {
    const path = new DirectReturn(options, { pair: true });
    path.connect();
    const ask = (what: string) => {
      assert.equal(path.fromClient({ flags: ACK, seq: 1001, ack: 5001, data: 10 }).length, 1, what);
      path.world.run(2 * SECOND);
    };
    ask('at first');
    const [first, second] = path.balancers;
    path.end(first!);
    path.balanceBy(1);
    ask('by the second');
    path.world.run(40 * SECOND);
    path.boot(first!);
    path.balanceBy(0);
    ask('by the first again');
    path.redirect(first!);
    ask('with rules');
    path.routeBy(1);
    ask('by the second router');
    path.end(second!);
    ask('without the second');
  });
}
