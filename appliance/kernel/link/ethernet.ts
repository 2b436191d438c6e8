// SPDX-License-Identifier: ISC
//
// Ethernet II and 802.1Q (ether_input, ether_output, vlan(4)): whose frame it is, what it carries, and how packets leave.

import * as ethers from '../../abi/counters/ether.ts';
import { IFF_PROMISC, IFF_UP } from '../../abi/interface.ts';
import * as carp from '../../wire/carp.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { Counters } from '../counters.ts';
import { QUEUE_FULL, TRANSMITTED } from '../device.ts';
import { NETWORK_DOWN, NO_BUFFERS, OK } from '../inet/errors.ts';
import { GSO_NONE, type Packet, type PacketPool } from '../packet.ts';
import type { Captures } from './capture.ts';
import {
  INPUT_BYTES,
  INPUT_DROPS,
  INPUT_ERRORS,
  INPUT_MULTICASTS,
  INPUT_PACKETS,
  type Interface,
  type LinkOutput,
  OUTPUT_BYTES,
  OUTPUT_DROPS,
  OUTPUT_ERRORS,
  OUTPUT_MULTICASTS,
  OUTPUT_PACKETS,
} from './interface.ts';
import type { Interfaces } from './interfaces.ts';
import { cut, finishChecksum, notesValid, type PieceSink, pieces, takesWhole } from './offload.ts';

/** What an EtherType leads to; `packet.network` is at its header. */
export interface EtherProtocol {
  input(packet: Packet, on: Interface): void;
}

/** A neighbour whose Ethernet address is known. */
export interface LinkTarget {
  readonly linkHigh: number;
  readonly linkLow: number;
}

/** ARP or ND: finds the next hop's Ethernet address, or keeps a copy of the packet and sends it when the answer comes. */
export interface Resolver {
  resolve(packet: Packet, on: Interface, nextHop: Int32Array): LinkTarget | number | undefined;
}

/** A multicast or extra unicast address that an interface listens to, and how often it was asked for. */
interface Listening {
  readonly high: number;
  readonly low: number;
  users: number;
}

/** carp's virtual addresses, which for `balancing ip` have the group bit set (00:00:5e:00:01:VHID, 01:00:5e:00:01:VHID). */
function isVirtual(high: number, low: number): boolean {
  return (high & ~ethernet.GROUP4_HIGH) === carp.LLADDR_HIGH && (low & ~0xff) === carp.LLADDR_LOW;
}

const WRITE_TAG_ROOM = ethernet.HEADER_LENGTH;

export class Ethernet implements LinkOutput, PieceSink {
  readonly counters = new Counters(ethers.ETHER);
  /** ARP answers for IPv4, ND for IPv6; they register themselves. */
  resolver4: Resolver | undefined;
  resolver6: Resolver | undefined;
  private readonly interfaces: Interfaces;
  private readonly captures: Captures;
  private readonly pool: PacketPool;
  private readonly types: number[] = [];
  private readonly handlers: EtherProtocol[] = [];
  /** What each interface listens to, by its index. */
  private readonly listening: (Listening[] | undefined)[] = [];
  /** Where the pieces of the segment being cut go. */
  private cutOn: Interface | undefined;
  private cutOutcome = OK;

  constructor(parts: { interfaces: Interfaces; captures: Captures; pool: PacketPool }) {
    this.interfaces = parts.interfaces;
    this.captures = parts.captures;
    this.pool = parts.pool;
    this.interfaces.listen({
      detached: (on) => {
        this.listening[on.index] = undefined;
      },
    });
  }

  /** Registers what frames of an EtherType lead to. */
  register(type: number, protocol: EtherProtocol): void {
    this.types.push(type);
    this.handlers.push(protocol);
  }

  /** Listens to a multicast (or a further unicast) address; counted, so that joining twice needs leaving twice. */
  joinGroup(on: Interface, high: number, low: number): void {
    const groups = this.listening[on.index] ?? [];
    const known = groups.find((group) => group.high === high && group.low === (low | 0));
    if (known !== undefined) known.users++;
    else groups.push({ high, low: low | 0, users: 1 });
    this.listening[on.index] = groups;
  }

  leaveGroup(on: Interface, high: number, low: number): void {
    const groups = this.listening[on.index] ?? [];
    const known = groups.find((group) => group.high === high && group.low === (low | 0));
    if (known === undefined || --known.users > 0) return;
    groups.splice(groups.indexOf(known), 1);
  }

  /** As `joinGroup` and `leaveGroup`, for an address of six bytes. */
  joinAddress(on: Interface, address: ArrayLike<number>): void {
    const bytes = Uint8Array.from(address);
    this.joinGroup(on, ethernet.addressHigh(bytes, 0), ethernet.addressLow(bytes, 0));
  }

  leaveAddress(on: Interface, address: ArrayLike<number>): void {
    const bytes = Uint8Array.from(address);
    this.leaveGroup(on, ethernet.addressHigh(bytes, 0), ethernet.addressLow(bytes, 0));
  }

