// SPDX-License-Identifier: ISC
//
// Strict Direct Server Return: a router tells the load balancer of the servers' half, and the load balancer checks the client's against it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../../../appliance/kernel/random.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { DirectReturn, MILLISECOND, SECOND, type Segment } from './directReturn.ts';

const { FLAG_SYN: SYN, FLAG_ACK: ACK, FLAG_FIN: FIN, FLAG_RST: RST } = tcp;
const SLOPPY = 'sloppy';
const OBSERVED = 'sloppy, observed';
const MSS = 1460;
/** Bytes of the long transfers. */
const LONG = Number(process.env.DSR_BYTES ?? 12_000_000);

/** Ends a connection that stands at these numbers, the client first. */
function close(path: DirectReturn, seq: number, ack: number, port = 1024): void {
  path.fromClient({ port, flags: FIN | ACK, seq, ack });
  path.fromServer({ port, flags: FIN | ACK, seq: ack, ack: seq + 1 });
  path.fromClient({ port, flags: ACK, seq: seq + 1, ack: ack + 1 });
}

function stateOf(path: DirectReturn): string {
  return path
    .states()
    .map((one) => `${one.source.state}:${one.destination.state}${one.sloppy ? ' sloppy' : ''}`)
    .join();
}

describe('a short connection', () => {
  test('is tracked in full, at the cost of three observations', () => {
    const path = new DirectReturn();
    path.connect();
    assert.equal(stateOf(path), '4:4');
    assert.equal(path.fromClient({ flags: ACK, seq: 1001, ack: 5001, data: 200 }).length, 1);
    assert.equal(path.fromServer({ flags: ACK, seq: 5001, ack: 1201, data: 1000 }).length, 1);
    assert.equal(path.fromClient({ flags: ACK, seq: 1201, ack: 6001 }).length, 1);
    close(path, 1201, 6001);
    assert.equal(stateOf(path), '9:9');
    assert.equal(path.observations(), 3);
    assert.deepEqual(path.cost(), { messages: 3, bytes: 288, states: 1, unobserved: 0 });
    path.world.run(120 * SECOND);
    assert.deepEqual(path.states(), []);
  });

  test('that is refused goes with the reset', () => {
    const path = new DirectReturn();
    path.fromClient({ flags: SYN, seq: 1000 });
    path.fromServer({ flags: RST | ACK, seq: 0, ack: 1001 });
    assert.equal(path.observations(), 1);
    assert.match(stateOf(path), /^10:10/);
  });

  test('where the server closes first', () => {
    const path = new DirectReturn();
    path.connect();
    path.fromServer({ flags: FIN | ACK, seq: 5001, ack: 1001 });
    assert.equal(stateOf(path), '4:7');
    path.fromClient({ flags: ACK, seq: 1001, ack: 5002 });
    path.fromClient({ flags: FIN | ACK, seq: 1001, ack: 5002 });
    assert.equal(stateOf(path), '7:9');
    path.world.run(60 * SECOND);
    assert.deepEqual(path.states(), []);
  });

  test('without window scaling on the server', () => {
    const path = new DirectReturn();
    path.fromClient({ flags: SYN, seq: 1000, window: 0xffff, scale: 7 });
    path.fromServer({ flags: SYN | ACK, seq: 5000, ack: 1001, window: 8000 });
    path.fromClient({ flags: ACK, seq: 1001, ack: 5001, window: 0xffff });
    assert.equal(path.fromClient({ flags: ACK, seq: 1001 + 6540, ack: 5001, data: MSS }).length, 1);
    assert.equal(path.fromClient({ flags: ACK, seq: 1001 + 6541, ack: 5001, data: MSS }).length, 0);
    assert.equal(stateOf(path), '4:4');
  });
});

/** The client's acknowledgments of a download, sent for every other segment; answers how many did not reach the server. */
function download(path: DirectReturn, bytes: number, from: number): number {
  let lost = 0;
  let end = from;
  while (((end - from) | 0) >= 0 && end - from < bytes) {
    path.fromServer({ flags: ACK, seq: end >>> 0, ack: 1001, data: MSS });
    path.fromServer({ flags: ACK, seq: (end + MSS) >>> 0, ack: 1001, data: MSS });
    end += 2 * MSS;
    const ack = { flags: ACK, seq: 1001, ack: end >>> 0, window: 4096 };
    if (path.fromClient(ack).length !== 1) lost++;
  }
  return lost;
}

/**
 * Sends so many bytes as the client, a window of the server's at a time and again what does not arrive. Answers how many
 * segments did not reach the server.
 */
