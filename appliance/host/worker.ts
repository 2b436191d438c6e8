// SPDX-License-Identifier: ISC
//
// The kernel's thread: one loop over poll(2), frames, time and messages. It blocks in poll and never returns to Node's event loop.

import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Poll } from '../../drivers/poll.ts';
import { TapDevice } from '../../drivers/tap.ts';
import { CallError } from '../abi/errno.ts';
import type { PolledDevice } from '../kernel/device.ts';
import { Kernel } from '../kernel/kernel.ts';
import type { Interface } from '../kernel/link/interface.ts';
import { Packet } from '../kernel/packet.ts';
import type { CallMessage, WorkerMessage, WorkerStart } from './messages.ts';

/** Frames that one device may bring in one turn, so that it does not starve the others, timers or messages. */
const BUDGET = 64;
/** How often carrier is asked for, milliseconds. */
const CARRIER_INTERVAL = 500;

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

const kernel = new Kernel({ now: 0, seed: start.seed, emit: send });
const packet = new Packet();

interface Attached {
  readonly device: PolledDevice;
  readonly on: Interface;
}

const attached: Attached[] = start.interfaces.map(({ name, linkAddress, mtu, tap }) => {
  const device = new TapDevice(tap);
  return { device, on: kernel.attach(name, device, { linkAddress, mtu }) };
});
const poll = new Poll(
  attached.map(({ device }) => device.descriptor),
  start.wake,
);

/** Takes in up to BUDGET frames. */
function receive({ device, on }: Attached): void {
  for (let left = BUDGET; left > 0; left--) {
    if (!device.receive(packet)) return;
    kernel.input(packet, on);
  }
}

function answerCalls(): void {
  for (
    let message = receiveMessageOnPort(port);
    message !== undefined;
    message = receiveMessageOnPort(port)
  ) {
    const { id, call, request } = message.message as CallMessage;
    try {
      send({ id, answer: kernel.call(call, request as never) });
    } catch (error) {
      // Anything else is a defect of the kernel: it ends the thread, and with it the machine, in the open.
      if (!(error instanceof CallError)) throw error;
      send({ id, error: { code: error.code, message: error.message } });
    }
  }
}

let carrierChecked = Number.NEGATIVE_INFINITY;

function checkCarrier(time: number): void {
  if (time - carrierChecked < CARRIER_INTERVAL * 1000) return;
  carrierChecked = time;
  poll.carrier();
  for (let i = 0; i < attached.length; i++) kernel.setLink(attached[i]!.on, poll.hasCarrier(i));
}

while (Atomics.load(stop, 0) === 0) {
  const time = now();
  kernel.advance(time);
  checkCarrier(time);
  answerCalls();
  const until = (kernel.nextDeadline() - now()) / 1000;
  poll.wait(Math.max(0, Math.min(CARRIER_INTERVAL, Math.ceil(until))));
  kernel.advance(now());
  for (let i = 0; i < attached.length; i++) if (poll.readable(i)) receive(attached[i]!);
}
for (const { device } of attached) device.close();
port.close();
