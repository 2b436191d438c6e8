// SPDX-License-Identifier: ISC
//
// What pf costs, in memory; run by hand: node dist/test/bench/pf.js. Packets a second that match one of many states, new connections a
// second under many rules, memory of many states.

import { deserialize, serialize } from 'node:v8';
import type { Rule } from '../../appliance/abi/rule.ts';
import { loadInSteps } from '../../appliance/host/loadInSteps.ts';
import { DIRECTION_IN, PASS } from '../../appliance/kernel/filter.ts';
import { HEADROOM, Packet } from '../../appliance/kernel/packet.ts';
import * as ipv4 from '../../appliance/wire/ipv4.ts';
import * as tcp from '../../appliance/wire/tcp.ts';
import { hugePages } from '../../drivers/hugePages.ts';
import { DirectPf, locate } from '../kernel/pf/direct.ts';
import { ip4, tcpSegment } from '../support/packets.ts';

const SECOND = 1e9;
const any = { address: { kind: 'any' }, negated: false } as const;
const passAll: Rule = {
  list: 'filter',
  action: 'pass',
  quick: false,
  source: any,
  destination: any,
  flags: { set: 2, mask: 0x12 },
  state: { keep: 'keep', options: {} },
};

/** Rules that this traffic falls under one by one, and at the end one that passes it. */
function rules(count: number): Rule[] {
  return Array.from({ length: count - 1 }, (_, i): Rule => {
    const word = (0x0a000000 + i * 16) | 0;
    const prefix = { family: 4 as const, words: [word], length: 28 };
    return {
      ...passAll,
      action: 'block',
      state: undefined,
      flags: undefined,
      family: 4,
      protocol: 6,
      source: { address: { kind: 'prefix', prefix }, negated: false },
      destination: { ...any, port: { operator: '=', low: 1 + (i % 1000), high: 0 } },
    } as Rule;
  }).concat([passAll]);
}

const packet = new Packet();
const syn = ip4(
  { source: '172.16.0.1', destination: '192.0.2.253' },
  tcpSegment({ from: 1024, to: 80, flags: tcp.FLAG_SYN }),
).bytes;
const ack = ip4(
  { source: '172.16.0.1', destination: '192.0.2.253' },
  tcpSegment({ from: 1024, to: 80, sequence: 1001, flags: tcp.FLAG_ACK }),
).bytes;
const STORE = 32_768;

/** Puts connection `i`'s packet in place, the fastest way there is. */
function fill(i: number, at: number): void {
  packet.reset();
  packet.bytes.copyWithin(HEADROOM, at, at + 40);
  packet.network = HEADROOM;
  packet.end = HEADROOM + 40;
  ipv4.setSource(packet.bytes, HEADROOM, (0xac100000 + (i >>> 15)) | 0);
  tcp.setSourcePort(packet.bytes, HEADROOM + 20, 1024 + (i & 0x7fff));
  locate(packet);
}

/** The longest that a new connection took, milliseconds: what growing costs at worst, once the code is warm. */
let longestOpen = 0;
const WARM = 20_000;

function open(direct: DirectPf, count: number): number {
  packet.bytes.set(syn, STORE);
  packet.bytes.set(ack, STORE + 64);
  longestOpen = 0;
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) {
    fill(i, STORE);
    const before = performance.now();
    if (direct.pf.test(packet, direct.vr0, DIRECTION_IN) !== PASS)
      throw new Error(`connection ${i} is refused`);
    if (i > WARM) longestOpen = Math.max(longestOpen, performance.now() - before);
  }
  return (count * SECOND) / Number(process.hrtime.bigint() - start);
}

function forward(direct: DirectPf, states: number, packets: number, stride: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0, state = 0; i < packets; i++, state = (state + stride) % states) {
    fill(state, STORE + 64);
    direct.pf.test(packet, direct.vr0, DIRECTION_IN);
  }
  return (packets * SECOND) / Number(process.hrtime.bigint() - start);
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