function upload(path: DirectReturn, bytes: number, window = 512, scale = 7): number {
  const size = window << scale;
  let acknowledged = 1001;
  let lost = 0;
  for (let stalled = 0; acknowledged < 1001 + bytes; ) {
    const before = acknowledged;
    for (let seq = acknowledged; seq + MSS <= before + size; seq += MSS) {
      const [got] = path.fromClient({ flags: ACK, seq, ack: 5001, data: MSS });
      if (got === undefined) lost++;
      else if (got.seq === acknowledged) acknowledged += MSS;
    }
    path.fromServer({ flags: ACK, seq: 5001, ack: acknowledged, window });
    if (acknowledged === before) path.world.run(200 * MILLISECOND);
    stalled = acknowledged === before ? stalled + 1 : 0;
    assert.ok(stalled < 10, `stalled at ${acknowledged - 1001} of ${bytes}`);
  }
  return lost;
}

describe('a long connection', () => {
  test('download: no observation for its data, and its numbers may go round', () => {
    const path = new DirectReturn();
    const serverIsn = 0xffffffff - 1_000_000;
    path.connect(1024, { serverIsn });
    path.observations();
    assert.equal(download(path, LONG, serverIsn + 1), 0);
    assert.equal(path.observations(), 0);
    assert.equal(stateOf(path), '4:4');
  });

  test('upload: an observation for half a window', () => {
    const path = new DirectReturn();
    path.connect();
    path.observations();
    assert.equal(upload(path, LONG), 0);
    const many = path.observations();
    const windows = LONG / (512 << 7);
    assert.ok(many >= windows && many <= 2.5 * windows, `${many} observations for ${windows} windows`);
    assert.equal(stateOf(path), '4:4');
  });

  test('upload while observations are lost', () => {
    const random = new Random([9, 8, 7, 6]);
    const chance = () => random.below(1_000_000) / 1_000_000;
    const path = new DirectReturn(OBSERVED, { sync: { faults: { random: chance, loss: 0.01 } } });
    path.connect();
    upload(path, LONG);
    assert.equal(stateOf(path), '4:4');
  });
});

/** What somebody on the server segment sends in the client's name, of a connection that stands at 1201 and 6001. */
const FORGED: Readonly<Record<string, Segment>> = {
  'a reset beside the next number': { flags: RST, seq: 1201 + 20_000 },
  'a reset with an acknowledgment': { flags: RST | ACK, seq: 1201 + 2, ack: 6001 },
  'data beyond the window': { flags: ACK, seq: 1201 + 300_000, ack: 6001, data: 100 },
  'data from long ago': { flags: ACK, seq: 1201 - 300_000, ack: 6001, data: 100 },
  'an acknowledgment of what the client never offered to take': { flags: ACK, seq: 1201, ack: 6001 + 70_000 },
};

describe('on the server segment, in the name of the client', () => {
  for (const [name, segment] of Object.entries(FORGED)) {
    test(`${name}: strict drops it, sloppy passes it`, () => {
      const reached = [SLOPPY, OBSERVED].map((options) => {
        const path = new DirectReturn(options);
        path.connect();
        path.fromClient({ flags: ACK, seq: 1001, ack: 5001, data: 200 });
        path.fromServer({ flags: ACK, seq: 5001, ack: 1201, data: 1000 });
        path.fromClient({ flags: ACK, seq: 1201, ack: 6001 });
        const forged = path.forge(segment).length;
        if (options === OBSERVED) {
          assert.equal(path.fromClient({ flags: ACK, seq: 1201, ack: 6001, data: 100 }).length, 1);
          assert.equal(stateOf(path), '4:4');
        }
        return forged;
      });
      assert.deepEqual(reached, [1, 0]);
    });
  }

  test('a reset at the very number passes, as everywhere', () => {
    const path = new DirectReturn();
    path.connect();
    assert.equal(path.forge({ flags: RST, seq: 1001 }).length, 1);
    assert.match(stateOf(path), /^10:10/);
  });
});

