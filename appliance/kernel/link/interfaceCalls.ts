// SPDX-License-Identifier: ISC
//
// What ifconfig(8) asks of the kernel: listing interfaces, making clones, setting flags, addresses and groups.

import { type Address, addressBits, INET, type LinkAddress, maskWord } from '../../abi/address.ts';
import type { CarpInfo } from '../../abi/carp.ts';
import type { Handlers, KernelEvent } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import {
  type InterfaceAddress as AddressInfo,
  IFF_BROADCAST,
  IFF_LOOPBACK,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_RUNNING,
  IFF_SIMPLEX,
  IFF_UP,
  INTERFACE_COUNTERS,
  type InterfaceCalls,
  type InterfaceCounter,
  type InterfaceInfo,
} from '../../abi/interface.ts';
import type { PfsyncInfo } from '../../abi/pfsync.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { type Interface, InterfaceAddress, type LinkOutput } from './interface.ts';
import { findAddress, type Interfaces } from './interfaces.ts';
import { LOOPBACK_MTU } from './loopback.ts';

const MINIMUM_MTU = 68;
const MAXIMUM_MTU = 65_535;
const MAXIMUM_CLONES = 1_024;

/** What the kinds of interface that stand on others bring along. */
export interface ClonedInterfaces {
  adoptCarp(on: Interface): void;
  setCarpLinkAddress(on: Interface, address: LinkAddress): void;
  describeCarp(on: Interface): CarpInfo | undefined;
  adoptPfsync(on: Interface): void;
  describePfsync(on: Interface): PfsyncInfo | undefined;
  /** It is about to be set down. */
  goingDown(on: Interface): void;
  groupChanged(on: Interface, group: string, member: boolean): void;
}

export class InterfaceHandlers {
  private readonly interfaces: Interfaces;
  private readonly outputs: { readonly ethernet: LinkOutput; readonly loopback: LinkOutput };
  private readonly groupsOf: (on: Interface) => readonly Address[];
  private readonly clones: ClonedInterfaces;

  constructor(parts: {
    interfaces: Interfaces;
    outputs: { readonly ethernet: LinkOutput; readonly loopback: LinkOutput };
    groupsOf: (on: Interface) => readonly Address[];
    clones: ClonedInterfaces;
    emit: (event: KernelEvent) => void;
  }) {
    this.interfaces = parts.interfaces;
    this.outputs = parts.outputs;
    this.groupsOf = parts.groupsOf;
    this.clones = parts.clones;
    this.interfaces.listen({
      stateChanged: (on) => {
        const data = { name: on.name, up: (on.flags & IFF_UP) !== 0, link: on.link };
        parts.emit({ event: 'interface.state', data });
        for (const vlan of this.vlansOn(on)) this.interfaces.setLink(vlan, on.link);
      },
      linkAddressChanged: (on) => {
        for (const vlan of this.vlansOn(on)) this.interfaces.setLinkAddress(vlan, on.linkAddress);
      },
      addressAdded: (on) => parts.emit({ event: 'interface.addresses', data: { name: on.name } }),
      addressRemoved: (on) => parts.emit({ event: 'interface.addresses', data: { name: on.name } }),
    });
  }

  readonly calls: Handlers<InterfaceCalls> = {
    'interface.list': ({ name }) => {
      const all = name === undefined ? [...this.interfaces] : this.interfaces.named(name);
      if (name !== undefined && all.length === 0) throw new CallError('ENXIO', `${name}: no such interface`);
      return all.map((on) => this.describe(on));
    },
    'interface.create': ({ name }) => {
      this.create(name);
      return null;
    },
    'interface.destroy': ({ name }) => {
      const on = this.interfaces.get(name);
      if (on.device !== undefined || name === 'lo0')
        throw new CallError('EINVAL', `${name}: not a cloned interface`);
      this.interfaces.detach(on);
      return null;
    },
    'interface.set': (request) => {
      this.set(this.interfaces.get(request.name), request);
      return null;
    },
    'interface.addAddress': ({ name, address, alias }) => {
      this.addAddress(this.interfaces.get(name), address, alias);
      return null;
    },
    'interface.deleteAddress': ({ name, address }) => {
      const on = this.interfaces.get(name);
      const known = findAddress(on, address.family, address.words);
      if (known === undefined) throw new CallError('EADDRNOTAVAIL');
      this.interfaces.removeAddress(on, known);
      return null;
    },
    'interface.setGroup': ({ name, group, member }) => {
      if (!/^[A-Za-z_.-][\w.-]{0,14}$/.test(group) || /\d$/.test(group)) {
        throw new CallError(
          'EINVAL',
          `${group}: a group name has at most 15 characters and ends in no digit`,
        );
      }
      const on = this.interfaces.get(name);
      if (on.groups.includes(group) === member) return null;
      this.interfaces.setGroup(on, group, member);
      this.clones.groupChanged(on, group, member);
      return null;
    },
    'interface.clearCounters': ({ name }) => {
      for (const on of name === undefined ? this.interfaces : [this.interfaces.get(name)])
        on.counters.fill(0);
      return null;
    },
  };

