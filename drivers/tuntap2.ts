// SPDX-License-Identifier: ISC
//
// TAPs of the package `tuntap2`, where the user has it: a stream that reads one frame per job of Node's thread pool. It is driven from
// Node's event loop and knows no offloads; the appliance's own TAP driver is many times faster.

import type { Duplex } from 'node:stream';
import { TapError } from './tap.ts';

/** What is used of the package's `Tap`. */
export interface Tuntap2Tap extends Duplex {
  readonly name: string;
  mtu: number;
  isUp: boolean;
  release(): void;
}

export interface Tuntap2Package {
  readonly Tap: new () => Tuntap2Tap;
}

/** Frames that may wait to be written before more are dropped. */
const MAXIMUM_WAITING = 512;

/** An open TAP: frames go in and out as arrays of their own. */
export class Tuntap2 {
  readonly name: string;
  /** Takes each frame that arrives. */
  receiver: ((frame: Uint8Array) => void) | undefined;
  private readonly tap: Tuntap2Tap;

  private constructor(tap: Tuntap2Tap) {
    this.tap = tap;
    this.name = tap.name;
    tap.on('data', (frame: Uint8Array) => this.receiver?.(new Uint8Array(frame)));
  }

  /** Makes a TAP, whose name the host chooses. `load` gets the package. Throws TapError with a sentence that says what is missing. */
  static async open(
    options: { readonly mtu: number },
    load: () => Promise<unknown> = loadPackage,
  ): Promise<Tuntap2> {
    const { Tap } = await packageOf(load);
    try {
      const tap = new Tap();
      tap.isUp = true;
      tap.mtu = options.mtu;
      return new Tuntap2(tap);
    } catch (error) {
      throw new TapError(`tuntap2 cannot make a TAP: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Sends a frame, or drops it where too many wait: the stream would keep them all. */
  send(frame: Uint8Array): void {
    if (this.tap.writableLength < MAXIMUM_WAITING * 1500) this.tap.write(frame);
  }

  close(): void {
    this.tap.release();
  }
}

async function packageOf(load: () => Promise<unknown>): Promise<Tuntap2Package> {
  try {
    return (await load()) as Tuntap2Package;
  } catch (error) {
    throw new TapError(
      'the package tuntap2 is not installed; install it, or leave "driver" out of machine.json for the built-in TAP driver.',
      { cause: error },
    );
  }
}

/** Not a dependency: the name is no literal, so that neither compiler nor bundler looks for it. */
function loadPackage(): Promise<unknown> {
  const name = 'tuntap2';
  return import(name);
}
