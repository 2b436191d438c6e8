// SPDX-License-Identifier: ISC
//
// Frames a second that the kernel forwards in memory, 64 bytes each, no filter; run by hand: node dist/test/bench/forward.js

import { cryptography } from '../../appliance/host/cryptography.ts';
import { type Device, TRANSMITTED } from '../../appliance/kernel/device.ts';
import { Kernel } from '../../appliance/kernel/kernel.ts';
import { HEADROOM, Packet } from '../../appliance/kernel/packet.ts';
import * as arp from '../../appliance/wire/arp.ts';
import { hugePages } from '../../drivers/hugePages.ts';
import { arpPacket, data, frame, ip4, payload, word4 } from '../support/packets.ts';

const FRAMES = 4_000_000;
const DESTINATIONS = 64;

const none = { checksum: false, tso4: false, tso6: false, uso: false };
let transmitted = 0;
const sink: Device = {
  capabilities: none,
  transmit: () => {
    transmitted++;
    return TRANSMITTED;
  },
};

const kernel = new Kernel({ now: 0, seed: [1, 2, 3, 4], cryptography, memory: hugePages, emit: () => {} });
const vr0 = kernel.attach('vr0', sink, { linkAddress: [2, 0, 0, 0, 0, 1] });
const vr1 = kernel.attach('vr1', sink, { linkAddress: [2, 0, 0, 0, 0, 2] });
for (const [name, text] of [
  ['vr0', '192.0.2.1'],
  ['vr1', '198.51.100.1'],
] as const) {
  const address = { family: 4 as const, words: [word4(text)], length: 24 };
  kernel.call('interface.addAddress', { name, address, alias: false });
}
kernel.call('sysctl.set', { name: 'net.inet.ip.forwarding', value: 1 });

const packet = new Packet();
function input(bytes: Uint8Array, on: typeof vr0): void {
  packet.reset();
  packet.bytes.set(bytes, HEADROOM);
  packet.end = HEADROOM + bytes.length;
  kernel.input(packet, on);
}

/** The frames lie ready far behind the one at work, in the same memory: copying there is the cheapest way to get a fresh one. */
const STORE = 32_768;

for (let i = 0; i < DESTINATIONS; i++) {
  const destination = `198.51.100.${i + 2}`;
  const link = `02:00:00:00:bb:${(i + 2).toString(16).padStart(2, '0')}`;
  input(
    frame(
      { to: 'ff:ff:ff:ff:ff:ff', from: link },
      arpPacket(arp.REQUEST, { link, address: destination }, { address: '198.51.100.1' }),
    ),
    vr1,
  );
  const network = ip4({ source: '192.0.2.9', destination }, payload(17, data(30)));
  const bytes = frame({ to: '02:00:00:00:00:01', from: '02:00:00:00:aa:09' }, network);
  packet.bytes.set(bytes, STORE + 64 * i);
}

/** Forwards `count` frames, of which `run` in a row have the same destination; answers frames a second. */
function measure(count: number, run: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) {
    const at = STORE + 64 * (Math.floor(i / run) % DESTINATIONS);
    packet.reset();
    packet.bytes.copyWithin(HEADROOM, at, at + 64);
    packet.end = HEADROOM + 64;
    kernel.input(packet, vr0);
  }
  return count / (Number(process.hrtime.bigint() - start) / 1e9);
}

for (const run of [1_000_000, 1]) {
  measure(200_000, run);
  const before = transmitted;
  const heap = process.memoryUsage().heapUsed;
  const rates = Array.from({ length: 5 }, () => measure(FRAMES / 5, run)).sort((a, b) => a - b);
  const grown = (process.memoryUsage().heapUsed - heap) / FRAMES;
  const name = run === 1 ? 'a new destination each time' : 'one destination';
  console.log(
    `${name}: ${(rates[2]! / 1e6).toFixed(2)} M frames/s, ${grown.toFixed(2)} bytes allocated each, ${transmitted - before} sent`,
  );
}