  /** A frame from a device, at `packet.link`. */
  input(packet: Packet, on: Interface): void {
    packet.receivedOn = on.index;
    if (!notesValid(packet)) return this.drop(on, INPUT_ERRORS, ethers.BAD_NOTES);
    on.count(INPUT_PACKETS, pieces(packet));
    on.count(INPUT_BYTES, packet.end - packet.link);
    this.captures.frame(packet, on);
    if (!on.running) return this.drop(on, INPUT_DROPS, ethers.INTERFACE_DOWN);
    if (!ethernet.valid(packet.bytes, packet.link, packet.end)) {
      return this.drop(on, INPUT_ERRORS, ethers.TOO_SHORT);
    }
    if (on.stacked.length > 0 && this.inputStacked(packet, on)) return;
    if (!this.isForUs(packet, on)) return this.counters.count(ethers.NOT_FOR_US);
    if (ethernet.type(packet.bytes, packet.link) === ethernet.TYPE_VLAN) return this.inputTagged(packet, on);
    this.dispatch(packet, on, ethernet.type(packet.bytes, packet.link));
  }

  /** Own address, broadcast, or a group that someone on this interface joined; says in the packet which. */
  private isForUs(packet: Packet, on: Interface): boolean {
    const { bytes, link } = packet;
    const high = ethernet.destinationHigh(bytes, link);
    const low = ethernet.destinationLow(bytes, link);
    if (high === on.linkHigh && low === on.linkLow) return true;
    if (ethernet.isBroadcast(bytes, link)) {
      packet.linkBroadcast = true;
      on.count(INPUT_MULTICASTS, 1);
      return true;
    }
    if (ethernet.isMulticast(bytes, link)) {
      packet.linkMulticast = true;
      on.count(INPUT_MULTICASTS, 1);
    }
    return this.listensTo(on, high, low) || (packet.linkMulticast && (on.flags & IFF_PROMISC) !== 0);
  }

  /**
   * Frames for the interfaces on top of `on` (carp_input): one to an address of theirs is theirs alone; of one to a group or
   * to everyone each gets a copy, and `on` the frame itself. Answers whether nothing is left for `on`.
   */
  private inputStacked(packet: Packet, on: Interface): boolean {
    const { bytes, link } = packet;
    const high = ethernet.destinationHigh(bytes, link);
    const low = ethernet.destinationLow(bytes, link);
    const isBroadcast = ethernet.isBroadcast(bytes, link);
    for (let i = 0; i < on.stacked.length; i++) {
      const stacked = on.stacked[i]!;
      if ((stacked.flags & IFF_UP) === 0 || !(isBroadcast || this.listensTo(stacked, high, low))) continue;
      const isGroup = ethernet.isMulticast(bytes, link) && !isVirtual(high, low);
      if (!isGroup) {
        this.hand(packet, stacked);
        return true;
      }
      const copy = this.pool.take();
      copy.copyFrom(packet);
      copy.linkBroadcast = isBroadcast;
      copy.linkMulticast = !isBroadcast;
      this.hand(copy, stacked);
      this.pool.give(copy);
    }
    return false;
  }

  /** A frame that came in by the interface below. */
  private hand(packet: Packet, on: Interface): void {
    packet.receivedOn = on.index;
    on.count(INPUT_PACKETS, pieces(packet));
    on.count(INPUT_BYTES, packet.end - packet.link);
    if (packet.linkBroadcast || packet.linkMulticast) on.count(INPUT_MULTICASTS, 1);
    this.captures.frame(packet, on);
    this.dispatch(packet, on, ethernet.type(packet.bytes, packet.link));
  }

  private listensTo(on: Interface, high: number, low: number): boolean {
    const groups = this.listening[on.index];
    if (groups === undefined) return false;
    for (let i = 0; i < groups.length; i++) {
      if (groups[i]!.high === high && groups[i]!.low === low) return true;
    }
    return false;
  }

  /** 802.1Q: tag 0 is only a priority; any other belongs to the vlan interface on top of `on`. */
  private inputTagged(packet: Packet, on: Interface): void {
    const { bytes, link } = packet;
    if (!ethernet.hasTag(bytes, link, packet.end)) return this.drop(on, INPUT_ERRORS, ethers.TOO_SHORT);
    const tag = ethernet.vlan(bytes, link);
    packet.link = ethernet.removeTag(bytes, link);
    if (tag === 0) return this.dispatch(packet, on, ethernet.type(bytes, packet.link));
    for (const vlan of this.interfaces) {
      if (vlan.parent !== on || vlan.vlanTag !== tag || vlan.type !== 'vlan') continue;
      packet.receivedOn = vlan.index;
      vlan.count(INPUT_PACKETS, pieces(packet));
      vlan.count(INPUT_BYTES, packet.end - packet.link);
      this.captures.frame(packet, vlan);
      if (!vlan.running) return this.drop(vlan, INPUT_DROPS, ethers.INTERFACE_DOWN);
      return this.dispatch(packet, vlan, ethernet.type(bytes, packet.link));
    }
    this.drop(on, INPUT_DROPS, ethers.NO_VLAN);
  }

