// SPDX-License-Identifier: ISC
//
// Strict Direct Server Return with a pair of load balancers and a pair of routers, all on one pfsync wire: one fails in the middle of a
// connection, and the other one goes on with it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../../../appliance/kernel/random.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { DirectReturn, MILLISECOND, SECOND } from './directReturn.ts';

const { FLAG_SYN: SYN, FLAG_ACK: ACK, FLAG_FIN: FIN, FLAG_RST: RST } = tcp;
const OBSERVED = 'sloppy, observed';
const MSS = 1460;

function stateOf(path: DirectReturn): string {
  return path
    .states()
    .map((one) => `${one.source.state}:${one.destination.state}${one.sloppy ? ' sloppy' : ''}`)
    .join();
}

/** What goes wrong in the middle of a transfer. */
const FAILURES: Readonly<Record<string, (path: DirectReturn) => void>> = {
  'the load balancer': (path) => path.balanceBy(1),
  'the router': (path) => path.routeBy(1),
  'both at once': (path) => {
    path.balanceBy(1);
    path.routeBy(1);
  },
};

/**
 * A download by a server that sends a window ahead and, when nothing is acknowledged, its first segment again; `failAt` bytes are
 * followed by silence on the way to the server, and then by the failure.
 */
function download(
  path: DirectReturn,
  bytes: number,
  failAt: number,
  fail: (path: DirectReturn) => void,
): void {
  const window = 512 << 7;
  let received = 5001;
  let acknowledged = 5001;
  let failed = false;
  for (let stalled = 0; acknowledged < 5001 + bytes; ) {
    const before = acknowledged;
    for (let seq = acknowledged; seq + MSS <= before + window; seq += MSS) {
      const [got] = path.fromServer({ flags: ACK, seq, ack: 1001, data: MSS });
      if (got?.seq === received) received += MSS;
    }
    if (!failed && acknowledged - 5001 >= failAt) {
      failed = true;
      path.world.run(2 * SECOND);
      fail(path);
    }
    const [heard] = path.fromClient({ flags: ACK, seq: 1001, ack: received, window: 512 });
    if (heard !== undefined) acknowledged = heard.ack;
    stalled = acknowledged === before ? stalled + 1 : 0;
    if (stalled > 0) path.world.run(200 * MILLISECOND);
    assert.ok(stalled < 10, `stalled at ${acknowledged - 5001} of ${bytes}`);
  }
  assert.ok(failed);
}

function upload(path: DirectReturn, bytes: number, failAt: number, fail: (path: DirectReturn) => void): void {
  const window = 512 << 7;
  let acknowledged = 1001;
  let failed = false;
  for (let stalled = 0; acknowledged < 1001 + bytes; ) {
    const before = acknowledged;
    for (let seq = acknowledged; seq + MSS <= before + window; seq += MSS) {
      const [got] = path.fromClient({ flags: ACK, seq, ack: 5001, data: MSS });
      if (got?.seq === acknowledged) acknowledged += MSS;
    }
    if (!failed && acknowledged - 1001 >= failAt) {
      failed = true;
      path.world.run(2 * SECOND);
      fail(path);
    }
    path.fromServer({ flags: ACK, seq: 5001, ack: acknowledged, window: 512 });
    stalled = acknowledged === before ? stalled + 1 : 0;
    if (stalled > 0) path.world.run(200 * MILLISECOND);
    assert.ok(stalled < 10, `stalled at ${acknowledged - 1001} of ${bytes}`);
  }
  assert.ok(failed);
}

describe('in the middle of a strict transfer fails', () => {
  for (const [name, fail] of Object.entries(FAILURES)) {
    for (const [word, transfer] of Object.entries({ download, upload })) {
      for (const failAt of [0, 1_000_000]) {
        test(`${name}: a ${word} goes on, after ${failAt} bytes`, () => {
          const path = new DirectReturn(OBSERVED, { pair: true });
          path.connect();
          transfer(path, 3_000_000, failAt, fail);
          assert.equal(stateOf(path), '4:4');
        });
      }
    }
  }
});

describe('with every third message between them lost', () => {
  for (const [word, transfer] of Object.entries({ download, upload })) {
    for (const seed of [1, 6, 7]) {
      test(`a ${word} goes on, chance ${seed}`, () => {
        const random = new Random([seed, 8, 7, 6]);
        const chance = () => random.below(1_000_000) / 1_000_000;
        const path = new DirectReturn(OBSERVED, {
          pair: true,
          sync: { faults: { random: chance, loss: 0.33 } },
        });
        path.connect();
        transfer(path, 3_000_000, 500_000 + seed * 10_000, (one) => one.balanceBy(1));
      });
    }
  }
});

