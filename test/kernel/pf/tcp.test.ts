// SPDX-License-Identifier: ISC
//
// Tracking of TCP connections, segment by segment: the full tracker, the sloppy one, modulation, synproxy.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tcp from '../../../appliance/wire/tcp.ts';
import * as tcpOptions from '../../../appliance/wire/tcpOptions.ts';
import { frame, ip4, tcpSegment } from '../../support/packets.ts';
import { LEFT, RIGHT, RIGHT_LINK, VR1_LINK } from '../../support/router.ts';
import { Filter, verify } from './filter.ts';

const { FLAG_SYN: SYN, FLAG_ACK: ACK, FLAG_FIN: FIN, FLAG_RST: RST } = tcp;
const STRICT = 'block all\npass in on vr0\npass out on vr1\n';

interface Said {
  readonly flags: number;
  readonly seq: number;
  readonly ack?: number;
  readonly data?: number;
  readonly window?: number;
  readonly options?: Uint8Array;
}

function segment(from: number, to: number, said: Said) {
  return tcpSegment(
    {
      from,
      to,
      sequence: said.seq,
      acknowledgment: said.ack ?? 0,
      flags: said.flags,
      window: said.window ?? 0x4000,
      ...(said.options === undefined ? {} : { options: said.options }),
    },
    said.data ?? 0,
  );
}

const client = (said: Said) => ip4({ source: LEFT, destination: RIGHT }, segment(1024, 80, said));
const server = (said: Said) => ip4({ source: RIGHT, destination: LEFT }, segment(80, 1024, said));

/** SYN, SYN+ACK, ACK with initial numbers 1000 and 5000. */
function connect(filter: Filter): void {
  filter.left(client({ flags: SYN, seq: 1000 }));
  filter.right(server({ flags: SYN | ACK, seq: 5000, ack: 1001 }));
  filter.left(client({ flags: ACK, seq: 1001, ack: 5001 }));
}

const passed = (heard: readonly string[]) => heard.length === 1;

test('a connection from its first segment to its last', () => {
  const filter = new Filter(STRICT);
  // Both states, inbound and outbound, go the same way: peers of source and destination, and the seconds left.
  const steps: [from: 'client' | 'server', said: Said, peers: string][] = [
    ['client', { flags: SYN, seq: 1000 }, '2:0 120'],
    ['server', { flags: SYN | ACK, seq: 5000, ack: 1001 }, '4:2 30'],
    ['client', { flags: ACK, seq: 1001, ack: 5001 }, '4:4 86400'],
    ['client', { flags: ACK, seq: 1001, ack: 5001, data: 100 }, '4:4 86400'],
    ['server', { flags: ACK, seq: 5001, ack: 1101, data: 1000 }, '4:4 86400'],
    ['client', { flags: FIN | ACK, seq: 1101, ack: 6001 }, '7:4 900'],
    ['server', { flags: ACK, seq: 6001, ack: 1102 }, '9:4 900'],
    ['server', { flags: FIN | ACK, seq: 6001, ack: 1102 }, '9:7 45'],
    ['client', { flags: ACK, seq: 1102, ack: 6002 }, '9:9 90'],
  ];
  for (const [from, said, peers] of steps) {
    const heard = from === 'client' ? filter.left(client(said)) : filter.right(server(said));
    assert.ok(passed(heard), `${from} ${JSON.stringify(said)}`);
    assert.deepEqual(filter.peers(), [`in ${peers}`, `out ${peers}`]);
  }
  const [inbound] = filter.states();
  assert.deepEqual(
    [inbound?.packets, inbound?.bytes],
    [
      [5, 4],
      [5 * 40 + 100, 4 * 40 + 1000],
    ],
  );
  filter.pass(110);
  assert.deepEqual(filter.peers(), []);
});

test('segments outside of the windows are refused', () => {
  const cases: [name: string, from: 'client' | 'server', said: Said][] = [
    [
      'beyond what the server allows',
      'client',
      { flags: ACK, seq: 1001 + 0x4000 + 100_000, ack: 5001, data: 10 },
    ],
    ['more than a window back', 'client', { flags: ACK, seq: 1001 - 0x4000 - 100_000, ack: 5001, data: 10 }],
    ['acknowledges what was never sent', 'client', { flags: ACK, seq: 1001, ack: 5001 + 70_000, data: 10 }],
    ['acknowledges what is long past', 'client', { flags: ACK, seq: 1001, ack: 5001 - 70_000, data: 10 }],
    ['a blind reset', 'server', { flags: RST, seq: 5001 + 500 }],
  ];
  for (const [name, from, said] of cases) {
    const filter = new Filter(STRICT);
    connect(filter);
    const heard = from === 'client' ? filter.left(client(said)) : filter.right(server(said));
    assert.deepEqual(heard, [], name);
    assert.deepEqual(filter.reasons()['state-mismatch'], 1, name);
    assert.deepEqual(filter.peers(), ['in 4:4 86400', 'out 4:4 86400'], name);
  }
});