  private dispatch(packet: Packet, on: Interface, type: number): void {
    const types = this.types;
    for (let i = 0; i < types.length; i++) {
      if (types[i] !== type) continue;
      packet.network = packet.link + ethernet.HEADER_LENGTH;
      return this.handlers[i]!.input(packet, on);
    }
    this.drop(on, INPUT_DROPS, ethers.UNKNOWN_TYPE);
  }

  private drop(on: Interface, counter: number, reason: number): void {
    on.count(counter, 1);
    this.counters.count(reason);
  }

  /** Sends an IP packet to a next hop on the link of `on` (ether_output). */
  output(packet: Packet, on: Interface, nextHop: Int32Array): number {
    if (!on.running || !on.link) {
      on.count(OUTPUT_DROPS, 1);
      return NETWORK_DOWN;
    }
    const isV4 = packet.family === 4;
    const type = isV4 ? ethernet.TYPE_IPV4 : ethernet.TYPE_IPV6;
    const word = nextHop[0]!;
    if (isV4 ? ipv4.isMulticast(word) : ipv6.isMulticast(word)) {
      packet.linkMulticast = true;
      if (isV4) return this.send(packet, on, ethernet.GROUP4_HIGH, ethernet.group4Low(word), type);
      return this.send(packet, on, ethernet.GROUP6_HIGH, nextHop[3]!, type);
    }
    if (isV4 && packet.linkBroadcast) {
      return this.send(packet, on, ethernet.BROADCAST_HIGH, ethernet.BROADCAST_LOW, type);
    }
    const target = (isV4 ? this.resolver4 : this.resolver6)?.resolve(packet, on, nextHop);
    if (target === undefined) return OK;
    if (typeof target === 'number') return target;
    return this.send(packet, on, target.linkHigh, target.linkLow, type);
  }

  /** Puts the Ethernet header in front of `packet.network` and transmits. Source is the interface's own address. */
  send(packet: Packet, on: Interface, toHigh: number, toLow: number, type: number): number {
    packet.link = packet.network - WRITE_TAG_ROOM;
    const { linkHigh, linkLow } = on.sendsAs;
    ethernet.write(packet.bytes, packet.link, toHigh, toLow, linkHigh, linkLow, type);
    return this.transmit(packet, on);
  }

  /** A whole frame at `packet.link`: counted, captured, cut where the device needs it, handed to the device. */
  transmit(packet: Packet, on: Interface): number {
    if (!on.running || !on.link) {
      on.count(OUTPUT_DROPS, 1);
      return NETWORK_DOWN;
    }
    this.captures.frame(packet, on);
    if (on.parent !== undefined) return this.transmitBelow(packet, on, on.parent);
    const device = on.device;
    if (device === undefined) {
      on.count(OUTPUT_ERRORS, 1);
      return NETWORK_DOWN;
    }
    if (packet.gsoType !== GSO_NONE && !takesWhole(device.capabilities, packet.gsoType)) {
      return this.transmitPieces(packet, on);
    }
    if (packet.needsChecksum && !device.capabilities.checksum) finishChecksum(packet);
    return this.pass(packet, on);
  }

  /** By the interface that `on` stands on, with a tag if it is a vlan. */
  private transmitBelow(packet: Packet, on: Interface, parent: Interface): number {
    this.countOutput(packet, on);
    if (on.type !== 'vlan') return this.transmit(packet, parent);
    packet.link = ethernet.insertTag(packet.bytes, packet.link, on.vlanTag, 0);
    const outcome = this.transmit(packet, parent);
    packet.link = ethernet.removeTag(packet.bytes, packet.link);
    return outcome;
  }

  private transmitPieces(packet: Packet, on: Interface): number {
    const outer = this.cutOn;
    this.cutOn = on;
    this.cutOutcome = OK;
    cut(packet, this.pool, this);
    this.cutOn = outer;
    return this.cutOutcome;
  }

  piece(packet: Packet): void {
    const outcome = this.pass(packet, this.cutOn!);
    if (outcome !== OK) this.cutOutcome = outcome;
  }

  private pass(packet: Packet, on: Interface): number {
    const outcome = on.device!.transmit(packet);
    if (outcome === TRANSMITTED) {
      this.countOutput(packet, on);
      return OK;
    }
    on.count(outcome === QUEUE_FULL ? OUTPUT_DROPS : OUTPUT_ERRORS, 1);
    return NO_BUFFERS;
  }

  private countOutput(packet: Packet, on: Interface): void {
    on.count(OUTPUT_PACKETS, pieces(packet));
    on.count(OUTPUT_BYTES, packet.end - packet.link);
    if (packet.linkMulticast || packet.linkBroadcast) on.count(OUTPUT_MULTICASTS, 1);
  }
}
