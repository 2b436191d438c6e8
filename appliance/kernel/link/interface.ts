// SPDX-License-Identifier: ISC
//
// An interface (struct ifnet): name, flags, addresses, groups, counters, and the way out.

import { type Family, INET } from '../../abi/address.ts';
import {
  type AddressState,
  IFF_RUNNING,
  IFF_UP,
  INTERFACE_COUNTERS,
  type InterfaceCounter,
  type InterfaceType,
} from '../../abi/interface.ts';
import type { Device } from '../device.ts';
import type { Packet } from '../packet.ts';

/** Places in `Interface.counters`. */
export const INPUT_PACKETS = place('inputPackets');
export const INPUT_BYTES = place('inputBytes');
export const INPUT_ERRORS = place('inputErrors');
export const INPUT_DROPS = place('inputDrops');
export const INPUT_MULTICASTS = place('inputMulticasts');
export const OUTPUT_PACKETS = place('outputPackets');
export const OUTPUT_BYTES = place('outputBytes');
export const OUTPUT_ERRORS = place('outputErrors');
export const OUTPUT_DROPS = place('outputDrops');
export const OUTPUT_MULTICASTS = place('outputMulticasts');

function place(name: InterfaceCounter): number {
  return INTERFACE_COUNTERS.indexOf(name);
}

/** An address of an interface (struct ifaddr). IPv4 uses the first word only; host bits are kept. */
export class InterfaceAddress {
  readonly family: Family;
  readonly words: Int32Array;
  readonly length: number;
  /** IPv4: directed broadcast address, 0 when there is none. */
  readonly broadcast: number;
  readonly peer: Int32Array | undefined;
  readonly anycast: boolean;
  /** IPv6: not usable while 'tentative' or 'duplicated'. IPv4 addresses are always 'preferred'. */
  state: AddressState = 'preferred';

  constructor(
    family: Family,
    words: readonly number[],
    length: number,
    options: { broadcast?: number; peer?: readonly number[]; anycast?: boolean } = {},
  ) {
    this.family = family;
    this.words = new Int32Array(family === INET ? 1 : 4);
    this.words.set(words);
    this.length = length;
    this.broadcast = options.broadcast ?? 0;
    this.peer = options.peer === undefined ? undefined : Int32Array.from(options.peer);
    this.anycast = options.anycast ?? false;
  }
}

/**
 * How an interface type sends an IP packet (if_output): resolves the next hop, puts the link header in front of
 * `packet.network`, hands it to the device. `nextHop` has one word (IPv4) or four, by `packet.family`; it may be scratch
 * of the caller's and must be copied if kept. Answers an error of `kernel/inet/errors.ts`, 0 when sent or queued for resolution.
 */
export interface LinkOutput {
  output(packet: Packet, on: Interface, nextHop: Int32Array): number;
}

/** Balanced traffic: whether a packet, its IP header checked, is for this machine (carp_lsdrop). */
export interface PacketShare {
  isOurs(packet: Packet): boolean;
}

export class Interface {
  readonly name: string;
  /** 1, 2, …; 0 means 'none' in packets and tables. */
  readonly index: number;
  readonly type: InterfaceType;
  readonly out: LinkOutput;
  /** Absent for loopback and other pseudo devices. */
  readonly device: Device | undefined;
  readonly counters: Float64Array = new Float64Array(INTERFACE_COUNTERS.length);
  readonly linkAddress: Uint8Array = new Uint8Array(6);
  /** The same as two numbers, for comparing; `Interfaces.setLinkAddress` keeps them alike. */
  linkHigh = 0;
  linkLow = 0;
  flags = 0;
  mtu = 1500;
  /** Whether the device has carrier; true where there is nothing to have it. */
  link = true;
  description = '';
  groups: readonly string[] = [];
  /** In the order they were set; per family the first is the main address. */
  addresses: readonly InterfaceAddress[] = [];
  /** pf's `set skip on`. */
  skipFilter = false;
  /** The Ethernet interface that a vlan or carp interface stands on. */
  parent: Interface | undefined;
  /** A vlan's tag, else 0. */
  vlanTag = 0;
  /** carp interfaces that stand on this one; they take frames to addresses of their own. */
  stacked: readonly Interface[] = [];
  /** Whose traffic its packets are for pf: a carp interface's are its parent's. */
  filterOn: Interface = this;
  /** Whose Ethernet address its frames leave with. */
  sendsAs: Interface = this;
  /** Which packets of balanced traffic are this machine's; undefined where all are. */
  share: PacketShare | undefined;
  /** Added to the priority of its routes (if_priority). */
  priority = 0;

  constructor(name: string, index: number, type: InterfaceType, out: LinkOutput, device?: Device) {
    this.name = name;
    this.index = index;
    this.type = type;
    this.out = out;
    this.device = device;
  }

  /** Set up, and with a driver behind it: packets may pass. */
  get running(): boolean {
    return (this.flags & (IFF_UP | IFF_RUNNING)) === (IFF_UP | IFF_RUNNING);
  }

  count(counter: number, amount: number): void {
    this.counters[counter] = this.counters[counter]! + amount;
  }
}
