// SPDX-License-Identifier: ISC
//
// A world of kernels and stations on segments, in virtual time: nothing happens but in `run`, and the same world built twice does the
// same to the byte.

import { parseLinkAddress, parsePrefix } from '../../appliance/abi/addressText.ts';
import type {
  Answer,
  CallName,
  EventName,
  Events,
  KernelClient,
  KernelEvent,
  Request,
} from '../../appliance/abi/client.ts';
import { cryptography } from '../../appliance/host/cryptography.ts';
import { Kernel } from '../../appliance/kernel/kernel.ts';
import type { Interface } from '../../appliance/kernel/link/interface.ts';
import { Packet } from '../../appliance/kernel/packet.ts';
import * as pcap from '../../appliance/wire/pcap.ts';
import { type Port, Segment, type SegmentOptions } from '../../drivers/memory.ts';
import { moved, type Statistics } from './expect.ts';
import { settle } from './settle.ts';

/** More steps than this at one instant is a loop that does not end. */
const MAXIMUM_STEPS_AT_ONCE = 100_000;

/** A frame as a segment saw it go in. */
export interface Recorded {
  readonly time: number;
  readonly from: string;
  readonly bytes: Uint8Array;
}

export type WireOptions = Omit<SegmentOptions, 'clock' | 'capture'>;

/** A segment that remembers what went over it. */
export class Wire {
  readonly segment: Segment;
  readonly recorded: Recorded[] = [];

  constructor(clock: { readonly now: number }, options: WireOptions) {
    this.segment = new Segment({
      ...options,
      clock,
      capture: (bytes, from) => this.recorded.push({ time: clock.now, from: from.name, bytes }),
    });
  }

  /** The frames since the last `take`. */
  take(): Uint8Array[] {
    return this.recorded.splice(0).map((record) => record.bytes);
  }

  /** What went over it since the last `take` as a capture file, its clock starting with the world's. */
  pcap(): Uint8Array {
    const lengths = this.recorded.map((record) => pcap.RECORD_HEADER_LENGTH + record.bytes.length);
    const file = new Uint8Array(lengths.reduce((sum, length) => sum + length, pcap.FILE_HEADER_LENGTH));
    pcap.writeFileHeader(file, 0, pcap.LINK_ETHERNET, pcap.MAXIMUM_SNAPLEN);
    let at = pcap.FILE_HEADER_LENGTH;
    for (const { time, bytes } of this.recorded) {
      const seconds = Math.floor(time / 1_000_000);
      pcap.writeRecordHeader(file, at, seconds, time - 1_000_000 * seconds, bytes.length, bytes.length);
      file.set(bytes, pcap.frameAt(at));
      at = pcap.frameAt(at) + bytes.length;
    }
    return file;
  }
}

/** A kernel in the world, with what it said. */
export class Host {
  readonly name: string;
  readonly kernel: Kernel;
  readonly events: KernelEvent[] = [];
  private readonly listeners: ((event: KernelEvent) => void)[] = [];
  private readonly number: number;
  private ports = 0;
  private statistics: Statistics = {};

  constructor(
    name: string,
    number: number,
    now: number,
    seed: readonly [number, number, number, number],
    bootTime = 0,
  ) {
    this.name = name;
    this.number = number;
    this.kernel = new Kernel({ now, bootTime, seed, cryptography, emit: (event) => this.heard(event) });
  }

  private heard(event: KernelEvent): void {
    this.events.push(event);
    for (const listener of [...this.listeners]) listener(event);
  }

  /** Calls `listener` for each event of a kind from now on, until the answer is called. */
  on<E extends EventName>(name: E, listener: (data: Events[E]) => void): () => void {
    const one = (event: KernelEvent) => {
      if (event.event === name) listener(event.data as Events[E]);
    };
    this.listeners.push(one);
    return () => {
      this.listeners.splice(this.listeners.indexOf(one), 1);
    };
  }

  /** The kernel as userland is handed it: answers are promised, and events come after the kernel's step, never within it. */
  get client(): KernelClient {
    return {
      call: async (name, request) => this.call(name, request),
      on: (name, listener) => this.on(name, (data) => queueMicrotask(() => listener(data))),
    };
  }

  call<C extends CallName>(name: C, request: Request<C>): Answer<C> {
    return this.kernel.call(name, request);
  }

  /** Puts an interface on a segment. Its Ethernet address is 02:00:00:00:HOST:PORT, counted from 1, unless it is given. */
  connect(name: string, wire: Wire, options: { linkAddress?: string; mtu?: number } = {}): Connection {
    this.ports++;
    const linkAddress =
      options.linkAddress === undefined
        ? [2, 0, 0, 0, this.number, this.ports]
        : parseLinkAddress(options.linkAddress)!;
    const port = wire.segment.port(`${this.name} ${name}`);
    const on = this.kernel.attach(name, port, { linkAddress, mtu: options.mtu ?? 1500 });
    port.receiver = (packet) => this.kernel.input(packet, on);
    port.carrierChanged = (carrier) => this.kernel.setLink(on, carrier);
    this.kernel.setLink(on, true);
    return { port, on };
  }

  /** `address('vr0', '192.0.2.1/24')`: an alias where the interface has one of that family already. */
  address(name: string, prefix: string): void {
    const address = parsePrefix(prefix);
    if (address === undefined) throw new Error(`not an address: ${prefix}`);
    const known = this.call('interface.list', { name }).flatMap((info) => info.addresses);
    const alias = known.some((one) => one.family === address.family);
    this.call('interface.addAddress', { name, address, alias });
  }