  /** Makes a loopback, vlan, carp, pfsync or pflog interface; the number is part of the name. */
  create(name: string): Interface {
    const [, kind] = /^(lo|vlan|pflog|carp|pfsync)\d{1,4}$/.exec(name) ?? [];
    if (kind === undefined) throw new CallError('EINVAL', `${name}: no interface of that kind can be made`);
    if ([...this.interfaces].length >= MAXIMUM_CLONES) throw new CallError('ENFILE');
    if (kind === 'carp') {
      const on = this.interfaces.attach(name, 'carp', this.outputs.ethernet);
      this.clones.adoptCarp(on);
      return on;
    }
    if (kind === 'pfsync') {
      if (name !== 'pfsync0') throw new CallError('EINVAL', `${name}: there is only pfsync0`);
      const on = this.interfaces.attach(name, 'pfsync', this.outputs.loopback);
      this.clones.adoptPfsync(on);
      return on;
    }
    if (kind === 'vlan') {
      const on = this.interfaces.attach(name, 'vlan', this.outputs.ethernet);
      this.interfaces.setGroup(on, 'vlan', true);
      return on;
    }
    const on = this.interfaces.attach(name, kind === 'lo' ? 'loopback' : 'pflog', this.outputs.loopback);
    on.mtu = LOOPBACK_MTU;
    if (kind === 'pflog') this.interfaces.setFlags(on, IFF_UP | IFF_RUNNING);
    else this.interfaces.setFlags(on, IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_MULTICAST);
    this.interfaces.setGroup(on, kind, true);
    return on;
  }

  private set(on: Interface, request: InterfaceCalls['interface.set'][0]): void {
    if (request.mtu !== undefined) {
      const most = on.type === 'ethernet' || on.type === 'vlan' ? 9_216 : MAXIMUM_MTU;
      if (!(request.mtu >= MINIMUM_MTU && request.mtu <= most))
        throw new CallError('EINVAL', 'mtu out of range');
      on.mtu = request.mtu;
    }
    if (request.linkAddress !== undefined) {
      if (request.linkAddress.length !== 6 || (request.linkAddress[0]! & 1) !== 0) {
        throw new CallError('EINVAL', 'not a unicast Ethernet address');
      }
      if (on.type === 'carp') this.clones.setCarpLinkAddress(on, request.linkAddress);
      else this.interfaces.setLinkAddress(on, request.linkAddress);
    }
    if (request.description !== undefined) on.description = request.description.slice(0, 64);
    if (request.vlan !== undefined)
      this.setVlan(on, request.vlan.tag, this.interfaces.get(request.vlan.parent));
    let flags = on.flags;
    if (request.noArp !== undefined) flags = request.noArp ? flags | IFF_NOARP : flags & ~IFF_NOARP;
    if (request.up !== undefined) flags = request.up ? flags | IFF_UP : flags & ~IFF_UP;
    if ((on.flags & ~flags & IFF_UP) !== 0) this.clones.goingDown(on);
    this.interfaces.setFlags(on, flags);
  }

