// SPDX-License-Identifier: ISC
//
// Kernels on segments in virtual time, where everything goes wrong on request: frames, wires, machines, their clocks.

import { Packet } from '../../appliance/kernel/packet.ts';
import type { Random } from '../../appliance/kernel/random.ts';
import type { Faults } from '../../drivers/memory.ts';
import { type Connection, Host, Station, Wire } from '../support/world.ts';

/** Frames that wait for a machine that stands still; more are lost, as in a driver's ring. */
const RING = 256;
const MAXIMUM_STEPS_AT_ONCE = 100_000;

/** What a wire does to frames at the moment. */
class WireFaults implements Faults {
  readonly random: () => number;
  loss = 0;
  duplication = 0;
  corruption = 0;
  /** Microseconds. */
  jitter = 0;

  constructor(random: Random) {
    this.random = () => random.below(1 << 30) / (1 << 30);
  }

  clear(): void {
    this.loss = 0;
    this.duplication = 0;
    this.jitter = 0;
  }
}

/** A wire with faults, and who does not hear whom on it. */
export class FaultyWire {
  readonly name: string;
  readonly wire: Wire;
  readonly faults: WireFaults;
  /** Machines that hear nothing, and those that are not heard. */
  readonly deaf = new Set<string>();

  constructor(name: string, clock: { readonly now: number }, random: Random) {
    this.name = name;
    this.faults = new WireFaults(random);
    this.wire = new Wire(clock, { faults: this.faults, delay: 50 });
  }
}

/** Somebody on a wire who sends, and need not listen: what goes over it is recorded anyway. */
export function speaker({ wire }: FaultyWire, name: string): Station {
  const port = wire.segment.port(name);
  const station = new Station(port);
  port.receiver = undefined;
  return station;
}

/** A machine: its kernel, its own clock, and whether it runs at all. */
export class Machine {
  readonly host: Host;
  readonly links = new Map<string, Connection>();
  alive = true;
  private readonly born: number;
  /** Its clock runs at this rate, and has jumped by so many microseconds. */
  rate = 1;
  private jumped = 0;
  private rateSince: number;
  private stalledUntil = 0;
  private readonly ring: { readonly bytes: Uint8Array; readonly link: Connection }[] = [];
  private readonly packet = new Packet();

  constructor(host: Host, now: number) {
    this.host = host;
    this.born = now;
    this.rateSince = now;
  }

  /** What its kernel takes for the time. */
  timeAt(now: number): number {
    return Math.floor(this.rateSince - this.born + this.jumped + (now - this.rateSince) * this.rate);
  }

  /** When its kernel is to be called next, in the world's time. */
  nextAt(now: number): number {
    if (!this.alive) return Number.POSITIVE_INFINITY;
    const deadline = this.host.kernel.nextDeadline();
    if (deadline === Number.POSITIVE_INFINITY) return this.stalledUntil > now ? this.stalledUntil : deadline;
    const at = Math.ceil(now + Math.max(0, deadline - this.timeAt(now)) / this.rate);
    return Math.max(at, this.stalledUntil);
  }

  setRate(rate: number, now: number): void {
    this.jumped += (now - this.rateSince) * this.rate - (now - this.rateSince);
    this.rateSince = now;
    this.rate = rate;
  }

  /** Its clock goes forward at once. */
  jump(microseconds: number): void {
    this.jumped += microseconds;
  }

  /** It does nothing for a while; frames wait. */
  stall(now: number, duration: number): void {
    this.stalledUntil = now + duration;
  }

  isStalled(now: number): boolean {
    return now < this.stalledUntil;
  }

  advance(now: number): void {
    if (!this.alive || this.isStalled(now)) return;
    this.host.kernel.advance(this.timeAt(now));
    for (const { bytes, link } of this.ring.splice(0)) {
      this.packet.reset();
      this.packet.bytes.set(bytes, this.packet.link);
      this.packet.end = this.packet.link + bytes.length;
      this.host.kernel.input(this.packet, link.on);
    }
  }

  receive(packet: Packet, link: Connection, now: number): void {
    if (!this.alive) return;
    if (this.isStalled(now)) {
      if (this.ring.length < RING)
        this.ring.push({ bytes: packet.bytes.slice(packet.link, packet.end), link });
      return;
    }
    this.host.kernel.input(packet, link.on);
  }

  /** Gone at once, as by kill -9. */
  kill(): void {
    this.alive = false;
    for (const { port } of this.links.values()) port.carrier = false;
  }
}

export class FaultyNetwork {
  readonly clock = { now: 0 };
  readonly random: Random;
  readonly wires = new Map<string, FaultyWire>();
  private machines: Machine[] = [];
  private readonly actions: { readonly time: number; readonly act: () => void }[] = [];
  private made = 0;

  constructor(random: Random) {
    this.random = random;
  }

  get now(): number {
    return this.clock.now;
  }

  wire(name: string): FaultyWire {
    const wire = new FaultyWire(name, this.clock, this.random);
    this.wires.set(name, wire);
    return wire;
  }

  machine(name: string): Machine {
    this.made++;
    const seed = [this.random.word(), this.random.word(), this.random.word(), this.made] as const;
    const machine = new Machine(new Host(name, this.made, 0, seed), this.now);
    this.machines.push(machine);
    return machine;
  }

  /** Puts an interface of a machine on a wire; who is deaf there gets nothing. */
  connect(machine: Machine, name: string, to: FaultyWire, linkAddress: string): void {
    const link = machine.host.connect(name, to.wire, { linkAddress });
    machine.links.set(name, link);
    link.port.receiver = (packet) => {
      if (!to.deaf.has(machine.host.name)) machine.receive(packet, link, this.now);
    };
  }

  /** Takes a machine that was killed away for good. */
  remove(machine: Machine): void {
    this.machines = this.machines.filter((one) => one !== machine);
  }

  after(delay: number, act: () => void): void {
    const action = { time: this.now + delay, act };
    let at = this.actions.length;
    while (at > 0 && this.actions[at - 1]!.time > action.time) at--;
    this.actions.splice(at, 0, action);
  }

  /** Lets time pass, in microseconds. */
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

  private next(): number {
    let next = this.actions[0]?.time ?? Number.POSITIVE_INFINITY;
    for (const { wire } of this.wires.values()) next = Math.min(next, wire.segment.next);
    for (const machine of this.machines) next = Math.min(next, machine.nextAt(this.now));
    return next;
  }

  private step(now: number): void {
    this.clock.now = now;
    for (const machine of this.machines) machine.advance(now);
    while (this.actions.length > 0 && this.actions[0]!.time <= now) this.actions.shift()!.act();
    for (const { wire } of this.wires.values()) if (wire.segment.next <= now) wire.segment.deliver();
  }
}
