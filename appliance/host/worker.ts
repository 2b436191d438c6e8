// SPDX-License-Identifier: ISC
//
// The kernel's thread: one loop over poll(2), frames, time and messages. It blocks in poll and never returns to Node's event loop.

import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { hugePages } from '../../drivers/hugePages.ts';
import { CallError } from '../abi/errno.ts';
import { Kernel } from '../kernel/kernel.ts';
import { cryptography } from './cryptography.ts';
import { Devices } from './devices.ts';
import type { CallMessage, MainMessage, WorkerMessage, WorkerStart } from './messages.ts';

// The way of a packet is a long chain of small functions; by default V8 gives up putting one into the other long before its end. A quarter
// more packets a second in memory (npm run bench -- memory-1k).
setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');

/** How often carrier is asked for, milliseconds. */
const CARRIER_INTERVAL = 500;
/** Microseconds of one turn for messages. */
const MESSAGE_TIME = 1_000;
/** A wait of so many microseconds was sleep, and not only the price of asking. */
const NAP = 10;

const start = workerData as WorkerStart;
const port: MessagePort = parentPort!;
const stop = new Int32Array(start.stop);
const origin = performance.now();

/** Microseconds since this thread began. */
function now(): number {
  return Math.floor((performance.now() - origin) * 1000);
}

function send(message: WorkerMessage): void {
  port.postMessage(message);
}

/** The time of this turn, for segments in memory. */
const clock = { now: 0 };
const kernel = new Kernel({
  now: 0,
  bootTime: Math.floor(Date.now() / 1000),
  seed: start.seed,
  cryptography,
  memory: hugePages,
  emit: send,
});
const devices = new Devices(start, kernel, clock, send);

/** Messages may be left: the main thread has rung for them once, and will not again. */
let isRung = false;

/** Not longer than frames may wait: who has had an answer soon asks for the next page. */
function takeMessages(): void {
  const end = now() + MESSAGE_TIME;
  while (now() < end) {
    const next = receiveMessageOnPort(port);
    if (next === undefined) {
      isRung = false;
      return;
    }
    const message = next.message as MainMessage;
    if ('frame' in message) devices.arrived(message);
    else answer(message);
  }
}

function answer({ id, call, request }: CallMessage): void {
  try {
    send({ id, answer: kernel.call(call, request as never) });
  } catch (error) {
    // Anything else is a defect of the kernel: it ends the thread, and with it the machine, in the open.
    if (!(error instanceof CallError)) throw error;
    send({ id, error: { code: error.code, message: error.message } });
  }
}

let carrierChecked = Number.NEGATIVE_INFINITY;

function checkCarrier(): void {
  if (clock.now - carrierChecked < CARRIER_INTERVAL * 1000) return;
  carrierChecked = clock.now;
  devices.checkCarrier();
}

/** Sleeps until there is something to do, and does it. A function of its own, for V8 hardly optimizes what stands outside of any. */
function turn(): void {
  const before = now();
  const until = (Math.min(kernel.nextDeadline(), devices.next) - before) / 1000;
  const patience = isRung ? 0 : Math.max(0, Math.min(CARRIER_INTERVAL, Math.ceil(until)));
  if (devices.wait(patience)) isRung = true;
  clock.now = now();
  kernel.advance(clock.now);
  // Looking for carrier asks poll(2) anew, and would overwrite what it has just found: frames first.
  devices.receive(clock.now - before > NAP);
  if (isRung) takeMessages();
  checkCarrier();
}

checkCarrier();
while (Atomics.load(stop, 0) === 0) turn();
devices.close();
port.close();