describe('where no router speaks', () => {
  test('connections are sloppy, and counted', () => {
    const path = new DirectReturn(OBSERVED, { observes: false });
    path.connect();
    assert.equal(stateOf(path), '4:4 sloppy');
    assert.equal(upload(path, 1_000_000), 0);
    assert.deepEqual(path.cost(), { messages: 0, bytes: 0, states: 0, unobserved: 1 });
  });

  test('any more: what strict tracking would drop makes the state sloppy', () => {
    const path = new DirectReturn();
    path.connect();
    const beyond = { flags: ACK, seq: 1001 + 100_000, ack: 5001, data: 100 };
    assert.equal(path.forge(beyond).length, 0);
    path.router.call('interface.set', { name: 'pfsync0', up: false });
    path.world.run(20 * SECOND);
    assert.equal(path.forge(beyond).length, 0, 'it may come back');
    path.world.run(20 * SECOND);
    assert.equal(path.forge(beyond).length, 1);
    assert.equal(stateOf(path), '4:4 sloppy');
    assert.equal(path.cost()?.unobserved, 1);
  });

  test('at first: a connection in its midst becomes strict when one has seen its scale', () => {
    const path = new DirectReturn();
    path.router.call('interface.set', { name: 'pfsync0', up: false });
    path.connect();
    assert.equal(stateOf(path), '4:4 sloppy');
    path.router.call('interface.set', { name: 'pfsync0', up: true });
    path.world.run(15 * SECOND);
    path.fromServer({ flags: ACK, seq: 5001, ack: 1001, data: 100 });
    path.fromClient({ flags: ACK, seq: 1001, ack: 5101, data: 100 });
    assert.equal(stateOf(path), '4:4 sloppy', 'the windows cannot be known');
    path.connect(1025);
    assert.equal(path.cost()?.states, 1);
  });

  test('and the load balancer has not seen the SYN either: the state stays sloppy', () => {
    const path = new DirectReturn();
    path.connect();
    path.balancer.call('pf.killStates', { cursor: 0, filter: {} });
    assert.equal(upload(path, 1_000_000), 0);
    assert.equal(stateOf(path), '4:4 sloppy');
  });

  test('for a while: an upload goes on through a router that has forgotten it', () => {
    const path = new DirectReturn();
    path.connect();
    path.router.call('interface.set', { name: 'pfsync0', up: false });
    path.router.call('interface.set', { name: 'pfsync0', up: true });
    path.world.run(15 * SECOND);
    upload(path, 1_000_000);
    assert.equal(stateOf(path), '4:4');
  });
});

describe('the state table', () => {
  test('the router has states of its own for the flow, and neither machine those of the other', () => {
    const path = new DirectReturn();
    path.connect();
    path.world.run(15 * SECOND);
    assert.equal(path.router.call('pf.states', { cursor: 0 }).items.length, 2);
    const all = path.balancer.call('pf.states', { cursor: 0 }).items;
    assert.deepEqual(
      all.map((one) => one.anchor),
      ['relayd/www'],
    );
  });

  test('a router stops to look when nobody asks any more', () => {
    const path = new DirectReturn();
    path.balancer.call('interface.set', { name: 'pfsync0', up: false });
    path.world.run(60 * SECOND);
    path.connect();
    assert.equal(path.observations(), 0);
  });
});

for (const [name, options] of Object.entries({ sloppy: SLOPPY, strict: OBSERVED })) {
  describe(`a ${name} state`, () => {
    const make = () => new DirectReturn(options, { observes: options === OBSERVED });
    const gone = (path: DirectReturn, seconds: number) => {
      path.world.run(seconds * SECOND);
      return path.states().length === 0;
    };

    test('survives ten minutes less a second of silence, and two hours of a segment now and then', () => {
      const path = make();
      path.connect();
      path.world.run(599 * SECOND);
      assert.equal(path.fromClient({ flags: ACK, seq: 1001, ack: 5001, data: 100 }).length, 1);
      for (let i = 1; i <= 24; i++) {
        path.world.run(300 * SECOND);
        const seq = 1001 + 100 * i;
        path.fromServer({ flags: ACK, seq: 5001, ack: seq });
        assert.equal(path.fromClient({ flags: ACK, seq, ack: 5001, data: 100 }).length, 1);
      }
      assert.equal(stateOf(path), name === 'sloppy' ? '4:4 sloppy' : '4:4');
    });

    // What expires is taken away within ten seconds.
    test("goes after the client's FIN: both halves seen 90 s, one half 45 s", () => {
      const path = make();
      path.connect();
      close(path, 1001, 5001);
      assert.equal(gone(path, name === 'sloppy' ? 40 : 80), false);
      assert.equal(gone(path, 20), true);
    });

    test("goes 90 s after the client's reset", () => {
      const path = make();
      path.connect();
      path.fromClient({ flags: RST, seq: 1001 });
      assert.equal(gone(path, 80), false);
      assert.equal(gone(path, 20), true);
    });

    test("after the server's reset: 90 s where it is told of, else the session's timeout", () => {
      const path = make();
      path.connect();
      path.fromServer({ flags: RST, seq: 5001 });
      assert.equal(gone(path, name === 'sloppy' ? 590 : 80), false);
      assert.equal(gone(path, 20), true);
    });
  });
}
