// SPDX-License-Identifier: ISC
//
// carp(4): all carp interfaces of a machine, put together: their parents, their frames, their advertisements, and what is said of them.

import type { CarpState } from '../../abi/carp.ts';
import type { KernelEvent } from '../../abi/client.ts';
import * as carps from '../../abi/counters/carp.ts';
import { CARP } from '../../abi/counters/carp.ts';
import { IFF_BROADCAST, IFF_MULTICAST, IFF_PROMISC, IFF_RUNNING, IFF_SIMPLEX } from '../../abi/interface.ts';
import * as carp from '../../wire/carp.ts';
import { PROTOCOL_CARP } from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { Counters } from '../counters.ts';
import type { Ground, Inet } from '../inet/inet.ts';
import type { Inet6 } from '../inet6/inet6.ts';
import { Demotion } from '../link/demotion.ts';
import type { Interface } from '../link/interface.ts';
import { Advertiser } from './advertiser.ts';
import { Share } from './balance.ts';
import { CarpInterface, type CarpServices } from './carpInterface.ts';
import type { HmacSha1 } from './digest.ts';
import { Receiver } from './receiver.ts';
import { Vhost } from './vhost.ts';

/** Priority of a carp interface's routes beside its parent's. */
const PRIORITY = 15;
const GROUP6 = Int32Array.of(ipv6.LINK_GROUP_WORD0, 0, 0, carp.GROUP6_WORD3);

/** Levels of net.inet.carp.log. */
const LOG_TRANSITION = 2;
const LOG_DEMOTION = 3;
const LOG_START = 4;

export class Carp {
  readonly counters = new Counters(CARP);
  readonly demotion: Demotion;
  private readonly ground: Ground;
  private readonly inet: Inet;
  private readonly inet6: Inet6;
  private readonly advertiser: Advertiser;
  private readonly all = new Map<Interface, CarpInterface>();
  /** What each interface listens to at the moment. */
  private readonly listening = new Map<Interface, readonly (readonly number[])[]>();

  constructor(ground: Ground, inet: Inet, inet6: Inet6, hmac: HmacSha1) {
    this.ground = ground;
    this.inet = inet;
    this.inet6 = inet6;
    const { interfaces, pool, sysctl } = ground;
    const { counters } = this;
    const demotion = new Demotion(interfaces);
    this.demotion = demotion;
    this.advertiser = new Advertiser({ ip4: inet.ip, ip6: inet6.ip, pool, counters, demotion, hmac });
    const receiver = new Receiver({
      clock: ground.clock,
      interfaces,
      counters,
      demotion,
      hmac,
      hooks: {
        on: (parent) => parent.stacked.flatMap((on) => this.all.get(on) ?? []),
        log: (level, text) => this.log(level, text),
        allow: () => sysctl.get('net.inet.carp.allow') !== 0,
        preempt: () => sysctl.get('net.inet.carp.preempt') !== 0,
      },
    });
    inet.ip.protocols[PROTOCOL_CARP] = receiver;
    inet6.ip.protocols[PROTOCOL_CARP] = receiver;
    demotion.listener = (change) => {
      const who = change.on?.name ?? 'carp';
      const text = `carp: ${who} demoted group ${change.group} by ${change.to - change.from} to ${change.to} (${change.reason})`;
      this.log(LOG_DEMOTION, text);
      this.demoted(change.group, change.from, change.to, change.on === undefined);
    };
    interfaces.listen({
      stateChanged: (on) => this.stateChanged(on),
      addressAdded: (on) => this.addressesChanged(on),
      addressRemoved: (on) => this.addressesChanged(on),
      linkAddressChanged: (on) => {
        for (const one of on.stacked) this.all.get(one)?.addressesChanged();
      },
      detached: (on) => this.detached(on),
    });
  }

  /** An interface of this kind that has just been made: up, with neither parent nor node. */
  adopt(on: Interface): void {
    on.priority = PRIORITY;
    on.link = false;
    this.all.set(on, new CarpInterface(on, this.services));
    this.ground.interfaces.setFlags(on, IFF_BROADCAST | IFF_SIMPLEX | IFF_MULTICAST);
    this.ground.interfaces.setGroup(on, 'carp', true);
  }

  /** The administrator's Ethernet address in place of the virtual one. */
  setLinkAddress(on: Interface, address: ArrayLike<number>): void {
    const one = this.all.get(on)!;
    one.stop();
    one.lladdr = Uint8Array.from(address);
    one.updateLinkAddress();
    one.update();
  }

  /** Microseconds. */
  get now(): number {
    return this.ground.clock.now;
  }

  find(on: Interface): CarpInterface | undefined {
    return this.all.get(on);
  }

  // Parents.

  /** Puts the interface on top of another, or on none. */
  setParent(one: CarpInterface, parent: Interface | undefined): void {
    const { on } = one;
    const before = on.parent;
    if (before === parent) return;
    one.stop();
    if (before !== undefined) this.leaveParent(on, before);
    on.parent = parent;
    on.filterOn = parent ?? on;
    if (parent === undefined) return one.update();
    parent.stacked = [...parent.stacked, on];
    on.mtu = parent.mtu;
    const { interfaces } = this.ground;
    interfaces.setFlags(parent, parent.flags | IFF_PROMISC);
    this.inet.ip.groups.join(on, carp.GROUP4);
    this.inet6.ip.groups.join(on, GROUP6);
    one.updateLinkAddress();
    one.update();
  }

