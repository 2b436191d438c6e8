// SPDX-License-Identifier: ISC
//
// A kernel between two devices in memory that swallow what they are handed, and frames to feed it with.

import type { Prefix } from '../../appliance/abi/address.ts';
import type { Rule } from '../../appliance/abi/rule.ts';
import { cryptography } from '../../appliance/host/cryptography.ts';
import { type Device, TRANSMITTED } from '../../appliance/kernel/device.ts';
import { Kernel } from '../../appliance/kernel/kernel.ts';
import type { Interface } from '../../appliance/kernel/link/interface.ts';
import { HEADROOM, Packet } from '../../appliance/kernel/packet.ts';
import * as checksum from '../../appliance/wire/checksum.ts';
import * as ethernet from '../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../appliance/wire/ipv4.ts';
import * as tcp from '../../appliance/wire/tcp.ts';
import { hugePages } from '../../drivers/hugePages.ts';

const FRAME = 64;
const SERVER = 0xc6336402 | 0; // 198.51.100.2
const CLIENTS = 0xac100000 | 0; // 172.16.0.0
const GATEWAY = 0xc0000209 | 0; // 192.0.2.9
const PORTS = 0x8000;
/** Frames lie ready far behind the one at work, in the same memory. */
const STORE = 32_768;
const [SYN, SYN_ACK, ACK, FIN, FIN_ACK, LAST] = [0, 1, 2, 3, 4, 5].map((i) => STORE + i * FRAME) as [
  number,
  number,
  number,
  number,
  number,
  number,
];
/** A stride that jumps about among the flows, so that no cache helps. */
const STRIDE = 389_171;

const any = { address: { kind: 'any' }, negated: false } as const;
const prefix = (word: number, length: number): Prefix => ({ family: 4, words: [word | 0], length });

/** Rules that this traffic is compared with and does not match, one of them with a table, and at the end one that passes it. */
function rules(count: number): Rule[] {
  const block = { list: 'filter', action: 'block', quick: false, family: 4, protocol: 6 } as const;
  const table: Rule = {
    ...block,
    source: { address: { kind: 'table', name: 't' }, negated: false },
    destination: any,
  };
  const others = Array.from({ length: count - 2 }, (_, i): Rule => {
    const source = prefix(0x0a000000 + i * 16, 28);
    const port = { operator: '=', low: 1 + (i % 1000), high: 0 } as const;
    return {
      ...block,
      source: { address: { kind: 'prefix', prefix: source }, negated: false },
      destination: { ...any, port },
    };
  });
  const flags = { set: 2, mask: 0x12 };
  const state = { keep: 'keep', options: {} } as const;
  return [
    table,
    ...others,
    { list: 'filter', action: 'pass', quick: false, source: any, destination: any, flags, state },
  ];
}

/** Number of the machine, and timeouts of pf's that are not the default. */
export interface BedOptions {
  readonly number?: number;
  readonly timeouts?: Readonly<Record<string, number>>;
}

export class Bed {
  private sent = 0;
  private readonly packet = new Packet();
  private readonly vr0: Interface;
  private readonly vr1: Interface;
  readonly kernel: Kernel;

  constructor(ruleCount: number, entryCount: number, { number = 4, timeouts = {} }: BedOptions = {}) {
    const seed = [1, 2, 3, number] as const;
    const kernel = new Kernel({ now: 0, seed, cryptography, memory: hugePages, emit: () => {} });
    this.kernel = kernel;
    const sink: Device = {
      capabilities: { checksum: false, tso4: false, tso6: false, uso: false },
      transmit: () => {
        this.sent++;
        return TRANSMITTED;
      },
    };
    const add = (name: string, last: number, own: number, neighbor: number) => {
      const on = kernel.attach(name, sink, { linkAddress: [2, 0, 0, 0, 0, last] });
      kernel.call('interface.addAddress', { name, address: prefix(own, 24), alias: false });
      const address = { family: 4, words: [neighbor] } as const;
      kernel.call('neighbor.set', { address, linkAddress: [2, 0, 0, 0, 1, last] });
      return on;
    };
    this.vr0 = add('vr0', 1, 0xc0000201, GATEWAY);
    this.vr1 = add('vr1', 2, 0xc6336401, SERVER);
    kernel.call('sysctl.set', { name: 'net.inet.ip.forwarding', value: 1 });
    const gateway = { family: 4, words: [GATEWAY] } as const;
    kernel.call('route.add', { destination: prefix(CLIENTS, 12), gateway });
    const entries = Array.from({ length: entryCount }, (_, i) => ({
      prefix: prefix(0x0b000000 + i * 7, 32),
      negated: false,
    }));
    kernel.call('pf.load', {
      dialect: 'openbsd',
      anchors: [{ path: '', rules: rules(ruleCount) }],
      tables: [{ anchor: '', name: 't', persist: true, constant: false, counters: false, entries }],
      options: { hostId: number, timeouts, limits: { states: 4_000_000, 'table-entries': 1_000_000 } },
    });
    kernel.call('pf.enable', {});
    this.prepare(SYN, true, tcp.FLAG_SYN, 1000, 0);
    this.prepare(SYN_ACK, false, tcp.FLAG_SYN | tcp.FLAG_ACK, 5000, 1001);
    this.prepare(ACK, true, tcp.FLAG_ACK, 1001, 5001);
    this.prepare(FIN, true, tcp.FLAG_FIN | tcp.FLAG_ACK, 1001, 5001);
    this.prepare(FIN_ACK, false, tcp.FLAG_FIN | tcp.FLAG_ACK, 5001, 1002);
    this.prepare(LAST, true, tcp.FLAG_ACK, 1002, 5002);
  }

