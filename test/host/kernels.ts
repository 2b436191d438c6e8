// SPDX-License-Identifier: ISC
//
// Two kernels in this thread on one segment in memory, on the real clock: for what userland builds on sockets.

import { setImmediate as turn } from 'node:timers/promises';
import { parseAddress, parsePrefix } from '../../appliance/abi/addressText.ts';
import type { Endpoint } from '../../appliance/abi/socket.ts';
import { DirectClient } from '../../appliance/host/directClient.ts';
import { ALL_OFFLOADS, Segment } from '../../drivers/memory.ts';

export function address(text: string): Endpoint['address'] {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`not an address: ${text}`);
  return parsed;
}

/** `a` is 192.0.2.1 and 2001:db8::1, `b` 192.0.2.2 and 2001:db8::2; nobody is 192.0.2.9. */
export class Kernels {
  readonly a: DirectClient;
  readonly b: DirectClient;
  now = 0;
  private readonly segment: Segment;
  private readonly origin = performance.now();
  private running = true;
  private readonly ended: Promise<void>;

  constructor() {
    this.segment = new Segment({ clock: this, capabilities: ALL_OFFLOADS, delay: 20 });
    this.a = this.machine(1);
    this.b = this.machine(2);
    this.ended = this.run();
  }

  private machine(number: number): DirectClient {
    const client = new DirectClient({ now: 0, seed: [number, 3, 5, 7] });
    const { kernel } = client;
    const port = this.segment.port(`vr0 of ${number}`);
    const on = kernel.attach('vr0', port, { linkAddress: [2, 0, 0, 0, 0, number] });
    port.receiver = (packet) => kernel.input(packet, on);
    kernel.call('sysctl.set', { name: 'net.inet6.ip6.dad_count', value: 0 });
    for (const text of [`192.0.2.${number}/24`, `2001:db8::${number}/64`]) {
      kernel.call('interface.addAddress', { name: 'vr0', address: parsePrefix(text)!, alias: false });
    }
    kernel.setLink(on, true);
    return client;
  }

  /** A turn of the kernels, a turn of everything else, until `stop`. */
  private async run(): Promise<void> {
    while (this.running) {
      this.now = Math.floor((performance.now() - this.origin) * 1000);
      for (let i = 0; i < 100 && this.segment.next <= this.now; i++) this.segment.deliver();
      this.a.kernel.advance(this.now);
      this.b.kernel.advance(this.now);
      await turn();
    }
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.ended;
  }
}
