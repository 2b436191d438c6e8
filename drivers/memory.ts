// SPDX-License-Identifier: ISC
//
// Ethernet segments in memory: each port is a device; what goes into one port comes out of all others, a while later. Time is the
// caller's, who delivers frame by frame, so that a run can be repeated; faults are drawn from a source that is handed in.

import {
  type Capabilities,
  type Device,
  NO_CARRIER,
  type Outcome,
  QUEUE_FULL,
  REFUSED,
  TRANSMITTED,
} from '../appliance/kernel/device.ts';
import { GSO_NONE, HEADROOM, Packet } from '../appliance/kernel/packet.ts';
import * as ethernet from '../appliance/wire/ethernet.ts';

/** A plain cable's adapters: nothing is done for the kernel. */
export const NO_OFFLOADS: Capabilities = { checksum: false, tso4: false, tso6: false, uso: false };
/** As a TAP with all of its offloads: frames pass with unfinished checksums and as large segments. */
export const ALL_OFFLOADS: Capabilities = { checksum: true, tso4: true, tso6: true, uso: true };

/** What goes wrong on the way; the parts of one that are not given do not. */
export interface Faults {
  /** The next random number, from 0 up to but not including 1. */
  readonly random: () => number;
  /** Share of frames that are lost, arrive twice, arrive with one bit changed: 0 to 1 each. */
  readonly loss?: number;
  readonly duplication?: number;
  readonly corruption?: number;
  /** Up to this many microseconds more on the way, so that frames overtake one another. */
  readonly jitter?: number;
}

/** Told of each frame that enters the segment, faults or not. The bytes are the frame's own and stay as they are. */
export type CaptureHook = (bytes: Uint8Array, from: Port) => void;

export interface SegmentOptions {
  /** Microseconds since some start. */
  readonly clock: { readonly now: number };
  /** Microseconds on the way; default 10. */
  readonly delay?: number;
  /** Bits per second that each port sends at; default unlimited. */
  readonly rate?: number;
  /** Frames that wait at a port with a rate; default 256. */
  readonly queue?: number;
  /** The longest IP packet in one frame; default 1500. Large segments are longer. */
  readonly mtu?: number;
  /** What its ports take; default NO_OFFLOADS. */
  readonly capabilities?: Capabilities;
  readonly faults?: Faults;
  readonly capture?: CaptureHook;
  /** Whether it is a switch, which sends to the port that an address was last heard at; else every port gets every frame. */
  readonly switched?: boolean;
}

/** A frame on its way, with the notes of a device that offloads; positions count from the start of the frame. */
interface Flight {
  due: number;
  readonly from: Port;
  readonly bytes: Uint8Array;
  readonly needsChecksum: boolean;
  readonly checksumStart: number;
  readonly checksumField: number;
  readonly gsoType: number;
  readonly segmentSize: number;
}

/** Addresses that a switch remembers; it begins anew when there are more. */
const MAXIMUM_LEARNED = 8192;

/** One end of a segment. */
export class Port implements Device {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** Takes each frame that arrives; the packet is the segment's and is used again for the next one. */
  receiver: ((packet: Packet) => void) | undefined;
  /** Told when carrier comes or goes. */
  carrierChanged: ((carrier: boolean) => void) | undefined;
  private readonly segment: Segment;
  private connected = true;
  /** With a rate: when the last bit of what was sent so far is out. */
  private busyUntil = 0;

  constructor(segment: Segment, name: string, capabilities: Capabilities) {
    this.segment = segment;
    this.name = name;
    this.capabilities = capabilities;
  }

  get carrier(): boolean {
    return this.connected;
  }

  /** Plugs the cable in or pulls it out; what is on its way to an unplugged port is lost. */
  set carrier(connected: boolean) {
    if (this.connected === connected) return;
    this.connected = connected;
    this.carrierChanged?.(connected);
  }

  transmit(packet: Packet): Outcome {
    return this.connected ? this.segment.send(this, packet) : NO_CARRIER;
  }

  /** When a frame of this many bytes is out, at `rate`; -1 when too many wait. */
  reserve(now: number, bytes: number, rate: number, queue: number): number {
    const duration = (bytes * 8_000_000) / rate;
    const start = Math.max(now, this.busyUntil);
    if (start - now > queue * duration) return -1;
    this.busyUntil = start + duration;
    return this.busyUntil;
  }
}

export class Segment {
  private readonly ports: Port[] = [];
  private readonly clock: { readonly now: number };
  private readonly delay: number;
  private readonly rate: number;
  private readonly queue: number;
  private readonly mtu: number;
  private readonly capabilities: Capabilities;
  private readonly faults: Faults | undefined;
  private readonly capture: CaptureHook | undefined;
  /** By time of arrival; of equal ones the one that was sent first. Those before `head` have arrived. */
  private flights: Flight[] = [];
  private head = 0;
  private readonly packet = new Packet();
  /** A switch's forwarding table, by Ethernet address as a number. */
  private readonly learned: Map<number, Port> | undefined;

  constructor(options: SegmentOptions) {
    this.clock = options.clock;
    this.delay = options.delay ?? 10;
    this.rate = options.rate ?? Number.POSITIVE_INFINITY;
    this.queue = options.queue ?? 256;
    this.mtu = options.mtu ?? 1500;
    this.capabilities = options.capabilities ?? NO_OFFLOADS;
    this.faults = options.faults;
    this.capture = options.capture;
    this.learned = options.switched ? new Map() : undefined;
  }

