// SPDX-License-Identifier: ISC
//
// A machine with many states and one with none, each kernel in a thread of its own, with a link in memory between them for pfsync(4): how
// long all states take, and what new connections suffer meanwhile.
// usage: replication STATES SECONDS; prints a Figures as JSON.

import { readFileSync } from 'node:fs';
import { argv, stdout } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type Device, TRANSMITTED } from '../../appliance/kernel/device.ts';
import { Packet } from '../../appliance/kernel/packet.ts';
import { Bed } from './bed.ts';
import { FrameRing, type RingMemory, ringMemory } from './frameRing.ts';

/**
 * Seconds until the fresh machine has everything, and connections opened and closed meanwhile, and before and afterwards, in a second of the thread's
 * processor time, which other load on the machine hardly changes.
 */
export interface Figures {
  readonly seconds: number;
  readonly during: number;
  readonly without: number;
  /** States that the fresh machine had then. */
  readonly states: number;
  /** Frames that found the link full. */
  readonly lost: number;
}

interface Start {
  readonly number: 1 | 2;
  readonly states: number;
  readonly seconds: number;
  readonly to: RingMemory;
  readonly from: RingMemory;
  /** One of the PHASE numbers, and the states that the fresh machine has. */
  readonly shared: SharedArrayBuffer;
}

const [PHASE, STATES] = [0, 1] as const;
const [LOADING, LOADED, REPLICATED, MEASURED] = [0, 1, 2, 3] as const;
const RULES = 100;
/** Connections in one turn of the loop, and frames: as much as a poll of busy devices gives. */
const CONNECTIONS = 8;
const FRAMES = 64;
/** Seconds in which V8 gets to know the work. */
const WARM = 4;

const origin = performance.now();

/** Microseconds. */
function now(): number {
  return Math.floor((performance.now() - origin) * 1000);
}

/** Seconds that this thread has run. */
function consumed(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e9;
}

/** A machine with pfsync0 on the link. */
class Machine {
  readonly bed: Bed;
  readonly outgoing: FrameRing;
  private readonly incoming: FrameRing;
  private readonly packet = new Packet();
  private readonly sync;
  private next = 0;

  constructor({ number, to, from }: Start) {
    this.bed = new Bed(RULES, 0, { number, timeouts: { 'tcp.closed': 1, interval: 1 } });
    this.outgoing = new FrameRing(to);
    this.incoming = new FrameRing(from);
    const device: Device = {
      capabilities: { checksum: false, tso4: false, tso6: false, uso: false },
      transmit: (packet) => {
        this.outgoing.put(packet.bytes, packet.link, packet.end);
        return TRANSMITTED;
      },
    };
    const { kernel } = this.bed;
    this.sync = kernel.attach('vr2', device, { linkAddress: [2, 0, 0, 0, 9, number] });
    const address = { family: 4, words: [0x0a630900 + number], length: 24 } as const;
    kernel.call('interface.addAddress', { name: 'vr2', address, alias: false });
    kernel.call('interface.create', { name: 'pfsync0' });
    kernel.call('pfsync.set', { name: 'pfsync0', syncDevice: 'vr2' });
  }

  up(): void {
    this.bed.kernel.call('interface.set', { name: 'pfsync0', up: true });
  }

  /** Connections of before. */
  load(states: number): void {
    this.next = states / 2; // each has a state where it comes in and one where it leaves
    this.bed.connect(0, this.next);
  }

  /** Time and frames, as the appliance's loop takes them. */
  turn(): void {
    const { bed, packet, incoming } = this;
    bed.kernel.advance(now());
    for (let count = 0; count < FRAMES; count++) {
      packet.reset();
      packet.end = packet.link + incoming.take(packet.bytes, packet.link);
      if (packet.end === packet.link) break;
      bed.kernel.input(packet, this.sync);
    }
  }

  /** Opens and closes connections until somebody says so, or for some seconds; answers how many in a second of processor time. */
  work(done: () => boolean): { seconds: number; rate: number } {
    const start = now();
    const before = consumed();
    const first = this.next;
    while (!done()) {
      this.turn();
      this.bed.visit(this.next, CONNECTIONS);
      this.next += CONNECTIONS;
    }
    return { seconds: (now() - start) / 1e6, rate: (this.next - first) / (consumed() - before) };
  }

  get bulkIsDone(): boolean {
    return this.bed.kernel.call('interface.list', { name: 'pfsync0' })[0]!.pfsync!.bulk === 'done';
  }

  get states(): number {
    return this.bed.kernel.call('pf.status', {}).states.current;
  }
}

function after(seconds: number): () => boolean {
  const end = now() + seconds * 1e6;
  return () => now() >= end;
}

/** The machine that has the states. */
function serve(start: Start): void {
  const shared = new Int32Array(start.shared);
  const machine = new Machine(start);
  machine.load(start.states);
  machine.up();
  machine.work(after(WARM));
  const before = machine.work(after(start.seconds / 2));
  Atomics.store(shared, PHASE, LOADED);
  const during = machine.work(() => Atomics.load(shared, PHASE) === REPLICATED);
  const behind = machine.work(after(start.seconds / 2));
  Atomics.store(shared, PHASE, MEASURED);
  const states = Atomics.load(shared, STATES);
  const { lost } = machine.outgoing;
  const figures: Figures = {
    seconds: during.seconds,
    during: during.rate,
    without: (before.rate + behind.rate) / 2,
    states,
    lost,
  };
  parentPort!.postMessage(figures);
}

/**
 * The machine that comes up when the other one is at work. It never sleeps: two threads often share a processor, and what the other one gets of
 * it is to be the same all the time.
 */
function follow(start: Start): void {
  const shared = new Int32Array(start.shared);
  const machine = new Machine(start);
  while (Atomics.load(shared, PHASE) === LOADING) machine.turn();
  machine.up();
  while (Atomics.load(shared, PHASE) !== MEASURED) {
    machine.turn();
    if (Atomics.load(shared, PHASE) !== LOADED || !machine.bulkIsDone) continue;
    Atomics.store(shared, STATES, machine.states);
    Atomics.store(shared, PHASE, REPLICATED);
  }
}

function main(states: number, seconds: number): void {
  const [one, other] = [ringMemory(), ringMemory()];
  const common = { states, seconds, shared: new SharedArrayBuffer(8) };
  const file = new URL(import.meta.url);
  const first: Start = { ...common, number: 1, to: one, from: other };
  const second: Start = { ...common, number: 2, to: other, from: one };
  new Worker(file, { workerData: first }).once('message', (figures: Figures) => {
    stdout.write(`${JSON.stringify(figures)}\n`);
  });
  new Worker(file, { workerData: second });
}

if (isMainThread) {
  // As the appliance does (host/worker.ts).
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');
  const [states, seconds] = argv.slice(2).map(Number) as [number, number];
  main(states, seconds);
} else {
  const start = workerData as Start;
  if (start.number === 1) serve(start);
  else follow(start);
}