test('a reset in its place ends the connection on both sides', () => {
  for (const off of [-1, 0, 1]) {
    const filter = new Filter(STRICT);
    connect(filter);
    assert.ok(passed(filter.right(server({ flags: RST, seq: 5001 + off }))));
    assert.deepEqual(filter.peers(), ['in 10:10 90', 'out 10:10 90']);
  }
});

test('a reset behind what was sent last ends the connection if it acknowledges all that there is', () => {
  const cases: [said: Said, ends: boolean][] = [
    [{ flags: RST | ACK, seq: 1009, ack: 5001 }, true],
    [{ flags: RST | ACK, seq: 1009, ack: 5000 }, false],
    [{ flags: RST | ACK, seq: 1009, ack: 0 }, false],
    [{ flags: RST, seq: 1009 }, false],
    [{ flags: RST | ACK, seq: 1027, ack: 5001 }, false],
    [{ flags: RST | ACK, seq: 1025 - 100_000, ack: 5001 }, false],
  ];
  for (const [said, ends] of cases) {
    const filter = new Filter(STRICT);
    connect(filter);
    // What comes before this has been lost on the way, and the server has not acknowledged it.
    assert.ok(passed(filter.left(client({ flags: ACK, seq: 1017, ack: 5001, data: 8 }))));
    assert.equal(passed(filter.left(client(said))), ends, JSON.stringify(said));
    const peers = ends ? '10:10 90' : '4:4 86400';
    assert.deepEqual(filter.peers(), [`in ${peers}`, `out ${peers}`]);
  }
});

test('2008 asks a reset for its place only where fragments are reassembled', () => {
  for (const [rules, reaches] of [
    ['', true],
    ['scrub in all\n', false],
  ] as const) {
    const filter = new Filter(`${rules}block all\npass in on vr0\npass out on vr1\n`, 'openbsd-2008');
    connect(filter);
    assert.equal(passed(filter.right(server({ flags: RST, seq: 5001 + 500 }))), reaches);
  }
});

test('windows are scaled when both sides said so, and never in a SYN', () => {
  const scale = (shift: number) => Uint8Array.of(1, 3, 3, shift);
  const filter = new Filter(STRICT);
  filter.left(client({ flags: SYN, seq: 1000, window: 0xffff, options: scale(7) }));
  filter.right(server({ flags: SYN | ACK, seq: 5000, ack: 1001, window: 0xffff, options: scale(8) }));
  filter.left(client({ flags: ACK, seq: 1001, ack: 5001, window: 0x1000 }));
  const [state] = filter.states();
  assert.deepEqual([state?.source.windowScale, state?.destination.windowScale], [7, 8]);
  // 0x1000 << 7 from the client: a megabyte in flight passes, 4 KiB more than that does not.
  const far = 5001 + (0x1000 << 7);
  assert.ok(passed(filter.right(server({ flags: ACK, seq: far - 1000, ack: 1001, data: 1000 }))));
  assert.deepEqual(filter.right(server({ flags: ACK, seq: far + 0x1000, ack: 1001, data: 1000 })), []);
});

test('one side without the option turns scaling off', () => {
  const filter = new Filter(STRICT);
  filter.left(client({ flags: SYN, seq: 1000, window: 0x100, options: Uint8Array.of(1, 3, 3, 4) }));
  filter.right(server({ flags: SYN | ACK, seq: 5000, ack: 1001 }));
  filter.left(client({ flags: ACK, seq: 1001, ack: 5001, window: 0x100 }));
  const [state] = filter.states();
  assert.deepEqual([state?.source.windowScale, state?.destination.windowScale], [0, 0]);
  assert.ok(passed(filter.right(server({ flags: ACK, seq: 5001, ack: 1001, data: 0x100 }))));
  assert.deepEqual(filter.right(server({ flags: ACK, seq: 5001 + 0x2000, ack: 1001, data: 0x100 })), []);
});

