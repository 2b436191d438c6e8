// SPDX-License-Identifier: ISC
//
// Connections to talkers at a steady rate, each from a port of its own: no pair of address and port is used twice. Each is held for a
// while, says `end` and must hear `bye`. Its argument is a `ConnectionPlan` as JSON; prints one line of JSON for each, an `Attempted`.

import { connect } from 'node:net';

export interface ConnectionPlan {
  readonly target: { readonly address: string; readonly port: number };
  /** Addresses of this host to come from, in turn. */
  readonly sources: readonly string[];
  /** Connections a second, and for how many seconds. */
  readonly rate: number;
  readonly seconds: number;
  /** Milliseconds that one is held at most. */
  readonly hold: number;
}

/** When it was opened and when it was over (milliseconds since the epoch), who answered (empty: nobody), what went wrong. */
export type Attempted = readonly [opened: number, over: number, server: string, error: string];

const FIRST_PORT = 2_000;
const PATIENCE = 15_000;
/** Between two lots of connections, milliseconds. */
const PULSE = 5;

const plan = JSON.parse(process.argv[2]!) as ConnectionPlan;
const total = plan.rate * plan.seconds;
const results: Attempted[] = [];
let opened = 0;

function open(number: number): void {
  const { sources, target } = plan;
  const began = Date.now();
  let heard = '';
  let error = 'ended early';
  const socket = connect({
    host: target.address,
    port: target.port,
    localAddress: sources[number % sources.length]!,
    localPort: FIRST_PORT + Math.floor(number / sources.length),
  });
  const limit = setTimeout(() => socket.destroy(new Error('no answer')), PATIENCE);
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    const isFirst = heard === '';
    heard += text;
    // Spread over the time, without chance: the same plan does the same.
    if (isFirst) setTimeout(() => socket.end('end\n'), (number * 7919) % plan.hold);
    if (heard.endsWith('bye\n')) error = '';
  });
  socket.on('error', (problem) => {
    error = (problem as NodeJS.ErrnoException).code ?? problem.message;
  });
  socket.on('close', () => {
    clearTimeout(limit);
    results.push([began, Date.now(), heard.split('\n')[0]!, error]);
    if (results.length === total) finish();
  });
}

function finish(): void {
  clearInterval(pulse);
  process.stdout.write(`${results.map((one) => JSON.stringify(one)).join('\n')}\n`);
}

const started = performance.now();
const pulse = setInterval(() => {
  const due = Math.min(total, Math.floor(((performance.now() - started) * plan.rate) / 1_000));
  while (opened < due) open(opened++);
}, PULSE);
