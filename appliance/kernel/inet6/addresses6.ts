// SPDX-License-Identifier: ISC
//
// What an IPv6 address of an interface brings with it (in6.c, in6_ifattach.c): a link-local one, groups, duplicate address detection.

import { INET6 } from '../../abi/address.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { type Interface, InterfaceAddress } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { Dad } from './dad.ts';
import type { Ipv6 } from './ipv6.ts';
import type { Mld } from './mld.ts';
import { type Nd6, solicitedNodeGroup } from './nd6.ts';
import { ALL_NODES } from './ndMessages.ts';

export class Addresses6 {
  private readonly ip: Ipv6;
  private readonly interfaces: Interfaces;
  private readonly cache: Nd6;
  private readonly dad: Dad;
  private readonly mld: Mld;
  /** Interfaces that were up with carrier when last seen. */
  private readonly up = new Set<Interface>();

  constructor(parts: { ip: Ipv6; cache: Nd6; dad: Dad; mld: Mld }) {
    this.ip = parts.ip;
    this.interfaces = parts.ip.interfaces;
    this.cache = parts.cache;
    this.dad = parts.dad;
    this.mld = parts.mld;
    this.interfaces.listen({
      addressAdded: (on, address) => {
        if (address.family === INET6) this.added(on, address);
      },
      addressRemoved: (on, address) => {
        if (address.family === INET6) this.removed(on, address);
      },
      stateChanged: (on) => this.stateChanged(on),
      detached: (on) => this.cache.forget(on),
    });
  }

  private added(on: Interface, address: InterfaceAddress): void {
    const isFirst = addressesOf(on).length === 1;
    this.dad.mark(on, address); // before anything is sent that could have it as its source
    if (isFirst) this.ip.groups.join(on, ALL_NODES);
    this.ip.groups.join(on, solicitedNodeGroup(address.words, new Int32Array(4)));
    this.ip.local.rebuild(this.interfaces);
    this.dad.start(on, address);
    if (isFirst && !ipv6.isLinkLocal(address.words[0]!)) this.addLinkLocal(on);
  }

  private removed(on: Interface, address: InterfaceAddress): void {
    this.dad.stop(address);
    this.ip.groups.leave(on, solicitedNodeGroup(address.words, new Int32Array(4)));
    if (addressesOf(on).length === 0) this.ip.groups.leave(on, ALL_NODES);
    this.ip.local.rebuild(this.interfaces);
  }

  /** IPv6 begins on this interface: it gets the address that every one has, listed first (RFC 4862 5.3, in6_ifattach). */
  private addLinkLocal(on: Interface): void {
    const words = linkLocalFor(on);
    if (words === undefined) return;
    const address = new InterfaceAddress(INET6, words, 64);
    this.interfaces.addAddress(on, address);
    const others = on.addresses.filter((one) => one !== address);
    const place = others.findIndex((one) => one.family === INET6);
    on.addresses = [...others.slice(0, place), address, ...others.slice(place)];
  }

  /** Carrier came: addresses are checked and groups reported to whoever is there now. It went: so did the neighbours. */
  private stateChanged(on: Interface): void {
    const up = on.running && on.link;
    if (up === this.up.has(on)) return;
    if (!up) {
      this.up.delete(on);
      this.cache.forget(on);
      return;
    }
    this.up.add(on);
    this.mld.reportAll(on);
    for (const address of addressesOf(on)) this.dad.start(on, address);
  }
}

function addressesOf(on: Interface): readonly InterfaceAddress[] {
  return on.addresses.filter((address) => address.family === INET6);
}

/** fe80:: with the modified EUI-64 of the Ethernet address (RFC 2464 4, 5); fe80::1 on loopback; none where there is neither. */
function linkLocalFor(on: Interface): number[] | undefined {
  if (on.type === 'loopback') return [LINK_LOCAL, 0, 0, 1];
  if (on.type === 'pfsync' || on.type === 'pflog') return undefined;
  const high = ethernet.addressHigh(on.linkAddress, 0);
  const low = ethernet.addressLow(on.linkAddress, 0);
  const second = ((high ^ UNIVERSAL) << 16) | ((low >>> 24) << 8) | 0xff;
  return [LINK_LOCAL, 0, second, 0xfe000000 | (low & 0xffffff)];
}

const LINK_LOCAL = 0xfe800000 | 0;
/** The universal/local bit of an Ethernet address, in its high 16 bits. */
const UNIVERSAL = 0x0200;