test('a connection is picked up in its middle where rules allow any flags', () => {
  const filter = new Filter('pass in on vr0 proto tcp flags any\npass out on vr1 proto tcp flags any\n');
  assert.ok(passed(filter.left(client({ flags: ACK, seq: 4_000_000_000, ack: 77, data: 10 }))));
  assert.ok(passed(filter.right(server({ flags: ACK, seq: 77, ack: 4_000_000_010, data: 1000 }))));
  assert.ok(passed(filter.left(client({ flags: ACK, seq: 4_000_000_010, ack: 1077, data: 10 }))));
});

test('sequence numbers wrap', () => {
  const filter = new Filter(STRICT);
  filter.left(client({ flags: SYN, seq: 0xfffffff0 }));
  filter.right(server({ flags: SYN | ACK, seq: 0xfffffffe, ack: 0xfffffff1 }));
  filter.left(client({ flags: ACK, seq: 0xfffffff1, ack: 0xffffffff }));
  assert.ok(passed(filter.left(client({ flags: ACK, seq: 0xfffffff1, ack: 0xffffffff, data: 100 }))));
  assert.ok(passed(filter.right(server({ flags: ACK, seq: 0xffffffff, ack: 0x55, data: 100 }))));
  assert.ok(passed(filter.left(client({ flags: ACK, seq: 0x55, ack: 99, data: 100 }))));
});

test('a new SYN takes the place of a connection that is over', () => {
  const filter = new Filter(STRICT);
  connect(filter);
  filter.left(client({ flags: RST, seq: 1001 }));
  assert.deepEqual(filter.left(client({ flags: SYN, seq: 9000 })), [
    `right ${LEFT}:1024 > ${RIGHT}:80 S 9000`,
  ]);
  assert.deepEqual(filter.peers(), ['in 2:0 120', 'out 2:0 120']);
});

test('today a SYN into an established connection is challenged', () => {
  const filter = new Filter(STRICT);
  connect(filter);
  const heard = filter.left(client({ flags: SYN, seq: 77_000 }));
  assert.deepEqual(heard, [`left ${RIGHT}:80 > ${LEFT}:1024 . 5001 ack 1000`]);
  assert.deepEqual(filter.peers(), ['in 4:4 86400', 'out 4:4 86400']);
});

test('an answer to another SYN than the last is reset, and the next try counts as the first', () => {
  const filter = new Filter(STRICT);
  filter.left(client({ flags: SYN, seq: 1000 }));
  filter.right(server({ flags: SYN, seq: 5000 }));
  const stray = server({ flags: SYN | ACK, seq: 900_000, ack: 400_000 });
  assert.deepEqual(filter.right(stray), [`right ${LEFT}:1024 > ${RIGHT}:80 R 400000`]);
});

test('without rules nothing is tracked, and everything passes', () => {
  const filter = new Filter('');
  assert.ok(passed(filter.left(client({ flags: ACK, seq: 5, ack: 6 }))));
  assert.deepEqual(filter.states(), []);
});

test('flags S/SA is what a pass rule asks for unless it says otherwise', () => {
  const filter = new Filter(STRICT);
  assert.deepEqual(filter.left(client({ flags: ACK, seq: 5, ack: 6 })), []);
});

test('modulate state: the other side sees other numbers, and both work', () => {
  const filter = new Filter('block all\npass in on vr0 proto tcp modulate state\npass out on vr1\n');
  const [syn] = filter.left(client({ flags: SYN, seq: 1000 }));
  const shown = Number(/S (\d+)$/.exec(syn!)?.[1]);
  assert.notEqual(shown, 1000);
  const [answer] = filter.right(server({ flags: SYN | ACK, seq: 5000, ack: (shown + 1) >>> 0 }));
  const own = Number(/S\. (\d+) ack 1001$/.exec(answer!)?.[1]);
  assert.notEqual(own, 5000);
  const [ack] = filter.left(client({ flags: ACK, seq: 1001, ack: (own + 1) >>> 0, data: 10 }));
  assert.equal(ack, `right ${LEFT}:1024 > ${RIGHT}:80 . ${(shown + 1) >>> 0} ack 5001 (10)`);
});

