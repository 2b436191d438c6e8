// SPDX-License-Identifier: ISC
//
// The pure machine: its parts are made and connected here. Frames, time and calls come in; frames, answers and events go out.

import { INET, INET6, ipv4 as ipv4Address, type LinkAddress } from '../abi/address.ts';
import type { Answer, CallName, KernelEvent, Request } from '../abi/client.ts';
import { CallError } from '../abi/errno.ts';
import { IFF_BROADCAST, IFF_MULTICAST, IFF_RUNNING, IFF_SIMPLEX } from '../abi/interface.ts';
import type { Judgement, PacketDirection } from '../abi/judgement.ts';
import { HEADER_LENGTH } from '../wire/ethernet.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4.ts';
import { type CallTable, tableOfCalls } from './calls.ts';
import { CarpHandlers } from './carp/calls.ts';
import { Carp } from './carp/carp.ts';
import type { HmacSha1 } from './carp/digest.ts';
import type { Device } from './device.ts';
import { type Ground, Inet } from './inet/inet.ts';
import { Inet6 } from './inet6/inet6.ts';
import { Captures } from './link/capture.ts';
import { Ethernet } from './link/ethernet.ts';
import { type Interface, InterfaceAddress } from './link/interface.ts';
import { InterfaceHandlers } from './link/interfaceCalls.ts';
import { Interfaces } from './link/interfaces.ts';
import { Loopback } from './link/loopback.ts';
import { neighborCalls } from './link/neighborCalls.ts';
import type { Memory } from './memory.ts';
import { MAXIMUM_FRAME, type Packet, PacketPool } from './packet.ts';
import { PfHandlers } from './pf/calls.ts';
import { judge } from './pf/judge.ts';
import { Pf } from './pf/pf.ts';
import { PfsyncHandlers } from './pfsync/calls.ts';
import { Pfsync } from './pfsync/pfsync.ts';
import { SavedStates } from './pfsync/savedStates.ts';
import type { MakeCipher } from './pfsync/seal.ts';
import { Random } from './random.ts';
import { ConnectedRoutes } from './route/connected.ts';
import { RouteHandlers } from './route/routeCalls.ts';
import { Routes } from './route/routes.ts';
import { Sysctl } from './sysctl.ts';
import { Timeouts } from './timeout.ts';
import { Raw } from './transport/raw.ts';
import { SocketTable } from './transport/socket.ts';
import { socketCalls } from './transport/sockets.ts';
import { Tcp } from './transport/tcp/tcp.ts';
import { Udp } from './transport/udp.ts';

const LOOPBACK = 0x7f000001;

/** Handed in: the kernel has none of its own. */
export interface Cryptography {
  /** HMAC-SHA1 (RFC 2104), for carp. */
  readonly hmacSha1: HmacSha1;
  /** AES-256-GCM, for pfsync with a key. */
  readonly aesGcm: MakeCipher;
}

export interface KernelOptions {
  /** Microseconds since boot at the start; usually 0. */
  readonly now: number;
  /** When that was, seconds since the epoch: ids of states begin there, so that they rise from boot to boot. Absent: 0. */
  readonly bootTime?: number;
  /** Four 32-bit words. */
  readonly seed: readonly number[];
  readonly cryptography: Cryptography;
  /** Absent: memory like any other. */
  readonly memory?: Memory;
  /** Takes events as they happen, within the step that causes them. */
  readonly emit: (event: KernelEvent) => void;
}

export class Kernel {
  readonly interfaces = new Interfaces();
  private readonly clock = { now: 0 };
  private readonly timeouts = new Timeouts(this.clock);
  private readonly ethernet: Ethernet;
  private readonly loopback: Loopback;
  private readonly calls: CallTable;
  private readonly pool: PacketPool;
  private readonly inet: Inet;
  private readonly inet6: Inet6;
  private readonly pf: Pf;

  constructor(options: KernelOptions) {
    this.clock.now = options.now;
    const { clock, timeouts, interfaces } = this;
    const { emit } = options;
    const pool = new PacketPool();
    const random = new Random(options.seed);
    const sysctl = new Sysctl();
    const routes = new Routes();
    const captures = new Captures({ interfaces, clock, pool, emit });
    const ethernet = new Ethernet({ interfaces, captures, pool });
    const loopback = new Loopback({ pool, captures, counters: ethernet.counters });
    this.ethernet = ethernet;
    this.loopback = loopback;
    new ConnectedRoutes({ routes, interfaces, loopback: () => interfaces.get('lo0') });
    const ground = { interfaces, ethernet, routes, clock, timeouts, random, pool, sysctl, emit };
    const inet = new Inet(ground);
    const inet6 = new Inet6(ground);
    loopback.input4 = inet.ip;
    loopback.input6 = inet6.ip;
    const pf = new Pf({
      ...ground,
      bootTime: options.bootTime ?? 0,
      captures,
      ipv4: inet.ip,
      ipv6: inet6.ip,
      ...(options.memory && { memory: options.memory }),
    });
    this.pool = pool;
    this.inet = inet;
    this.inet6 = inet6;
    this.pf = pf;
    inet.ip.filter = pf;
    inet6.ip.filter = pf;
    const transports = connectTransports(ground, inet, inet6);
    const carp = new Carp(ground, inet, inet6, options.cryptography.hmacSha1);
    const pfsync = new Pfsync(pf, captures, carp.demotion);
    const pfsyncHandlers = new PfsyncHandlers(pfsync, interfaces, options.cryptography.aesGcm);
    const carpHandlers = new CarpHandlers(carp, interfaces);
    const interfaceHandlers = new InterfaceHandlers({
      interfaces,
      outputs: { ethernet, loopback },
      clones: {
        adoptCarp: (on) => carp.adopt(on),
        setCarpLinkAddress: (on, address) => carp.setLinkAddress(on, address),
        describeCarp: (on) => carpHandlers.describe(on),
        adoptPfsync: (on) => pfsync.adopt(on),
        describePfsync: (on) => pfsyncHandlers.describe(on),
        goingDown: (on) => carp.goingDown(on),
        groupChanged: (on, group, member) => carp.demotion.moved(on, group, member),
      },
      groupsOf: (on) => [...inet.ip.groups.addresses(on), ...inet6.ip.groups.addresses(on)],
      emit,
    });
    const routeHandlers = new RouteHandlers({
      routes,
      interfaces,
      sources: { 4: inet.ip, 6: inet6.ip },
      emit,
    });
    this.calls = tableOfCalls({
      clock,
      sysctl,
      captures,
      carpHandlers,
      pfsyncHandlers,
      savedStates: new SavedStates(pf.parts),
      interfaceHandlers,
      routeHandlers,
      pfHandlers: new PfHandlers(pf, emit),
      socketCalls: transports.calls,
      neighborCalls: neighborCalls({ 4: inet.table, 6: inet6.table }),
      counters: [
        ...inet.counters,
        ...transports.counters,
        ...inet6.counters,
        carp.counters,
        pfsync.counters,
        ...pf.parts.divert.counters,
        ethernet.counters,
      ],
    });
    this.makeLoopback(interfaceHandlers, routeHandlers);
  }

