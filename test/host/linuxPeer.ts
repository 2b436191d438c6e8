// SPDX-License-Identifier: ISC
//
// A program for a network namespace of its own: the appliance's TCP against Linux's, over a TAP that loses, repeats and reorders
// frames in both directions. Prints one line per transfer; ends with an error if a byte is wrong.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import * as net from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { parsePrefix } from '../../appliance/abi/addressText.ts';
import { DirectClient } from '../../appliance/host/directClient.ts';
import { KernelSocket, listenTcp } from '../../appliance/host/socketStream.ts';
import { type Capabilities, type Device, type Outcome, TRANSMITTED } from '../../appliance/kernel/device.ts';
import { Packet } from '../../appliance/kernel/packet.ts';
import { Random } from '../../appliance/kernel/random.ts';
import { ALL_OFFLOADS, NO_OFFLOADS } from '../../drivers/memory.ts';
import { openTap, TapDevice } from '../../drivers/tap.ts';
import { address } from './kernels.ts';

const LENGTH = 1_500_000;
const LOSS = 0.02;
const DUPLICATION = 0.01;
const DELAY = 0.05;

/** Draws the fate of each frame; what is held back comes after some others. */
class Faults {
  private readonly random = new Random([1, 2, 3, 4]);
  private readonly held: { packet: Packet; turns: number }[] = [];

  private happens(share: number): boolean {
    return this.random.below(1_000_000) < share * 1_000_000;
  }

  pass(packet: Packet, deliver: (packet: Packet) => void): void {
    for (const one of this.held) one.turns--;
    if (this.happens(DELAY)) {
      const packetOfOurs = new Packet();
      packetOfOurs.copyFrom(packet);
      this.held.push({ packet: packetOfOurs, turns: 1 + this.random.below(6) });
    } else if (!this.happens(LOSS)) {
      deliver(packet);
      if (this.happens(DUPLICATION)) deliver(packet);
    }
    while (this.held.length > 0 && this.held[0]!.turns <= 0) deliver(this.held.shift()!.packet);
  }
}

/** A TAP with faults on the way out. */
class FaultyDevice implements Device {
  readonly capabilities: Capabilities;
  private readonly tap: TapDevice;
  private readonly faults = new Faults();

  constructor(tap: TapDevice, capabilities: Capabilities) {
    this.tap = tap;
    this.capabilities = capabilities;
  }

  transmit(packet: Packet): Outcome {
    this.faults.pass(packet, (one) => this.tap.transmit(one));
    return TRANSMITTED;
  }
}

/** A kernel of ours behind a TAP of this namespace, on the real clock. */
class Machine {
  readonly client = new DirectClient({ now: 0, seed: [1, 2, 3, 4] });
  private readonly tap: TapDevice;
  private running = true;
  private readonly ended: Promise<void>;

  constructor(number: number, capabilities: Capabilities) {
    const name = `peer${number}`;
    const tap = new TapDevice(openTap(name, { mtu: 1500 }));
    this.tap = tap;
    const ip = (...words: string[]) => execFileSync('ip', words);
    ip('addr', 'add', `10.9.${number}.1/24`, 'dev', name);
    ip('addr', 'add', `2001:db8:9:${number}::1/64`, 'dev', name, 'nodad');
    const { kernel } = this.client;
    const device = new FaultyDevice(tap, capabilities);
    const on = kernel.attach('vr0', device, { linkAddress: [2, 0, 0, 0, 9, number] });
    kernel.call('sysctl.set', { name: 'net.inet6.ip6.dad_count', value: 0 });
    for (const text of [`10.9.${number}.2/24`, `2001:db8:9:${number}::2/64`]) {
      kernel.call('interface.addAddress', { name: 'vr0', address: parsePrefix(text)!, alias: false });
    }
    const faults = new Faults();
    const packet = new Packet();
    const origin = performance.now();
    this.ended = (async () => {
      while (this.running) {
        kernel.advance(Math.floor((performance.now() - origin) * 1000));
        for (let i = 0; i < 64 && tap.receive(packet); i++) {
          faults.pass(packet, (one) => kernel.input(one, on));
        }
        await turn();
      }
    })();
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.ended;
    this.tap.close();
  }
}

const data = Buffer.from(Uint8Array.from({ length: LENGTH }, (_, i) => (i * 31 + (i >>> 8) * 7) & 0xff));

function digest(pieces: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/** Sends everything on one side, returns it from the other, and closes: `first` ends first. */
async function echo(name: string, first: Duplex): Promise<void> {
  const pieces: Buffer[] = [];
  first.on('data', (piece: Buffer) => pieces.push(piece));
  first.end(data);
  await once(first, 'end');
  assert.equal(digest(pieces), digest([data]), name);
  console.log(`${name}: ${LENGTH} bytes there and back`);
}

async function meet(number: number, capabilities: Capabilities): Promise<void> {
  const machine = new Machine(number, capabilities);
  const { client } = machine;
  const linux = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  linux.listen(8000 + number, '::');
  await once(linux, 'listening');
  for (const family of [4, 6] as const) {
    await listenTcp(client, { family, port: 80, allowHalfOpen: true }, (socket) => socket.pipe(socket));
    const [ours, theirs] =
      family === 4
        ? [`10.9.${number}.2`, `10.9.${number}.1`]
        : [`2001:db8:9:${number}::2`, `2001:db8:9:${number}::1`];
    const to = { address: address(theirs), port: 8000 + number, allowHalfOpen: true };
    await echo(`IPv${family}, we connect`, KernelSocket.connect(client, to));
    await echo(`IPv${family}, Linux connects`, net.connect({ host: ours, port: 80, allowHalfOpen: true }));
  }
  linux.close();
  await machine.stop();
}

await meet(1, NO_OFFLOADS);
await meet(2, ALL_OFFLOADS);
console.log('done');
process.exit(0);
