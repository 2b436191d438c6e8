// SPDX-License-Identifier: ISC
//
// The drivers that machine.json may ask for, behind a kernel in its own thread: memory, and tuntap2 with a package that is made here.

import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { parsePrefix } from '../../appliance/abi/addressText.ts';
import { HardwareError, type OpenInterface, openHardware } from '../../appliance/host/hardware.ts';
import { KernelThread } from '../../appliance/host/kernelThread.ts';
import * as arp from '../../appliance/wire/arp.ts';
import * as ethernet from '../../appliance/wire/ethernet.ts';
import { Tuntap2 } from '../../drivers/tuntap2.ts';

const wanted = (number: number, driver: 'memory' | 'tuntap2', bridge?: string) => ({
  name: `vr${number}`,
  tap: `test-vr${number}`,
  linkAddress: [2, 0, 0, 0, 0, number + 1],
  mtu: 1500,
  driver,
  ...(bridge === undefined ? {} : { bridge }),
});

/** A kernel thread with these interfaces, addresses on the first; ended when `use` is through. */
async function withKernel(
  interfaces: readonly OpenInterface[],
  use: (kernel: KernelThread) => Promise<void>,
): Promise<void> {
  const failures: Error[] = [];
  const kernel = new KernelThread(interfaces, (error) => failures.push(error));
  try {
    for (const { name } of interfaces) await kernel.call('interface.set', { name, up: true });
    const address = parsePrefix('192.0.2.1/24')!;
    await kernel.call('interface.addAddress', { name: interfaces[0]!.name, address, alias: false });
    await use(kernel);
  } finally {
    await kernel.stop();
  }
  assert.deepEqual(failures, []);
}

/** Waits until a figure is what is wanted, for a few seconds at most. */
async function until(what: string, reached: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await reached()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`never: ${what}`);
}

test('memory: interfaces that name the same segment are joined, others are not', async () => {
  const open = await openHardware([
    wanted(0, 'memory', 'lan'),
    wanted(1, 'memory', 'lan'),
    wanted(2, 'memory'),
  ]);
  assert.equal(open[0]!.attachLine, 'vr0 at mainbus0 memory "lan", address 02:00:00:00:00:01');
  await withKernel(open, async (kernel) => {
    const received = async (name: string) =>
      (await kernel.call('interface.list', { name }))[0]!.counters.inputPackets;
    // The gratuitous ARP of vr0's address.
    await until('a frame on vr1', async () => (await received('vr1')) > 0);
    assert.equal(await received('vr2'), 0);
  });
});

/** What the package exports, without a device: frames written are kept. */
class FakeTap extends Duplex {
  static last: FakeTap;
  readonly name = 'tap7';
  readonly written: Uint8Array[] = [];
  mtu = 0;
  isUp = false;
  released = false;

  constructor() {
    super();
    FakeTap.last = this;
  }

  override _read(): void {}

  override _write(frame: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    this.written.push(frame);
    done();
  }

  release(): void {
    this.released = true;
  }
}

test('tuntap2: frames go both ways through the main thread', async () => {
  const tap = await Tuntap2.open({ mtu: 1400 }, async () => ({ Tap: FakeTap }));
  const fake = FakeTap.last;
  assert.deepEqual([fake.isUp, fake.mtu, tap.name], [true, 1400, 'tap7']);
  const { name, linkAddress, mtu } = wanted(0, 'tuntap2');
  const open: OpenInterface = {
    name,
    linkAddress,
    mtu,
    device: { kind: 'relayed' },
    attachLine: '',
    relayed: tap,
  };
  await withKernel([open], async () => {
    await until('a gratuitous ARP', () => fake.written.length > 0);
    const request = fake.written[0]!;
    assert.equal(ethernet.type(request, 0), ethernet.TYPE_ARP);
    // Somebody asks for the address: the kernel answers.
    const asked = request.slice();
    ethernet.setSource(asked, 0, 0x0200, 0x99);
    arp.setSender(asked, ethernet.HEADER_LENGTH, 0x0200, 0x99, 0xc0000209 | 0);
    const before = fake.written.length;
    fake.push(asked);
    await until('an answer', () =>
      fake.written.slice(before).some((frame) => ethernet.destinationLow(frame, 0) === 0x99),
    );
  });
  assert.ok(fake.released);
});

test('tuntap2: says what is missing where the package is not', async () => {
  await assert.rejects(openHardware([wanted(0, 'tuntap2')]), (error: Error) => {
    assert.ok(error instanceof HardwareError);
    assert.match(
      error.message,
      /^vr0: the package tuntap2 is not installed; install it, or leave "driver" out/,
    );
    return true;
  });
});

test('tuntap2: says what the package says when it cannot make a TAP', async () => {
  class NoTap {
    constructor() {
      throw new Error('EPERM');
    }
  }
  await assert.rejects(
    Tuntap2.open({ mtu: 1500 }, async () => ({ Tap: NoTap })),
    /^Error: tuntap2 cannot make a TAP: EPERM$/,
  );
});