test('a download goes on when the second has not heard of the first for many windows', () => {
  let isDeaf = false;
  const chance = () => (isDeaf ? 0 : 1);
  const path = new DirectReturn(OBSERVED, { pair: true, sync: { faults: { random: chance, loss: 0.5 } } });
  path.connect();
  path.world.run(2 * SECOND);
  isDeaf = true;
  download(path, 3_000_000, 1_000_000, (one) => {
    isDeaf = false;
    one.balanceBy(1);
  });
  assert.equal(stateOf(path), '4:4');
});

test('the second, who has not heard of a server with high numbers, does not make the first forget it', () => {
  const LOST = 0;
  const PROMPT = 0.41;
  const LATE = 0.999;
  let fate = LATE;
  const path = new DirectReturn(OBSERVED, {
    pair: true,
    sync: { faults: { random: () => fate, loss: 0.4, jitter: 800 } },
  });
  const serverIsn = 0x97c82345;
  const syn = { flags: SYN, window: 0xffff, scale: 7 };
  const request = { flags: ACK, seq: 1001, ack: serverIsn + 1, data: 100 };
  fate = LOST;
  path.fromClient({ ...syn, seq: 1000 });
  path.fromServer({ ...syn, flags: SYN | ACK, seq: serverIsn, ack: 1001 });
  path.fromClient(request);
  fate = LATE;
  path.world.run(SECOND);
  fate = PROMPT;
  path.fromClient(request);
  fate = LOST;
  path.world.run(MILLISECOND);
  fate = PROMPT;
  for (let sent = 0; sent < 10_000; sent += 1000) {
    const ack = serverIsn + 1 + sent;
    assert.equal(path.fromClient({ flags: ACK, seq: 1101, ack }).length, 1, `after ${sent} bytes`);
    path.fromServer({ flags: ACK, seq: ack, ack: 1101, data: 1000 });
    path.world.run(300 * MILLISECOND);
  }
  assert.equal(path.states()[0]!.destination.seqLow >>> 0, serverIsn + 1 + 9000);
});

describe('the new master', () => {
  test('knows the connection in full: what is forged is dropped', () => {
    const path = new DirectReturn(OBSERVED, { pair: true });
    path.connect();
    path.fromClient({ flags: ACK, seq: 1001, ack: 5001, data: 200 });
    path.fromServer({ flags: ACK, seq: 5001, ack: 1201, data: 1000 });
    path.fromClient({ flags: ACK, seq: 1201, ack: 6001 });
    path.world.run(2 * SECOND);
    path.balanceBy(1);
    assert.equal(stateOf(path), '4:4');
    assert.equal(path.forge({ flags: RST, seq: 1201 + 20_000 }).length, 0);
    assert.equal(path.forge({ flags: ACK, seq: 1201 + 300_000, ack: 6001, data: 100 }).length, 0);
    assert.equal(path.fromClient({ flags: ACK, seq: 1201, ack: 6001, data: 100 }).length, 1);
  });

  test('knows in full even what it heard of the server before it heard of the state', () => {
    let isLate = false;
    const chance = () => (isLate ? 0.999 : 0);
    const path = new DirectReturn(OBSERVED, {
      pair: true,
      sync: { faults: { random: chance, jitter: 150 } },
    });
    const syn = { flags: SYN, window: 0xffff, scale: 7 };
    isLate = true;
    path.fromClient({ ...syn, seq: 1000 });
    path.world.run(SECOND);
    isLate = false;
    path.fromServer({ ...syn, flags: SYN | ACK, seq: 5000, ack: 1001 });
    path.fromClient({ flags: ACK, seq: 1001, ack: 5001 });
    assert.equal(stateOf(path), '4:4');
    path.world.run(2 * SECOND);
    path.balanceBy(1);
    assert.equal(stateOf(path), '4:4');
    assert.equal(path.forge({ flags: RST, seq: 1001 + 20_000 }).length, 0);
  });

  test('hears of the end', () => {
    const path = new DirectReturn(OBSERVED, { pair: true });
    path.connect();
    path.world.run(2 * SECOND);
    path.balanceBy(1);
    path.fromClient({ flags: FIN | ACK, seq: 1001, ack: 5001 });
    path.fromServer({ flags: FIN | ACK, seq: 5001, ack: 1002 });
    path.fromClient({ flags: ACK, seq: 1002, ack: 5002 });
    assert.equal(stateOf(path), '9:9');
    path.world.run(120 * SECOND);
    assert.deepEqual(path.states(), []);
  });

  test('counts what became strict here, and nothing twice', () => {
    const path = new DirectReturn(OBSERVED, { pair: true });
    for (const port of [1024, 1025]) path.connect(port);
    path.world.run(2 * SECOND);
    path.balanceBy(1);
    for (const port of [1024, 1025]) path.fromServer({ port, flags: FIN | ACK, seq: 5001, ack: 1001 });
    const cost = path.cost()!;
    assert.equal(cost.unobserved, 0);
    assert.ok(cost.states <= 2, `${cost.states}`);
  });
});