function build(count: number, sloppy = false): DirectPf {
  const direct = new DirectPf(1, hugePages);
  const list = rules(count).map((rule) =>
    sloppy && rule.state ? { ...rule, state: { keep: 'keep' as const, options: { sloppy } } } : rule,
  );
  direct.load({ anchors: [{ path: '', rules: list }], options: { limits: { states: 2_000_000 } } });
  return direct;
}

function resident(): number {
  const { external, arrayBuffers, heapUsed } = process.memoryUsage();
  return Math.max(external, arrayBuffers) + heapUsed;
}

// The work of putting a packet in place, which is not pf's.
const idle = (() => {
  const count = 20_000_000;
  for (let i = 0; i < count / 10; i++) fill(i, STORE);
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) fill(i & 0xfffff, STORE);
  return Number(process.hrtime.bigint() - start) / count;
})();
console.log(`filling a packet: ${idle.toFixed(1)} ns, taken off below`);
const net = (rate: number) => SECOND / (SECOND / rate - idle) / 1e6;

for (const [states, sloppy] of [
  [1_000, false],
  [1_000, true],
  [1_000_000, false],
] as const) {
  const before = resident();
  const direct = build(10, sloppy);
  open(direct, states);
  const bytes = resident() - before;
  const slowest = longestOpen;
  // A stride that jumps about, so that no cache helps.
  forward(direct, states, 1_000_000, 389_171);
  const heap = process.memoryUsage().heapUsed;
  const rate = median(Array.from({ length: 5 }, () => forward(direct, states, 4_000_000, 389_171)));
  const grown = (process.memoryUsage().heapUsed - heap) / 20_000_000;
  console.log(
    `${states} states${sloppy ? ', sloppy' : ''}: ${net(rate).toFixed(2)} M packets/s, ${grown.toFixed(2)} bytes allocated each, ${(bytes / 1e6).toFixed(0)} MB${states > WARM ? `, the slowest new one ${slowest.toFixed(1)} ms` : ''}`,
  );
}
for (const count of [10, 1_000, 10_000]) {
  const start = process.hrtime.bigint();
  const direct = build(count);
  const load = Number(process.hrtime.bigint() - start) / 1e6;
  open(direct, 100_000);
  const rate = median(
    Array.from({ length: 5 }, () => {
      for (let cursor: number | undefined = 0; cursor !== undefined; ) {
        cursor = direct.calls['pf.killStates']({ cursor, filter: {} }).next;
      }
      return open(direct, 200_000);
    }),
  );
  console.log(`${count} rules: ${net(rate).toFixed(2)} M new states/s, loaded in ${load.toFixed(0)} ms`);
}

/** The longest that a load of this holds the kernel in one step, its message and all, and all steps together. */
async function steps(count: number, addresses: number): Promise<{ longest: number; all: number }> {
  const direct = new DirectPf();
  const entries = Array.from({ length: addresses }, (_, i) => ({
    prefix: { family: 4 as const, words: [(0x0b000000 + i * 7) | 0], length: 32 },
    negated: false,
  }));
  const table = { anchor: '', name: 't', persist: true, constant: false, counters: false, entries };
  const load = { dialect: 'openbsd' as const, anchors: [{ path: '', rules: rules(count) }], tables: [table] };
  const handlers = direct.calls as unknown as Record<string, (request: unknown) => never>;
  let [longest, all] = [0, 0];
  await loadInSteps(load, async (name, request) => {
    const message = serialize(request);
    const start = process.hrtime.bigint();
    const answer = handlers[name]!(deserialize(message));
    const took = Number(process.hrtime.bigint() - start) / 1e6;
    longest = Math.max(longest, took);
    all += took;
    return answer;
  });
  return { longest, all };
}
await steps(10_000, 100_000);
const { longest, all } = await steps(10_000, 100_000);
console.log(
  `10000 rules and 100000 addresses in steps: the longest ${longest.toFixed(1)} ms, all ${all.toFixed(0)} ms`,
);