  private prepare(at: number, forward: boolean, flags: number, sequence: number, ack: number): void {
    const { bytes } = this.packet;
    const network = at + ethernet.HEADER_LENGTH;
    const length = FRAME - ethernet.HEADER_LENGTH;
    const last = forward ? 1 : 2;
    ethernet.write(bytes, at, 0x0200, last, 0x0200, 0x0100 + last, ethernet.TYPE_IPV4);
    const [from, to] = forward ? [CLIENTS, SERVER] : [SERVER, CLIENTS];
    ipv4.write(bytes, network, 0, length, 0, ipv4.FRAGMENT_DF, 64, ipv4.PROTOCOL_TCP, from, to);
    const [low, high] = forward ? [1024, 80] : [80, 1024];
    tcp.write(bytes, network + ipv4.HEADER_LENGTH, low, high, sequence, ack, flags, 65_535);
  }

  /** Puts a frame of flow `i` in place, the fastest way there is. */
  fill(i: number, from: number): void {
    const { packet } = this;
    const { bytes } = packet;
    packet.reset();
    bytes.copyWithin(HEADROOM, from, from + FRAME);
    packet.end = HEADROOM + FRAME;
    const network = HEADROOM + ethernet.HEADER_LENGTH;
    const client = (CLIENTS + (i >>> 15)) | 0;
    const port = 1024 + (i & (PORTS - 1));
    if (from === SYN_ACK || from === FIN_ACK) {
      ipv4.setDestination(bytes, network, client);
      tcp.setDestinationPort(bytes, network + ipv4.HEADER_LENGTH, port);
    } else {
      ipv4.setSource(bytes, network, client);
      tcp.setSourcePort(bytes, network + ipv4.HEADER_LENGTH, port);
    }
    const before = ipv4.checksum(bytes, network);
    ipv4.setChecksum(bytes, network, checksum.update32(before, CLIENTS, client));
  }

  /** A handshake of each flow from `first` on. */
  connect(first: number, count: number): void {
    for (let i = first; i < first + count; i++) {
      this.pass(i, SYN, this.vr0);
      this.pass(i, SYN_ACK, this.vr1);
      this.pass(i, ACK, this.vr0);
    }
  }

  /** Each flow from `first` on, from its handshake to its last acknowledgment. */
  visit(first: number, count: number): void {
    this.connect(first, count);
    for (let i = first; i < first + count; i++) {
      this.pass(i, FIN, this.vr0);
      this.pass(i, FIN_ACK, this.vr1);
      this.pass(i, LAST, this.vr0);
    }
  }

  private pass(i: number, frame: number, on: Interface): void {
    const before = this.sent;
    this.fill(i, frame);
    this.kernel.input(this.packet, on);
    if (this.sent !== before + 1) throw new Error(`flow ${i} does not pass`);
  }

  /** The first packets of flows from `first` on; answers the milliseconds that the slowest took. */
  open(first: number, count: number): number {
    let longest = 0;
    for (let i = first; i < first + count; i++) {
      const start = performance.now();
      this.pass(i, SYN, this.vr0);
      longest = Math.max(longest, performance.now() - start);
    }
    return longest;
  }

  forward(flows: number, count: number): void {
    const before = this.sent;
    for (let i = 0, flow = 0; i < count; i++, flow = (flow + STRIDE) % flows) {
      this.fill(flow, ACK);
      this.kernel.input(this.packet, this.vr0);
    }
    if (this.sent !== before + count) throw new Error('frames were lost');
  }

  /** Only puts frames in place: what is not the kernel's. */
  idle(flows: number, count: number): void {
    for (let i = 0, flow = 0; i < count; i++, flow = (flow + STRIDE) % flows) this.fill(flow, ACK);
  }
}