  private leaveParent(on: Interface, parent: Interface): void {
    parent.stacked = parent.stacked.filter((other) => other !== on);
    if (parent.stacked.length === 0) {
      this.ground.interfaces.setFlags(parent, parent.flags & ~IFF_PROMISC);
    }
    this.inet.ip.groups.leave(on, carp.GROUP4);
    this.inet6.ip.groups.leave(on, GROUP6);
  }

  /** Another interface of the same parent has one of these ids. */
  isTaken(parent: Interface, vhids: readonly number[], by: CarpInterface): boolean {
    return parent.stacked.some((on) => {
      const one = this.all.get(on);
      return one !== by && one?.vhosts.some(({ vhid }) => vhids.includes(vhid)) === true;
    });
  }

  /** How balanced traffic is shared, or that it is not. */
  setShare(one: CarpInterface): void {
    one.on.share = one.balancing === 'none' ? undefined : new Share(one);
    const { on } = one;
    const own = one.balancing === 'ip' || one.balancing === 'ip-stealth' ? on.parent : undefined;
    // Switches must not learn where an address is that everyone has to get frames for.
    on.sendsAs = own ?? on;
  }

  // What happens around them.

  private stateChanged(on: Interface): void {
    for (const stacked of on.stacked) this.all.get(stacked)?.update();
    const one = this.all.get(on);
    if (one === undefined || one.flagsRunning === one.isUp) return;
    // Setting it down ends it in order; the others hear of it while it can still speak.
    if (!one.isUp) one.stop();
    else one.update();
  }

  /** It is about to be set down. */
  goingDown(on: Interface): void {
    this.all.get(on)?.bowOut();
  }

  private addressesChanged(on: Interface): void {
    const one = this.all.get(on);
    if (one === undefined) return;
    one.addressesChanged();
    one.update();
  }

  private detached(on: Interface): void {
    for (const stacked of [...on.stacked]) {
      const one = this.all.get(stacked);
      if (one !== undefined) this.setParent(one, undefined);
    }
    const one = this.all.get(on);
    if (one === undefined) return;
    one.stop();
    if (on.parent !== undefined) this.leaveParent(on, on.parent);
    this.all.delete(on);
    this.listening.delete(on);
  }

  /** The first trouble of a group is told at once, and what an administrator wants always. */
  private demoted(group: string, from: number, to: number, byHand: boolean): void {
    if (to < from || !(to === 1 || byHand)) return;
    for (const one of this.all.values()) {
      if (!byHand || one.on.groups.includes(group)) one.sendNow();
    }
  }

  private readonly services: CarpServices = {
    makeVhost: (vhid, advskew, advertise, masterDown) => {
      const { timeouts, random } = this.ground;
      return new Vhost(vhid, advskew, { timeouts, random, advertise, masterDown });
    },
    advertise: (one, vhost, bowOut) => this.advertiser.send(one, vhost, bowOut),
    announce4: (on) => this.inet.announce(on),
    announce6: (on) => this.inet6.announce(on),
    setRunning: (on, running) => {
      const flags = running ? on.flags | IFF_RUNNING : on.flags & ~IFF_RUNNING;
      this.ground.interfaces.setFlags(on, flags);
    },
    setLink: (on, master) => this.ground.interfaces.setLink(on, master),
    setLinkAddress: (on, address) => this.ground.interfaces.setLinkAddress(on, address),
    listenTo: (on, addresses) => this.listenTo(on, addresses),
    demote: (on, amount, reason) => this.demotion.adjust(on, amount, reason),
    changed: (one, vhost, from) => this.changed(one, vhost, from),
  };

  private listenTo(on: Interface, addresses: readonly (readonly number[])[]): void {
    const { ethernet } = this.ground;
    for (const address of this.listening.get(on) ?? []) ethernet.leaveAddress(on, address);
    for (const address of addresses) ethernet.joinAddress(on, address);
    this.listening.set(on, addresses);
  }

  private changed({ on, vhosts }: CarpInterface, vhost: Vhost, from: CarpState): void {
    const to = vhost.state;
    if (to === 'MASTER') this.counters.count(carps.TO_MASTER);
    const which = vhosts.length > 1 ? ` (vhid ${vhost.vhid})` : '';
    const level = from === 'INIT' || to === 'INIT' ? LOG_START : LOG_TRANSITION;
    this.log(level, `${on.name}: state transition${which}: ${from} -> ${to}`);
    this.emit({ event: 'carp.state', data: { name: on.name, vhid: vhost.vhid, from, to } });
  }

  /** Says a line of a level that the administrator wants to hear. */
  private log(level: number, text: string): void {
    if (this.ground.sysctl.get('net.inet.carp.log') < level) return;
    this.emit({ event: 'system.log', data: { level: level <= LOG_DEMOTION ? 'notice' : 'info', text } });
  }

  private emit(event: KernelEvent): void {
    this.ground.emit(event);
  }
}
