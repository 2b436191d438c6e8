// SPDX-License-Identifier: ISC
//
// How long connections by Direct Server Return live, on virtual time: idle ones, slow ones, those that are over, and those that
// a flood of half-open ones must leave alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { ip4, tcpSegment } from '../../support/packets.ts';
import { Balancer, client4 } from './balancer.ts';

const { FLAG_SYN: SYN, FLAG_ACK: ACK, FLAG_FIN: FIN, FLAG_RST: RST } = tcp;
/** Microseconds. */
const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;

/** Which server got the one packet; `S1`, or what else happened. */
function serverOf(heard: readonly string[]): string {
  return heard.length === 1 ? heard[0]!.slice(0, 2) : heard.join('; ');
}

function connect(lb: Balancer, port: number): string {
  const server = serverOf(lb.send(client4(port, SYN)));
  assert.equal(serverOf(lb.send(client4(port, ACK, 1001))), server);
  return server;
}

const stateOf = (lb: Balancer, port: number) => lb.states().find((one) => one.wire.ports.includes(port));

for (const dialect of ['openbsd-2008', 'openbsd'] as const) {
  test(`${dialect}: idle for ten minutes, then it goes on with its server`, () => {
    const lb = new Balancer(dialect);
    // Of two connections one is with each server: if both were chosen anew, they would not both stay.
    const servers = [1024, 1025].map((port) => connect(lb, port));
    assert.deepEqual(servers, ['S1', 'S2']);
    lb.world.run(10 * MINUTE - SECOND);
    connect(lb, 1026);
    for (const [i, port] of [1025, 1024].entries()) {
      assert.equal(serverOf(lb.send(client4(port, ACK, 1001))), ['S2', 'S1'][i]);
    }
    assert.equal(stateOf(lb, 1024)?.expires, 600);
  });

  test(`${dialect}: a segment every five minutes for two hours, while its server leaves the table`, () => {
    const lb = new Balancer(dialect);
    assert.equal(connect(lb, 1024), 'S1');
    const entry = { prefix: { family: 4 as const, words: [0x0a00000b], length: 32 }, negated: false };
    lb.host.call('pf.changeTable', {
      anchor: 'relayd/www',
      name: 'www',
      change: 'replace',
      entries: [entry],
    });
    for (let minute = 5; minute <= 120; minute += 5) {
      lb.world.run(5 * MINUTE);
      assert.equal(serverOf(lb.send(client4(1024, ACK, 1001 + minute))), 'S1', `after ${minute} minutes`);
      assert.equal(connect(lb, 2000 + minute), 'S2');
    }
  });

  for (const [what, flags, timeout] of [
    ['FIN', FIN | ACK, 45],
    ['RST', RST, 90],
  ] as const) {
    test(`${dialect}: after a ${what} the state is gone within ${timeout} seconds and a purge`, () => {
      const lb = new Balancer(dialect);
      connect(lb, 1024);
      lb.send(client4(1024, flags, 1001));
      assert.equal(stateOf(lb, 1024)?.expires, timeout);
      lb.world.run((timeout - 1) * SECOND);
      assert.notEqual(stateOf(lb, 1024), undefined);
      lb.world.run(12 * SECOND);
      assert.equal(stateOf(lb, 1024), undefined);
    });
  }

  test(`${dialect}: half-open connections stop at the limit; those that there are go on, and new ones come when the flood ends`, () => {
    const limit = 500;
    const lb = new Balancer(dialect, '', `set limit states ${limit}\n`);
    const servers = new Map([1024, 1025, 1026, 1027].map((port) => [port, connect(lb, port)]));
    const half = (number: number) =>
      ip4(
        { source: `198.51.${(number >> 8) & 0xff}.${number & 0xff}`, destination: Balancer.VIP, ttl: 63 },
        tcpSegment({ from: 10_000 + number, to: 80, sequence: 1, flags: SYN }),
      );
    for (let second = 0; second < 40; second++) {
      for (let i = 0; i < 50; i++) lb.send(half(50 * second + i));
      for (const [port, server] of servers) {
        assert.equal(serverOf(lb.send(client4(port, ACK, 1001 + second))), server, `in second ${second}`);
      }
      const { current } = lb.host.call('pf.status', {}).states;
      assert.ok(current <= limit, `${current} states`);
      lb.world.run(SECOND);
    }
    const status = lb.host.call('pf.status', {});
    assert.ok((status.reasons.memory ?? 0) > 0, 'the flood met the limit');
    lb.world.run(2 * MINUTE);
    for (const [port, server] of servers) {
      assert.equal(serverOf(lb.send(client4(port, ACK, 1100))), server, 'after the flood');
    }
    connect(lb, 3000);
  });
}
