// SPDX-License-Identifier: ISC
//
// pf alone: its parts as the kernel makes them, two interfaces that lead nowhere, packets handed to `test` directly.

import { parsePrefix } from '../../../appliance/abi/addressText.ts';
import type { Handlers, KernelEvent } from '../../../appliance/abi/client.ts';
import type { PfCalls, PfLoad } from '../../../appliance/abi/pf.ts';
import { type Device, TRANSMITTED } from '../../../appliance/kernel/device.ts';
import { Inet } from '../../../appliance/kernel/inet/inet.ts';
import { Inet6 } from '../../../appliance/kernel/inet6/inet6.ts';
import { Captures } from '../../../appliance/kernel/link/capture.ts';
import { Ethernet } from '../../../appliance/kernel/link/ethernet.ts';
import { type Interface, InterfaceAddress } from '../../../appliance/kernel/link/interface.ts';
import { Interfaces } from '../../../appliance/kernel/link/interfaces.ts';
import type { Memory } from '../../../appliance/kernel/memory.ts';
import { Packet, PacketPool } from '../../../appliance/kernel/packet.ts';
import { PfHandlers } from '../../../appliance/kernel/pf/calls.ts';
import { Pf } from '../../../appliance/kernel/pf/pf.ts';
import { Random } from '../../../appliance/kernel/random.ts';
import { ConnectedRoutes } from '../../../appliance/kernel/route/connected.ts';
import { Routes } from '../../../appliance/kernel/route/routes.ts';
import { Sysctl } from '../../../appliance/kernel/sysctl.ts';
import { Timeouts } from '../../../appliance/kernel/timeout.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import type { Network } from '../../support/packets.ts';

const sink: Device = {
  capabilities: { checksum: false, tso4: false, tso6: false, uso: false },
  transmit: () => TRANSMITTED,
};

export class DirectPf {
  readonly clock = { now: 0 };
  readonly pf: Pf;
  readonly calls: Handlers<PfCalls>;
  readonly events: KernelEvent[] = [];
  readonly interfaces = new Interfaces();
  readonly timeouts = new Timeouts(this.clock);
  readonly vr0: Interface;
  readonly vr1: Interface;
  private readonly packet = new Packet();

  constructor(seed = 1, memory?: Memory) {
    const { clock, interfaces, timeouts } = this;
    const emit = (event: KernelEvent) => this.events.push(event);
    const pool = new PacketPool();
    const random = new Random([seed, 2, 3, 4]);
    const captures = new Captures({ interfaces, clock, pool, emit });
    const ethernet = new Ethernet({ interfaces, captures, pool });
    const routes = new Routes();
    new ConnectedRoutes({ routes, interfaces, loopback: () => this.vr0 });
    const sysctl = new Sysctl();
    const ground = { interfaces, ethernet, routes, clock, timeouts, random, pool, sysctl, emit, captures };
    const inet = new Inet(ground);
    const inet6 = new Inet6(ground);
    this.pf = new Pf({ ...ground, bootTime: 0, ipv4: inet.ip, ipv6: inet6.ip, ...(memory && { memory }) });
    this.calls = new PfHandlers(this.pf, emit).calls;
    this.vr0 = interfaces.attach('vr0', 'ethernet', ethernet, sink);
    this.vr1 = interfaces.attach('vr1', 'ethernet', ethernet, sink);
    this.calls['pf.enable']({});
  }

  address(on: Interface, text: string): void {
    const prefix = parsePrefix(text)!;
    this.interfaces.addAddress(on, new InterfaceAddress(prefix.family, prefix.words, prefix.length));
  }

  load(load: Partial<PfLoad>): void {
    this.calls['pf.load']({ dialect: 'openbsd', anchors: [], tables: [], ...load });
  }

  /** Lets seconds pass. */
  pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      this.clock.now += 1_000_000;
      this.timeouts.run();
    }
  }

  /** The packet that a network layer makes; it stays valid until the next one. */
  prepare(network: Network): Packet {
    const { packet } = this;
    packet.reset();
    packet.network = packet.link + 14;
    packet.bytes.set(network.bytes, packet.network);
    packet.end = packet.network + network.bytes.length;
    locate(packet);
    return packet;
  }

  /** Tests a packet; answers PASS, DROP or TAKEN. */
  test(network: Network, on: Interface, direction: number): number {
    return this.pf.test(this.prepare(network), on, direction);
  }
}

/** As IP input leaves a packet for the filter. */
export function locate(packet: Packet): void {
  const { bytes, network } = packet;
  packet.family = ipv4.version(bytes, network) === 4 ? 4 : 6;
  packet.protocol = packet.family === 4 ? ipv4.protocol(bytes, network) : ipv6.nextHeader(bytes, network);
  packet.transport = packet.family === 4 ? ipv4.payloadAt(bytes, network) : ipv6.payloadAt(network);
}
