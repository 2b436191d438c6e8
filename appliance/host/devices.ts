// SPDX-License-Identifier: ISC
//
// The devices of a machine as the kernel's thread drives them: TAPs by poll(2), memory segments by the clock, relayed ones by messages.

import { ALL_OFFLOADS, NO_OFFLOADS, Segment } from '../../drivers/memory.ts';
import { Poll } from '../../drivers/poll.ts';
import { TapDevice } from '../../drivers/tap.ts';
import { type Device, type PolledDevice, TRANSMITTED } from '../kernel/device.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Interface } from '../kernel/link/interface.ts';
import { MAXIMUM_FRAME, Packet } from '../kernel/packet.ts';
import type { FrameMessage, HardwareInterface, WorkerStart } from './messages.ts';

/** Frames that one device may bring in one turn, so that it does not starve the others, timers or messages. */
const BUDGET = 64;

interface Polled {
  readonly device: PolledDevice;
  readonly on: Interface;
}

export class Devices {
  private readonly kernel: Kernel;
  private readonly send: (frame: FrameMessage) => void;
  private readonly clock: { readonly now: number };
  private readonly polled: Polled[] = [];
  private readonly segments = new Map<string, Segment>();
  /** By place among the interfaces: those whose frames come as messages. */
  private readonly relayed = new Map<number, Interface>();
  private readonly poll: Poll;
  private readonly packet = new Packet();

  /** Attaches every interface to the kernel. `clock` is the segments'; `send` takes frames of relayed devices. */
  constructor(
    start: WorkerStart,
    kernel: Kernel,
    clock: { readonly now: number },
    send: (frame: FrameMessage) => void,
  ) {
    this.kernel = kernel;
    this.clock = clock;
    this.send = send;
    start.interfaces.forEach((one, place) => {
      this.attach(one, place);
    });
    this.poll = new Poll(
      this.polled.map(({ device }) => device.descriptor),
      start.wake,
    );
  }

  private attach({ name, linkAddress, mtu, device }: HardwareInterface, place: number): void {
    const attach = (driver: Device) => this.kernel.attach(name, driver, { linkAddress, mtu });
    switch (device.kind) {
      case 'tap': {
        const tap = new TapDevice(device);
        this.polled.push({ device: tap, on: attach(tap) });
        return;
      }
      case 'memory': {
        const port = this.segment(device.segment).port(name);
        const on = attach(port);
        port.receiver = (packet) => this.kernel.input(packet, on);
        this.kernel.setLink(on, true);
        return;
      }
      case 'relayed': {
        const on = attach(this.relay(place));
        this.relayed.set(place, on);
        this.kernel.setLink(on, true);
        return;
      }
    }
  }

  private segment(name: string): Segment {
    const known = this.segments.get(name);
    if (known !== undefined) return known;
    const { clock } = this;
    const segment = new Segment({ clock, mtu: MAXIMUM_FRAME, capabilities: ALL_OFFLOADS, switched: true });
    this.segments.set(name, segment);
    return segment;
  }

  private relay(place: number): Device {
    return {
      capabilities: NO_OFFLOADS,
      transmit: (packet) => {
        this.send({ interface: place, frame: packet.bytes.slice(packet.link, packet.end) });
        return TRANSMITTED;
      },
    };
  }

  /** When a segment delivers its next frame, microseconds; Infinity when none does. */
  get next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const segment of this.segments.values()) next = Math.min(next, segment.next);
    return next;
  }

  /**
   * Sleeps until a TAP has a frame, the main thread has something to say, or so many milliseconds are over. Answers whether the main
   * thread has.
   */
  wait(milliseconds: number): boolean {
    return this.poll.wait(milliseconds);
  }

  /**
   * Takes in what has come, up to a budget for each device. `slept`: nothing had come for a while, so that one frame is likely all
   * there is, and a read that finds no second one would be a system call for nothing.
   */
  receive(slept: boolean): void {
    const budget = slept ? 1 : BUDGET;
    for (let i = 0; i < this.polled.length; i++) {
      if (this.poll.readable(i)) this.receiveFrom(this.polled[i]!, budget);
    }
    for (const segment of this.segments.values()) {
      for (let left = BUDGET; left > 0 && segment.next <= this.clock.now; left--) segment.deliver();
    }
  }

  private receiveFrom({ device, on }: Polled, budget: number): void {
    for (let left = budget; left > 0; left--) {
      if (!device.receive(this.packet)) return;
      this.kernel.input(this.packet, on);
    }
  }

  /** A frame that the main thread has received. */
  arrived({ interface: place, frame }: FrameMessage): void {
    const on = this.relayed.get(place);
    if (on === undefined || frame.length > MAXIMUM_FRAME) return;
    const { packet } = this;
    packet.reset();
    packet.bytes.set(frame, packet.link);
    packet.end = packet.link + frame.length;
    this.kernel.input(packet, on);
  }

  /** Tells the kernel which TAPs have carrier. */
  checkCarrier(): void {
    this.poll.carrier();
    for (let i = 0; i < this.polled.length; i++)
      this.kernel.setLink(this.polled[i]!.on, this.poll.hasCarrier(i));
  }

  close(): void {
    for (const { device } of this.polled) device.close();
  }
}