test('modulate state: edges of SACK are told back, at an odd place too', () => {
  for (const place of [1, 2]) {
    const filter = new Filter('block all\npass in on vr0 proto tcp modulate state\npass out on vr1\n');
    const [syn] = filter.left(client({ flags: SYN, seq: 1000 }));
    const shown = Number(/S (\d+)$/.exec(syn!)?.[1]);
    filter.right(server({ flags: SYN | ACK, seq: 5000, ack: shown + 1 }));
    const options = new Uint8Array(12).fill(tcpOptions.NOP);
    tcpOptions.writeSack(options, place, 1);
    tcpOptions.setSackBlock(options, place, 0, shown + 101, shown + 151);
    const data = server({ flags: ACK, seq: 5001, ack: (shown + 1) >>> 0, options });
    filter.router.right.send(frame({ to: VR1_LINK, from: RIGHT_LINK }, data));
    filter.router.world.run(1000);
    const [out] = filter.router.left.take();
    verify(out!);
    const at = 14 + 20 + 20 + place;
    assert.deepEqual([tcpOptions.sackLeft(out!, at, 0), tcpOptions.sackRight(out!, at, 0)], [1101, 1151]);
  }
});

test('synproxy: nothing reaches the server before the client has answered', () => {
  const filter = new Filter('block all\npass in on vr0 proto tcp synproxy state\npass out on vr1\n');
  const mss = Uint8Array.of(2, 4, 5, 180);
  const [first] = filter.left(client({ flags: SYN, seq: 1000, options: mss }));
  const own = Number(/^left .* S\. (\d+) ack 1001$/.exec(first!)?.[1]);
  assert.ok(own >= 0);
  const [again] = filter.left(client({ flags: SYN, seq: 1000, options: mss }));
  assert.equal(again, first);
  assert.deepEqual(filter.left(client({ flags: ACK, seq: 1001, ack: own + 2 })), []);
  const [syn] = filter.left(client({ flags: ACK, seq: 1001, ack: (own + 1) >>> 0, window: 3000 }));
  const toServer = Number(/^right .* S (\d+)$/.exec(syn!)?.[1]);
  const both = filter.right(server({ flags: SYN | ACK, seq: 5000, ack: (toServer + 1) >>> 0, window: 2000 }));
  assert.deepEqual(both, [
    `left ${RIGHT}:80 > ${LEFT}:1024 . ${(own + 1) >>> 0} ack 1001`,
    `right ${LEFT}:1024 > ${RIGHT}:80 . ${(toServer + 1) >>> 0} ack 5001`,
  ]);
  // From here on the two sides talk through shifted numbers.
  const data = filter.left(client({ flags: ACK, seq: 1001, ack: (own + 1) >>> 0, data: 10 }));
  assert.deepEqual(data, [`right ${LEFT}:1024 > ${RIGHT}:80 . ${(toServer + 1) >>> 0} ack 5001 (10)`]);
  const reply = filter.right(server({ flags: ACK, seq: 5001, ack: (toServer + 11) >>> 0, data: 20 }));
  assert.deepEqual(reply, [`left ${RIGHT}:80 > ${LEFT}:1024 . ${(own + 1) >>> 0} ack 1011 (20)`]);
});

test('synproxy: a client whose server never answered is reset in the end', () => {
  const filter = new Filter('block all\npass in on vr0 proto tcp synproxy state\npass out on vr1\n');
  const [first] = filter.left(client({ flags: SYN, seq: 1000 }));
  const own = Number(/S\. (\d+) /.exec(first!)?.[1]);
  filter.left(client({ flags: ACK, seq: 1001, ack: (own + 1) >>> 0 }));
  const heard = filter.heard(() => filter.router.world.run(140_000_000));
  assert.ok(heard.includes(`left ${RIGHT}:80 > ${LEFT}:1024 R. ${own} ack 1001`), heard.join('\n'));
});

test('sloppy: half a connection is tracked by its flags alone', () => {
  const filter = new Filter(
    'block all\npass in on vr0 proto tcp flags any keep state (sloppy, tcp.established 600)\npass out on vr1 no state\n',
  );
  const steps: [said: Said, peers: string][] = [
    [{ flags: SYN, seq: 1000 }, 'in 2:0 120'],
    [{ flags: SYN, seq: 1000 }, 'in 2:0 30'],
    [{ flags: ACK, seq: 1001, ack: 5001 }, 'in 4:4 600'],
    // Numbers do not matter.
    [{ flags: ACK, seq: 900_000_000, ack: 1, data: 100 }, 'in 4:4 600'],
    [{ flags: FIN | ACK, seq: 1101, ack: 5001 }, 'in 7:7 45'],
    [{ flags: ACK, seq: 1102, ack: 5002 }, 'in 7:9 45'],
  ];
  for (const [said, peers] of steps) {
    assert.ok(passed(filter.left(client(said))));
    assert.deepEqual(filter.peers(), [peers]);
  }
  filter.left(client({ flags: RST, seq: 1102 }));
  assert.deepEqual(filter.peers(), ['in 10:10 90']);
});
