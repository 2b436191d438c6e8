// SPDX-License-Identifier: ISC
//
// Half-open floods at a service by Direct Server Return: the state table keeps its limit, connections that stand do not notice, and the
// router's memory of flows has its size.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FAMILY, Flows, PORTS, TOUCHED } from '../../../appliance/kernel/pfsync/flows.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { DirectReturn, SECOND } from './directReturn.ts';

const { FLAG_SYN: SYN, FLAG_ACK: ACK } = tcp;
const LIMIT = 500;
const FLOOD = 3_000;
const STANDING = [1024, 1025, 1026, 1027];

/** The server does not answer these; `between` is done after every hundredth. */
function flood(path: DirectReturn, between: () => void): void {
  for (let i = 0; i < FLOOD; i++) {
    const client = `203.0.${(i >> 8) & 255}.${i & 255}`;
    path.fromClient({ client, port: 2000 + i, flags: SYN, seq: i });
    if (i % 100 === 0) between();
  }
}

for (const options of ['sloppy', 'sloppy, observed']) {
  describe(`a flood of SYNs at a redirection whose states are ${options}`, () => {
    test('states stay within their limit, connections that stand go on, and new ones come in again afterwards', () => {
      const path = new DirectReturn(options, { limit: LIMIT, observes: options.includes('observed') });
      for (const port of STANDING) path.connect(port);
      let sent = 0;
      let most = 0;
      flood(path, () => {
        most = Math.max(most, path.balancer.call('pf.status', {}).states.current);
        for (const port of STANDING) {
          const seq = 1001 + sent * 100;
          assert.equal(path.fromClient({ port, flags: ACK, seq, ack: 5001, data: 100 }).length, 1);
          assert.equal(path.fromServer({ port, flags: ACK, seq: 5001, ack: seq + 100 }).length, 1);
        }
        sent++;
      });
      assert.equal(most, LIMIT);
      assert.equal(path.fromClient({ port: 3000, flags: SYN, seq: 1 }).length, 0, 'there is no room');
      path.world.run(130 * SECOND);
      path.connect(3001);
      const standing = path.states().filter((one) => one.source.state === 4);
      assert.equal(standing.length, STANDING.length + 1);
    });
  });
}

describe('the memory of flows', () => {
  /** A flow's row; claimed at this millisecond if there is none. */
  function visit(flows: Flows, port: number, now: number): boolean {
    flows.key[PORTS] = port;
    flows.key[FAMILY] = 4;
    const at = flows.find();
    if (at >= 0) flows.rows[at + TOUCHED] = now;
    else flows.claim(now);
    return at >= 0;
  }

  test('does not grow, and whoever speaks stays', () => {
    const flows = new Flows(1);
    const size = flows.rows.length;
    for (let port = 0; port < 100; port++) visit(flows, port, 0);
    for (let i = 0; i < 300_000; i++) {
      visit(flows, 1_000 + i, i);
      if (i % 100 === 0) for (let port = 0; port < 100; port++) assert.ok(visit(flows, port, i), `${port}`);
    }
    assert.equal(flows.rows.length, size);
  });
});
