// SPDX-License-Identifier: ISC
//
// All interfaces: attaching, finding, addresses, groups, link state; those who have to do with a change are told of it.

import type { Family } from '../../abi/address.ts';
import { CallError } from '../../abi/errno.ts';
import { IFF_RUNNING, IFF_UP, type InterfaceType } from '../../abi/interface.ts';
import * as ethernet from '../../wire/ethernet.ts';
import type { Device } from '../device.ts';
import { Interface, type InterfaceAddress, type LinkOutput } from './interface.ts';

/** What a part of the kernel may want to know about interfaces; every method is optional. */
export interface InterfaceListener {
  attached?(on: Interface): void;
  detached?(on: Interface): void;
  /** Set up or down, or carrier came or went. */
  stateChanged?(on: Interface): void;
  addressAdded?(on: Interface, address: InterfaceAddress): void;
  addressRemoved?(on: Interface, address: InterfaceAddress): void;
  linkAddressChanged?(on: Interface): void;
  groupsChanged?(on: Interface): void;
}

export class Interfaces implements Iterable<Interface> {
  private list: readonly Interface[] = [];
  /** By index; slot 0 is nobody's. */
  private readonly indexed: (Interface | undefined)[] = [undefined];
  private readonly listeners: InterfaceListener[] = [];

  [Symbol.iterator](): Iterator<Interface> {
    return this.list[Symbol.iterator]();
  }

  listen(listener: InterfaceListener): void {
    this.listeners.push(listener);
  }

  byIndex(index: number): Interface | undefined {
    return this.indexed[index];
  }

  find(name: string): Interface | undefined {
    return this.list.find((one) => one.name === name);
  }

  /** The interface of that name; CallError ENXIO when there is none. */
  get(name: string): Interface {
    const found = this.find(name);
    if (found === undefined) throw new CallError('ENXIO', `${name}: no such interface`);
    return found;
  }

  attach(name: string, type: InterfaceType, out: LinkOutput, device?: Device): Interface {
    if (this.find(name) !== undefined) throw new CallError('EEXIST', `${name}: interface exists`);
    const on = new Interface(name, this.indexed.length, type, out, device);
    this.indexed.push(on);
    this.list = [...this.list, on];
    for (const listener of this.listeners) listener.attached?.(on);
    return on;
  }

  detach(on: Interface): void {
    for (const address of on.addresses) this.removeAddress(on, address);
    this.setFlags(on, on.flags & ~(IFF_UP | IFF_RUNNING));
    this.list = this.list.filter((one) => one !== on);
    this.indexed[on.index] = undefined;
    for (const listener of this.listeners) listener.detached?.(on);
  }

  setFlags(on: Interface, flags: number): void {
    const changed = on.flags ^ flags;
    on.flags = flags;
    if ((changed & (IFF_UP | IFF_RUNNING)) === 0) return;
    for (const listener of this.listeners) listener.stateChanged?.(on);
  }

  setLink(on: Interface, up: boolean): void {
    if (on.link === up) return;
    on.link = up;
    for (const listener of this.listeners) listener.stateChanged?.(on);
  }

  setLinkAddress(on: Interface, address: ArrayLike<number>): void {
    on.linkAddress.set(address);
    on.linkHigh = ethernet.addressHigh(on.linkAddress, 0);
    on.linkLow = ethernet.addressLow(on.linkAddress, 0);
    for (const listener of this.listeners) listener.linkAddressChanged?.(on);
  }

  /**
   * Adds an address, at this place among the others; an equal one is replaced. Setting an address brings the interface up, as
   * SIOCSIFADDR does.
   */
  addAddress(on: Interface, address: InterfaceAddress, place = on.addresses.length): void {
    const same = findAddress(on, address.family, address.words);
    if (same !== undefined) this.removeAddress(on, same);
    // Up first: who is told of that finds the addresses of before, and of this one only below.
    this.setFlags(on, on.flags | IFF_UP);
    on.addresses = [...on.addresses.slice(0, place), address, ...on.addresses.slice(place)];
    for (const listener of this.listeners) listener.addressAdded?.(on, address);
  }

  removeAddress(on: Interface, address: InterfaceAddress): void {
    on.addresses = on.addresses.filter((one) => one !== address);
    for (const listener of this.listeners) listener.addressRemoved?.(on, address);
  }

  setGroup(on: Interface, group: string, member: boolean): void {
    const without = on.groups.filter((one) => one !== group);
    on.groups = member ? [...without, group] : without;
    for (const listener of this.listeners) listener.groupsChanged?.(on);
  }

  /** Interfaces of that name, or members of the group of that name. */
  named(name: string): Interface[] {
    return this.list.filter((on) => on.name === name || on.groups.includes(name));
  }
}

/** An interface's address with exactly these words. */
export function findAddress(
  on: Interface,
  family: Family,
  words: ArrayLike<number>,
): InterfaceAddress | undefined {
  return on.addresses.find(
    (address) => address.family === family && address.words.every((word, i) => word === words[i]),
  );
}
