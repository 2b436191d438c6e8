// SPDX-License-Identifier: ISC
//
// Advertisements that arrive (carp_proto_input): checked in the original's order, then put before the election.

import { INET } from '../../abi/address.ts';
import * as carps from '../../abi/counters/carp.ts';
import * as carp from '../../wire/carp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Clock } from '../clock.ts';
import type { Counters } from '../counters.ts';
import type { Demotion } from '../link/demotion.ts';
import type { Interface } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { Packet } from '../packet.ts';
import type { TransportProtocol } from '../transport/transport.ts';
import type { CarpInterface } from './carpInterface.ts';
import { digest, type HmacSha1, sameDigest } from './digest.ts';
import { decide } from './election.ts';
import type { Vhost } from './vhost.ts';

/** Levels of net.inet.carp.log at which packets are complained about. */
const LOG_LOOP = 4;
const LOG_VERSION = 5;
const LOG_BAD = 6;

/** What the receiver asks of the whole of carp. */
export interface ReceiverHooks {
  /** carp interfaces of a parent. */
  on(parent: Interface): readonly CarpInterface[];
  log(level: number, text: string): void;
  /** Settings of the moment. */
  allow(): boolean;
  preempt(): boolean;
}

export class Receiver implements TransportProtocol {
  private readonly clock: Clock;
  private readonly interfaces: Interfaces;
  private readonly counters: Counters;
  private readonly demotion: Demotion;
  private readonly hmac: HmacSha1;
  private readonly hooks: ReceiverHooks;

  constructor(parts: {
    clock: Clock;
    interfaces: Interfaces;
    counters: Counters;
    demotion: Demotion;
    hmac: HmacSha1;
    hooks: ReceiverHooks;
  }) {
    this.clock = parts.clock;
    this.interfaces = parts.interfaces;
    this.counters = parts.counters;
    this.demotion = parts.demotion;
    this.hmac = parts.hmac;
    this.hooks = parts.hooks;
  }

  input(packet: Packet): void {
    const isV4 = packet.family === INET;
    this.counters.count(isV4 ? carps.RECEIVED4 : carps.RECEIVED6);
    const on = this.interfaces.byIndex(packet.receivedOn);
    if (!this.hooks.allow() || on === undefined) return;
    const parent = this.parentOf(packet, on, isV4);
    if (parent === undefined) {
      return this.refuse(carps.BAD_INTERFACE, LOG_BAD, `packet received on non-carp interface: ${on.name}`);
    }
    const { bytes, network, transport: at } = packet;
    const hops = isV4 ? ipv4.ttl(bytes, network) : ipv6.hopLimit(bytes, network);
    if (hops !== carp.TTL) {
      return this.refuse(carps.BAD_TTL, LOG_VERSION, `received ttl ${hops} != 255 on ${on.name}`);
    }
    if (!carp.valid(bytes, at, packet.end)) {
      return this.refuse(carps.BAD_LENGTH, LOG_BAD, `packet too short ${packet.end - at} on ${on.name}`);
    }
    if (!carp.checksumValid(bytes, at)) {
      return this.refuse(carps.BAD_CHECKSUM, LOG_BAD, `checksum failed on ${on.name}`);
    }
    this.find(packet, parent, isV4);
  }

  /** Nobody quotes our advertisements to any purpose. */
  control(): void {}

  /** The Ethernet interface below: of a carp interface, or of one that a unicast peer speaks to. */
  private parentOf(packet: Packet, on: Interface, isV4: boolean): Interface | undefined {
    if (on.type === 'carp') return on.parent;
    return isV4 && !isGroup(packet) && this.hooks.on(on).length > 0 ? on : undefined;
  }

  private find(packet: Packet, parent: Interface, isV4: boolean): void {
    const { bytes, transport: at } = packet;
    const vhid = carp.vhid(bytes, at);
    const byGroup = !isV4 || isGroup(packet);
    for (const one of this.hooks.on(parent)) {
      const vhost = one.vhosts.find((candidate) => candidate.vhid === vhid);
      const reached = !isV4 || byGroup === (one.peer === 0);
      if (vhost === undefined || !reached || !one.on.running) continue;
      return this.check(packet, one, vhost);
    }
    this.counters.count(carps.BAD_VHID);
  }

  private check(packet: Packet, to: CarpInterface, vhost: Vhost): void {
    const { bytes, transport: at } = packet;
    const version = carp.version(bytes, at);
    if (version !== carp.VERSION) {
      return this.refuse(carps.BAD_VERSION, LOG_VERSION, `invalid version ${version} != ${carp.VERSION}`);
    }
    if (!this.isAuthentic(bytes, at, to, vhost)) {
      return this.refuse(carps.BAD_AUTHENTICATION, LOG_BAD, `${to.on.name}: incorrect hash`);
    }
    const own =
      carp.counterHigh(bytes, at) === vhost.counterHigh && carp.counterLow(bytes, at) === vhost.counterLow;
    if (own) {
      const text = `${to.on.name}: replay or network loop detected`;
      return this.refuse(carps.BAD_AUTHENTICATION, LOG_LOOP, text);
    }
    this.elect(packet, to, vhost);
  }

  private isAuthentic(bytes: Uint8Array, at: number, to: CarpInterface, vhost: Vhost): boolean {
    const high = carp.counterHigh(bytes, at);
    const low = carp.counterLow(bytes, at);
    const { usual, withLinkLocal } = to.messagesOf(vhost);
    const place = carp.digestAt(at);
    if (sameDigest(bytes, place, digest(this.hmac, to.key, usual, high, low))) return true;
    return sameDigest(bytes, place, digest(this.hmac, to.key, withLinkLocal, high, low));
  }

  private elect(packet: Packet, to: CarpInterface, vhost: Vhost): void {
    const { bytes, transport: at } = packet;
    vhost.heard.note(packet, this.clock.now);
    const own = { advbase: to.advbase, advskew: vhost.advskew, demotion: this.demotion.of(to.on) };
    const peer = {
      advbase: carp.advbase(bytes, at),
      advskew: carp.advskew(bytes, at),
      demotion: carp.demote(bytes, at),
    };
    switch (decide(vhost.state, own, peer, this.hooks.preempt())) {
      case 'backup':
        return to.giveWay(vhost);
      case 'master':
        return to.takeOver(vhost);
      case 'wait':
        return to.heard(vhost, packet.family);
      case 'stay':
        return to.contested(vhost);
    }
  }

  private refuse(counter: number, level: number, text: string): void {
    this.counters.count(counter);
    this.hooks.log(level, text);
  }
}

function isGroup(packet: Packet): boolean {
  return ipv4.isMulticast(ipv4.destination(packet.bytes, packet.network));
}