  /** `route('default', '192.0.2.254')`, `route('198.51.100.0/24', '192.0.2.3')`. */
  route(destination: string, gateway: string): void {
    const via = parsePrefix(gateway);
    if (via === undefined) throw new Error(`not an address: ${gateway}`);
    const everything = via.family === 4 ? '0.0.0.0/0' : '::/0';
    const prefix = parsePrefix(destination === 'default' ? everything : destination);
    if (prefix === undefined) throw new Error(`not a destination: ${destination}`);
    this.call('route.add', { destination: prefix, gateway: { family: via.family, words: via.words } });
  }

  /** The counters that moved since the last time this was asked. */
  moved(): Statistics {
    const before = this.statistics;
    this.statistics = this.call('system.statistics', { all: true });
    return moved(before, this.statistics);
  }
}

export interface Connection {
  readonly port: Port;
  readonly on: Interface;
}

/** Somebody on a segment without a kernel: a test that sends and looks at bytes. */
export class Station {
  private readonly port: Port;
  private received: Uint8Array[] = [];
  private readonly packet = new Packet();
  /** Answers what arrives, when set; what it returns is sent. */
  answer: ((frame: Uint8Array) => Uint8Array | undefined) | undefined;

  constructor(port: Port) {
    this.port = port;
    port.receiver = (packet) => {
      const bytes = packet.bytes.slice(packet.link, packet.end);
      this.received.push(bytes);
      const reply = this.answer?.(bytes);
      if (reply !== undefined) this.send(reply);
    };
  }

  /** Sends a frame; `notes` are those of a device that offloads, positions counted from the start of the frame. */
  send(frame: Uint8Array, notes: SegmentNotes = {}): void {
    const { packet } = this;
    packet.reset();
    packet.bytes.set(frame, packet.link);
    packet.end = packet.link + frame.length;
    packet.gsoType = notes.gsoType ?? 0;
    packet.segmentSize = notes.segmentSize ?? 0;
    if (notes.checksumStart !== undefined && notes.checksumField !== undefined) {
      packet.needsChecksum = true;
      packet.checksumStart = packet.link + notes.checksumStart;
      packet.checksumField = packet.link + notes.checksumField;
    }
    const outcome = this.port.transmit(packet);
    if (outcome !== 0) throw new Error(`the segment does not take this frame (${outcome})`);
  }

  /** What arrived since the last time. */
  take(): Uint8Array[] {
    return this.received.splice(0);
  }
}

export interface SegmentNotes {
  readonly gsoType?: number;
  readonly segmentSize?: number;
  readonly checksumStart?: number;
  readonly checksumField?: number;
}

export class World {
  readonly clock = { now: 0 };
  private readonly hosts: Host[] = [];
  private readonly wires: Wire[] = [];
  private readonly actions: { readonly time: number; readonly act: () => void }[] = [];
  private readonly seed: number;

  constructor(seed = 1) {
    this.seed = seed;
  }

  get now(): number {
    return this.clock.now;
  }

  host(name: string): Host {
    const number = this.hosts.length + 1;
    const host = new Host(name, number, this.now, [this.seed, number, 0x72686e65, 1]);
    this.hosts.push(host);
    return host;
  }

  wire(options: WireOptions = {}): Wire {
    const wire = new Wire(this.clock, options);
    this.wires.push(wire);
    return wire;
  }

  station(name: string, wire: Wire): Station {
    return new Station(wire.segment.port(name));
  }

  /** Does something in a while, in microseconds, unless the answer is called before. */
  after(delay: number, act: () => void): () => void {
    const action = { time: this.now + delay, act };
    let at = this.actions.length;
    while (at > 0 && this.actions[at - 1]!.time > action.time) at--;
    this.actions.splice(at, 0, action);
    return () => {
      const place = this.actions.indexOf(action);
      if (place >= 0) this.actions.splice(place, 1);
    };
  }

  /** Lets time pass, in microseconds, and everything happen that is due until then. */
  run(duration: number): void {
    const until = this.now + duration;
    let steps = 0;
    for (let next = this.next(); next <= until; next = this.next()) {
      steps = next > this.now ? 0 : steps + 1;
      if (steps > MAXIMUM_STEPS_AT_ONCE) throw new Error(`the world stands still at ${this.now} µs`);
      this.step(Math.max(next, this.now));
    }
    this.step(until);
  }

  /** The same for worlds with userland in them: whatever waits for a promise goes on before time does. */
  async live(duration: number): Promise<void> {
    const until = this.now + duration;
    await settle();
    for (let next = this.next(); next <= until; next = this.next()) {
      this.step(Math.max(next, this.now));
      await settle();
    }
    this.step(until);
    await settle();
  }

  /** The instant of the next event: a frame that arrives, a kernel's deadline, an action. */
  private next(): number {
    let next = this.actions[0]?.time ?? Number.POSITIVE_INFINITY;
    for (const wire of this.wires) next = Math.min(next, wire.segment.next);
    for (const host of this.hosts) next = Math.min(next, host.kernel.nextDeadline());
    return next;
  }

  /** Timers first, then actions, then frames, each in the order they were made. */
  private step(now: number): void {
    this.clock.now = now;
    for (const host of this.hosts) host.kernel.advance(now);
    while (this.actions.length > 0 && this.actions[0]!.time <= now) this.actions.shift()!.act();
    for (const wire of this.wires) if (wire.segment.next <= now) wire.segment.deliver();
  }
}