  private setVlan(on: Interface, tag: number, parent: Interface): void {
    if (on.type !== 'vlan') throw new CallError('EINVAL', `${on.name}: not a vlan interface`);
    if (parent.type !== 'ethernet')
      throw new CallError('EINVAL', `${parent.name}: not an Ethernet interface`);
    if (!(tag >= 1 && tag <= 4094)) throw new CallError('EINVAL', 'a vlan tag is 1 to 4094');
    const taken = [...this.interfaces].some(
      (one) => one !== on && one.parent === parent && one.vlanTag === tag,
    );
    if (taken) throw new CallError('EEXIST', `vlan tag ${tag} is taken on ${parent.name}`);
    on.vlanTag = tag;
    on.parent = parent;
    on.mtu = parent.mtu;
    this.interfaces.setLinkAddress(on, parent.linkAddress);
    this.interfaces.setLink(on, parent.link);
    this.interfaces.setFlags(on, on.flags | IFF_BROADCAST | IFF_RUNNING | IFF_SIMPLEX | IFF_MULTICAST);
  }

  /** vlan interfaces live on their parent's carrier and have its Ethernet address. */
  private vlansOn(parent: Interface): Interface[] {
    return [...this.interfaces].filter((one) => one.parent === parent && one.type === 'vlan');
  }

  private addAddress(on: Interface, info: AddressInfo, alias: boolean): void {
    const { family, words, length } = info;
    if (words.length !== (family === INET ? 1 : 4) || !(length >= 0 && length <= addressBits(family))) {
      throw new CallError('EINVAL', 'not an address');
    }
    if (on.type === 'carp' && on.parent === undefined) {
      throw new CallError('EINVAL', `${on.name}: a carp interface needs its carpdev before an address`);
    }
    let place = on.addresses.length;
    if (!alias) {
      // An IPv6 interface's own link-local address is nobody's main one.
      const main = on.addresses.find(
        (one) => one.family === family && (family === INET || !ipv6.isLinkLocal(one.words[0]!)),
      );
      if (main !== undefined) {
        place = on.addresses.indexOf(main);
        this.interfaces.removeAddress(on, main);
      }
    }
    const peer = info.peer === undefined ? {} : { peer: info.peer.words };
    const address = new InterfaceAddress(family, words, length, {
      broadcast: family === INET ? (info.broadcast?.words[0] ?? defaultBroadcast(on, words[0]!, length)) : 0,
      anycast: info.anycast ?? false,
      ...peer,
    });
    this.interfaces.addAddress(on, address, place);
  }

  private describe(on: Interface): InterfaceInfo {
    const ethernetLike = on.type === 'ethernet' || on.type === 'vlan' || on.type === 'carp';
    const carp = this.clones.describeCarp(on);
    const pfsync = this.clones.describePfsync(on);
    return {
      name: on.name,
      index: on.index,
      type: on.type,
      flags: on.flags,
      mtu: on.mtu,
      ...(ethernetLike ? { linkAddress: [...on.linkAddress], link: on.link ? 'active' : 'no carrier' } : {}),
      groups: on.groups,
      ...(on.description === '' ? {} : { description: on.description }),
      priority: on.priority,
      addresses: on.addresses.map(describeAddress),
      multicast: this.groupsOf(on),
      counters: Object.fromEntries(INTERFACE_COUNTERS.map((name, i) => [name, on.counters[i]!])) as {
        [K in InterfaceCounter]: number;
      },
      ...(on.parent === undefined || on.type !== 'vlan'
        ? {}
        : { vlan: { tag: on.vlanTag, parent: on.parent.name } }),
      ...(carp === undefined ? {} : { carp }),
      ...(pfsync === undefined ? {} : { pfsync }),
    };
  }
}

function describeAddress(address: InterfaceAddress): AddressInfo {
  const { family, words, length } = address;
  return {
    family,
    words: [...words],
    length,
    ...(address.broadcast === 0 ? {} : { broadcast: { family: INET, words: [address.broadcast] } }),
    ...(address.peer === undefined ? {} : { peer: { family, words: [...address.peer] } }),
    ...(address.anycast ? { anycast: true } : {}),
    state: address.state,
  };
}

/** All host bits one; none on loopbacks and where there are too few hosts. */
function defaultBroadcast(on: Interface, word: number, length: number): number {
  if ((on.flags & IFF_BROADCAST) === 0 || length > 30) return 0;
  return word | ~maskWord(length, 0);
}
