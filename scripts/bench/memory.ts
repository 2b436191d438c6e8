// SPDX-License-Identifier: ISC
//
// A kernel between two devices in memory, in a process of its own: what forwarding costs without any system call.
// usage: memory RULES ENTRIES STATES FLOWS; prints a Figures as JSON.

import { argv, memoryUsage, stdout } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { Bed } from './bed.ts';

/** What one run tells: frames and new connections a second, milliseconds, bytes. */
export interface Figures {
  readonly forwarded: number;
  readonly opened: number;
  /** The longest that one new connection took: what growing costs at worst. */
  readonly longest: number;
  /** Seconds until rules and tables are in force, from rules that have been parsed. */
  readonly loaded: number;
  /** Of all states, with their rules and tables. */
  readonly memory: number;
  /** Of JavaScript's heap, for each forwarded frame. */
  readonly garbage: number;
}

const FRAMES = 2_000_000;
const NEW = 50_000;

/** Seconds that something takes. */
function time(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

function resident(): number {
  const { external, arrayBuffers, heapUsed } = memoryUsage();
  return Math.max(external, arrayBuffers) + heapUsed;
}

function main(ruleCount: number, entries: number, states: number, flows: number): Figures {
  const connections = states / 2; // each has a state where it comes in and one where it leaves
  const before = resident();
  let bed!: Bed;
  const loaded = time(() => {
    bed = new Bed(ruleCount, entries);
  });
  bed.connect(0, connections);
  const memory = resident() - before;
  bed.forward(flows, FRAMES / 4);
  bed.idle(flows, FRAMES);
  const idle = time(() => bed.idle(flows, FRAMES));
  const heap = memoryUsage().heapUsed;
  const forwarded = FRAMES / (time(() => bed.forward(flows, FRAMES)) - idle);
  const garbage = (memoryUsage().heapUsed - heap) / FRAMES;
  bed.open(connections, NEW);
  let longest = 0;
  const opened =
    NEW /
    time(() => {
      longest = bed.open(connections + NEW, NEW);
    });
  return { forwarded, opened, longest, loaded, memory, garbage };
}

// As the appliance does (host/worker.ts).
setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');
const [ruleCount, entries, states, flows] = argv.slice(2).map(Number) as [number, number, number, number];
stdout.write(`${JSON.stringify(main(ruleCount, entries, states, flows))}\n`);