  /** lo0 with ::1 and 127.0.0.1; the rest of 127/8 is nobody, as netstart(8) has it. */
  private makeLoopback(interfaces: InterfaceHandlers, routes: RouteHandlers): void {
    const gateway = ipv4Address(LOOPBACK);
    const lo0 = interfaces.create('lo0');
    this.interfaces.addAddress(lo0, new InterfaceAddress(INET6, [0, 0, 0, 1], 128));
    this.interfaces.addAddress(lo0, new InterfaceAddress(INET, gateway.words, 8));
    routes.calls['route.add']({ destination: { ...gateway, length: 8 }, gateway, reject: true });
  }

  /** Attaches a driver's device as an Ethernet interface that is running but not yet up. */
  attach(
    name: string,
    device: Device,
    options: { readonly linkAddress: LinkAddress; readonly mtu?: number; readonly link?: boolean },
  ): Interface {
    const on = this.interfaces.attach(name, 'ethernet', this.ethernet, device);
    on.mtu = options.mtu ?? 1500;
    on.link = options.link ?? true;
    this.interfaces.setLinkAddress(on, options.linkAddress);
    this.interfaces.setFlags(on, IFF_BROADCAST | IFF_RUNNING | IFF_SIMPLEX | IFF_MULTICAST);
    return on;
  }

  /** A frame that a device received, at `packet.link`. The packet is the caller's again when this returns. */
  input(packet: Packet, on: Interface): void {
    this.ethernet.input(packet, on);
    this.loopback.drain();
  }

  /** Carrier came or went. */
  setLink(on: Interface, up: boolean): void {
    this.interfaces.setLink(on, up);
    this.loopback.drain();
  }

  /** It is `now` (microseconds since boot, never less than before): fires what is due. */
  advance(now: number): void {
    this.clock.now = now;
    this.timeouts.run();
    this.loopback.drain();
  }

  /** When `advance` is next needed, in microseconds since boot; Infinity when never. */
  nextDeadline(): number {
    return this.loopback.pending ? this.clock.now : this.timeouts.next;
  }

  /**
   * Hands an IP packet to the filter as if it came or went by an interface, and tells in full what it made of it: for kernels that
   * packets are tried in. Undefined for bytes that are no IP packet.
   */
  judge(bytes: Uint8Array, interfaceName: string, direction: PacketDirection): Judgement | undefined {
    const packet = this.pool.take();
    packet.network = packet.link + HEADER_LENGTH;
    packet.bytes.set(bytes.subarray(0, MAXIMUM_FRAME - HEADER_LENGTH), packet.network);
    packet.end = packet.network + Math.min(bytes.length, MAXIMUM_FRAME - HEADER_LENGTH);
    const isReady =
      bytes.length > 0 && (bytes[0]! >>> 4 === 4 ? this.inet : this.inet6).ip.prepareForFilter(packet);
    const judgement = isReady
      ? judge(this.pf, packet, this.interfaces.get(interfaceName), direction)
      : undefined;
    this.pool.give(packet);
    return judgement;
  }

  /** Answers a call, or throws CallError. */
  call<C extends CallName>(name: C, request: Request<C>): Answer<C> {
    if (!Object.hasOwn(this.calls, name)) throw new CallError('EOPNOTSUPP', `${name}: no such call`);
    const handler = this.calls[name] as (request: Request<C>) => Answer<C>;
    const answer = handler(request);
    this.loopback.drain();
    return answer;
  }
}

/** Puts TCP, UDP and raw sockets on top of both families. */
function connectTransports(ground: Ground, inet: Inet, inet6: Inet6) {
  const sockets = new SocketTable();
  const services = { ...ground, sockets, networks: { 4: inet.network, 6: inet6.network } };
  const tcp = new Tcp(services);
  const udp = new Udp(services);
  const raw = new Raw(services);
  for (const { protocols } of [inet.ip, inet6.ip]) {
    protocols[PROTOCOL_TCP] = tcp;
    protocols[PROTOCOL_UDP] = udp;
  }
  for (const part of [inet.ip, inet.icmp, inet6.ip, inet6.icmp]) part.raw = raw;
  return {
    calls: socketCalls(sockets, tcp, udp, raw),
    counters: [tcp.counters, udp.counters, raw.counters],
  };
}
