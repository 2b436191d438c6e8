// SPDX-License-Identifier: ISC
//
// The client of a kernel in its own thread: calls become messages, and a byte to an eventfd wakes the thread to take them.

import { randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import * as libc from '../../drivers/libc.ts';
import type {
  Answer,
  CallName,
  EventName,
  Events,
  KernelClient,
  KernelEvent,
  Request,
} from '../abi/client.ts';
import { CallError } from '../abi/errno.ts';
import { changeInSteps, isLong } from './changeInSteps.ts';
import { EventHub } from './eventHub.ts';
import type { OpenInterface, RelayedDevice } from './hardware.ts';
import { loadInSteps } from './loadInSteps.ts';
import type { CallMessage, FrameMessage, MainMessage, WorkerMessage, WorkerStart } from './messages.ts';

/** worker.ts and all that it imports, in one file (scripts/bundle.ts). */
const PROGRAM = new URL('../../bundle/kernelThread.js', import.meta.url);

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

export class KernelThread implements KernelClient {
  private readonly worker: Worker;
  private readonly hub = new EventHub();
  private readonly pending = new Map<number, Pending>();
  private readonly stopFlag: Int32Array;
  private readonly wake: number;
  private readonly one = new Uint8Array(8);
  private readonly oneAddress: number;
  private readonly ended: Promise<void>;
  /** The devices that are driven from here, by place among the interfaces. */
  private readonly relayed: readonly (RelayedDevice | undefined)[];
  /** Ends with the last work in steps that was asked for, however that ends. */
  private loading: Promise<void> = Promise.resolve();
  private ids = 0;
  private over = false;

  /** Starts the thread. `failed` is told when it ends by itself, which is a defect. */
  constructor(interfaces: readonly OpenInterface[], failed: (error: Error) => void) {
    const stop = new SharedArrayBuffer(4);
    this.stopFlag = new Int32Array(stop);
    this.wake = libc.eventfd();
    this.one[0] = 1;
    this.oneAddress = libc.addressOf(this.one);
    const bytes = randomBytes(16);
    const seed = [0, 4, 8, 12].map((at) => bytes.readInt32LE(at));
    const plain = interfaces.map(({ name, linkAddress, mtu, device }) => ({
      name,
      linkAddress,
      mtu,
      device,
    }));
    const data: WorkerStart = { interfaces: plain, seed, wake: this.wake, stop };
    this.worker = new Worker(PROGRAM, { workerData: data });
    this.worker.on('message', (message: WorkerMessage) => this.take(message));
    this.worker.on('error', (error) => {
      this.rejectAll(error);
      failed(error);
    });
    this.ended = new Promise((resolve) => {
      this.worker.once('exit', () => {
        this.over = true;
        this.rejectAll(new CallError('ENXIO', 'the kernel has ended'));
        resolve();
      });
    });
    this.relayed = interfaces.map((one, place) => this.relay(one.relayed, place));
    // A thread that sits in poll(2) cannot be ended from outside, and would keep the process for ever.
    process.once('exit', this.signalStop);
  }

  private relay(device: RelayedDevice | undefined, place: number): RelayedDevice | undefined {
    if (device !== undefined) device.receiver = (frame) => this.post({ interface: place, frame });
    return device;
  }

  private post(message: MainMessage): void {
    this.worker.postMessage(message);
    this.ring();
  }

  call<C extends CallName>(name: C, request: Request<C>): Promise<Answer<C>> {
    const step: KernelThread['ask'] = (one, of) => this.ask(one, of);
    if (name === 'pf.load') {
      return this.inTurn(() => loadInSteps(request as Request<'pf.load'>, step)) as Promise<Answer<C>>;
    }
    if (name === 'pf.changeTable' && isLong(request as Request<'pf.changeTable'>)) {
      return this.inTurn(() => changeInSteps(request as Request<'pf.changeTable'>, step)) as Promise<
        Answer<C>
      >;
    }
    return this.ask(name, request);
  }

  /** One after the other: whoever begins takes the kernel's attention from a load that is not committed. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.loading.then(work);
    this.loading = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  private ask<C extends CallName>(name: C, request: Request<C>): Promise<Answer<C>> {
    if (this.over) return Promise.reject(new CallError('ENXIO', 'the kernel has ended'));
    const id = ++this.ids;
    const message: CallMessage = { id, call: name, request };
    const answer = new Promise<Answer<C>>((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as (answer: never) => void, reject });
    });
    this.post(message);
    return answer;
  }

  on<E extends EventName>(name: E, listener: (data: Events[E]) => void): () => void {
    return this.hub.on(name, listener);
  }

  /** Ends the thread; resolves when it has ended and its TAPs are closed. */
  async stop(): Promise<void> {
    this.signalStop();
    await this.ended;
    for (const device of this.relayed) device?.close();
    process.off('exit', this.signalStop);
  }

  private readonly signalStop = (): void => {
    Atomics.store(this.stopFlag, 0, 1);
    this.ring();
  };

  private ring(): void {
    libc.write(this.wake, this.oneAddress, 8);
  }

  private take(message: WorkerMessage): void {
    if ('event' in message) return this.hub.emit(message as KernelEvent);
    if ('frame' in message) return this.transmit(message);
    const pending = this.pending.get(message.id);
    this.pending.delete(message.id);
    if ('error' in message) pending?.reject(new CallError(message.error.code, message.error.message));
    else pending?.resolve(message.answer as never);
  }

  private transmit({ interface: place, frame }: FrameMessage): void {
    this.relayed[place]?.send(frame);
  }

  private rejectAll(error: Error): void {
    for (const pending of this.pending.values()) pending.reject(error);
    this.pending.clear();
  }
}