  /** A further port, plugged in. */
  port(name: string): Port {
    const port = new Port(this, name, this.capabilities);
    this.ports.push(port);
    return port;
  }

  /** When the next frame arrives, Infinity when none is on its way. */
  get next(): number {
    return this.flights[this.head]?.due ?? Number.POSITIVE_INFINITY;
  }

  /** Hands the next frame to every port but its own. It must be due. */
  deliver(): void {
    const flight = this.flights[this.head];
    if (flight === undefined) return;
    this.head++;
    if (this.head === this.flights.length || this.head === 4096) {
      this.flights = this.flights.slice(this.head);
      this.head = 0;
    }
    const only = this.learned === undefined ? undefined : this.switchPort(flight, this.learned);
    for (const port of this.ports) {
      if (port === flight.from || !port.carrier || port.receiver === undefined) continue;
      if (only !== undefined && port !== only) continue;
      unpack(flight, this.packet);
      port.receiver(this.packet);
    }
  }

  /** Learns where the sender is; answers the port of the receiver, undefined where everyone is to get the frame. */
  private switchPort({ bytes, from }: Flight, learned: Map<number, Port>): Port | undefined {
    if (learned.size >= MAXIMUM_LEARNED) learned.clear();
    learned.set(addressNumber(bytes, ethernet.sourceAt(0)), from);
    return ethernet.isMulticast(bytes, 0)
      ? undefined
      : learned.get(addressNumber(bytes, ethernet.destinationAt(0)));
  }

  /** Takes a copy of a frame from one of its ports. REFUSED when it is one that such a device cannot take. */
  send(from: Port, packet: Packet): Outcome {
    if (!this.accepts(packet)) return REFUSED;
    const length = packet.end - packet.link;
    const out =
      this.rate === Number.POSITIVE_INFINITY
        ? this.clock.now
        : from.reserve(this.clock.now, length, this.rate, this.queue);
    if (out < 0) return QUEUE_FULL;
    const flight = pack(packet, from, Math.ceil(out) + this.delay);
    this.capture?.(flight.bytes, from);
    if (this.faults === undefined) this.launch(flight);
    else this.launchWithFaults(flight, this.faults);
    return TRANSMITTED;
  }

  private accepts(packet: Packet): boolean {
    const length = packet.end - packet.link;
    if (length < ethernet.HEADER_LENGTH) return false;
    if (packet.needsChecksum && !this.capabilities.checksum) return false;
    if (packet.gsoType !== GSO_NONE) {
      return this.capabilities.tso4 || this.capabilities.tso6 || this.capabilities.uso;
    }
    return length <= this.mtu + ethernet.HEADER_LENGTH + ethernet.TAG_LENGTH;
  }

  private launch(flight: Flight): void {
    let at = this.flights.length;
    while (at > this.head && this.flights[at - 1]!.due > flight.due) at--;
    if (at === this.flights.length) this.flights.push(flight);
    else this.flights.splice(at, 0, flight);
  }

  private launchWithFaults(flight: Flight, faults: Faults): void {
    const happens = (share: number | undefined) => share !== undefined && faults.random() < share;
    if (happens(faults.loss)) return;
    const copies = happens(faults.duplication) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const bytes = happens(faults.corruption) ? corrupted(flight.bytes, faults.random) : flight.bytes;
      const late = faults.jitter === undefined ? 0 : Math.floor(faults.random() * faults.jitter);
      this.launch({ ...flight, bytes, due: flight.due + late });
    }
  }
}

/** An Ethernet address as one number. */
function addressNumber(bytes: Uint8Array, at: number): number {
  return ethernet.addressHigh(bytes, at) * 2 ** 32 + (ethernet.addressLow(bytes, at) >>> 0);
}

function pack(packet: Packet, from: Port, due: number): Flight {
  const { link } = packet;
  return {
    due,
    from,
    bytes: packet.bytes.slice(link, packet.end),
    needsChecksum: packet.needsChecksum,
    checksumStart: packet.checksumStart - link,
    checksumField: packet.checksumField - link,
    gsoType: packet.gsoType,
    segmentSize: packet.segmentSize,
  };
}

function unpack(flight: Flight, packet: Packet): void {
  packet.reset();
  packet.bytes.set(flight.bytes, HEADROOM);
  packet.end = HEADROOM + flight.bytes.length;
  packet.needsChecksum = flight.needsChecksum;
  packet.gsoType = flight.gsoType;
  packet.segmentSize = flight.segmentSize;
  if (!flight.needsChecksum) return;
  packet.checksumStart = HEADROOM + flight.checksumStart;
  packet.checksumField = HEADROOM + flight.checksumField;
}

/** The frame with one bit changed, not one of the addresses: those would only lose it. */
function corrupted(bytes: Uint8Array, random: () => number): Uint8Array {
  const copy = bytes.slice();
  const first = 2 * ethernet.ADDRESS_LENGTH;
  const bit = Math.floor(random() * 8 * (copy.length - first));
  copy[first + (bit >>> 3)]! ^= 1 << (bit & 7);
  return copy;
}
