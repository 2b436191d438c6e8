// SPDX-License-Identifier: ISC
//
// One carp interface (struct carp_softc): a shared Ethernet address and shared IP addresses on top of a parent, and the state
// machine of its nodes.

import { INET, INET6 } from '../../abi/address.ts';
import type { CarpBalancing, CarpState } from '../../abi/carp.ts';
import { IFF_RUNNING, IFF_UP } from '../../abi/interface.ts';
import type { Interface } from '../link/interface.ts';
import { keyOf, messageOf } from './digest.ts';
import type { Vhost } from './vhost.ts';

/** What an interface needs of the whole of carp. */
export interface CarpServices {
  makeVhost(
    vhid: number,
    advskew: number,
    advertise: (vhost: Vhost) => void,
    masterDown: (vhost: Vhost) => void,
  ): Vhost;
  /** Sends a node's advertisement in every family that the interface has addresses of; false when one could not be sent. */
  advertise(carp: CarpInterface, vhost: Vhost, bowOut: boolean): boolean;
  /** Tells the link that the addresses are here now (gratuitous ARP). */
  announce4(on: Interface): void;
  /** The same for IPv6 (unsolicited neighbor advertisements). */
  announce6(on: Interface): void;
  /** Flags and link state follow from the nodes; listeners are told. */
  setRunning(on: Interface, running: boolean): void;
  setLink(on: Interface, master: boolean): void;
  setLinkAddress(on: Interface, address: ArrayLike<number>): void;
  /** Frames to these Ethernet addresses are for the interface; those before are not any more. */
  listenTo(on: Interface, addresses: readonly (readonly number[])[]): void;
  demote(on: Interface, amount: number, reason: string): void;
  changed(carp: CarpInterface, vhost: Vhost, from: CarpState): void;
}

/** Messages that a node's advertisement may be authenticated by. */
interface Messages {
  /** What is sent: without link-local addresses. */
  readonly usual: Uint8Array;
  /** What some others send: with them. */
  readonly withLinkLocal: Uint8Array;
}

export class CarpInterface {
  readonly on: Interface;
  /** In order of vhid; the first is the leader. */
  vhosts: readonly Vhost[] = [];
  advbase = 1;
  balancing: CarpBalancing = 'none';
  key: Uint8Array = new Uint8Array(0);
  /** Unicast IPv4 peer, 0 for the group. */
  peer = 0;
  /** The administrator's Ethernet address. */
  lladdr: Uint8Array | undefined;
  private readonly services: CarpServices;
  private readonly messages = new Map<number, Messages>();
  /** The parent is down: nothing runs, and the groups are demoted for it. */
  private suppressed = false;
  private readonly failures = new Failures();

  constructor(on: Interface, services: CarpServices) {
    this.on = on;
    this.services = services;
  }

  get leader(): Vhost | undefined {
    return this.vhosts[0];
  }

  get isUp(): boolean {
    return (this.on.flags & IFF_UP) !== 0;
  }

  has(family: 4 | 6): boolean {
    return this.on.addresses.some((address) => address.family === family);
  }

  // Configuration.

  /** Replaces the nodes; those that stay keep their counter. Everything begins anew. */
  setVhosts(nodes: readonly { readonly vhid: number; readonly advskew: number }[]): void {
    this.stop();
    const sorted = [...nodes].sort((a, b) => a.vhid - b.vhid);
    this.vhosts = sorted.map(({ vhid, advskew }) => {
      const known = this.vhosts.find((vhost) => vhost.vhid === vhid);
      if (known === undefined) {
        return this.services.makeVhost(
          vhid,
          advskew,
          (one) => this.periodic(one),
          (one) => this.takeOver(one),
        );
      }
      known.advskew = advskew;
      return known;
    });
    this.updateLinkAddress();
  }

  /** The interface's own: the leader's virtual one, or what the administrator wants. */
  updateLinkAddress(): void {
    const { leader } = this;
    if (leader === undefined) return;
    this.services.setLinkAddress(this.on, this.lladdr ?? leader.linkAddress(this.balancing === 'ip'));
    this.addressesChanged();
  }

  setPassphrase(passphrase: string): void {
    this.key = keyOf(passphrase);
  }

  /** Addresses, or what else is hashed, are others now. */
  addressesChanged(): void {
    this.messages.clear();
  }

  messagesOf(vhost: Vhost): Messages {
    let known = this.messages.get(vhost.vhid);
    if (known === undefined) {
      const source = { on: this.on, key: this.key, lladdr: this.hashedLladdr() };
      known = {
        usual: messageOf(source, vhost.vhid, false),
        withLinkLocal: messageOf(source, vhost.vhid, true),
      };
      this.messages.set(vhost.vhid, known);
    }
    return known;
  }

  /** An Ethernet address that is neither the leader's virtual one nor the parent's is part of what is hashed. */
  private hashedLladdr(): Uint8Array | undefined {
    const { lladdr, leader, on } = this;
    if (lladdr === undefined || leader === undefined) return undefined;
    const same = (other: ArrayLike<number>) => lladdr.every((byte, i) => byte === other[i]);
    if (same(leader.linkAddress(false)) || (on.parent !== undefined && same(on.parent.linkAddress))) {
      return undefined;
    }
    return lladdr;
  }

  // Running.

  /** Begins, goes on, or ends as flags, addresses and the parent allow (carp_setrun_all). */
  update(): void {
    this.updateSuppressed();
    const eligible =
      this.on.parent !== undefined &&
      this.isUp &&
      !this.suppressed &&
      this.vhosts.length > 0 &&
      (this.has(INET) || this.has(INET6));
    this.services.setRunning(this.on, eligible);
    for (const vhost of this.vhosts) {
      if (eligible) this.run(vhost);
      else this.reset(vhost);
    }
  }

  private updateSuppressed(): void {
    const { parent } = this.on;
    const down = parent !== undefined && (!parent.running || !parent.link);
    if (down === this.suppressed) return;
    this.suppressed = down;
    this.services.demote(this.on, down ? 1 : -1, 'carpdev');
  }

  /** A node that waits is given its timers anew, a master goes on. */
  private run(vhost: Vhost): void {
    if (vhost.state === 'MASTER') return;
    if (vhost.state === 'INIT') this.setState(vhost, 'BACKUP');
    this.expect(vhost);
  }

  /** The master's advertisements are expected from now on. */
  private expect(vhost: Vhost): void {
    vhost.advertise.clear();
    if (this.has(INET)) vhost.masterDown4.set(vhost.patience(this.advbase));
    else vhost.masterDown4.clear();
    if (this.has(INET6)) vhost.masterDown6.set(vhost.patience(this.advbase));
    else vhost.masterDown6.clear();
  }

  private reset(vhost: Vhost): void {
    vhost.stop();
    this.setState(vhost, 'INIT');
  }

  /** Ends in order: who is master tells the others first that it goes. */
  bowOut(): void {
    if (this.leader === undefined || this.leader.state === 'INIT') return;
    for (const vhost of this.vhosts) {
      if (vhost.state === 'MASTER') this.services.advertise(this, vhost, true);
    }
  }

  stop(): void {
    this.services.setRunning(this.on, false);
    for (const vhost of this.vhosts) this.reset(vhost);
  }

  // The state machine (section 2.2 of what carp(4) does).

  /** Nobody has advertised for too long, or we are the better one (carp_master_down). */
  takeOver(vhost: Vhost): void {
    if (vhost.state !== 'BACKUP') return;
    vhost.stop();
    this.setState(vhost, 'MASTER');
    this.send(vhost);
    if (vhost === this.leader && this.balancing === 'none') {
      this.services.announce4(this.on);
      this.services.announce6(this.on);
      vhost.announceIn = ANNOUNCE_AGAIN;
    }
    vhost.reclaims = RECLAIMS;
    vhost.advertise.set(vhost.interval(this.advbase));
  }

  giveWay(vhost: Vhost): void {
    if (vhost.state !== 'MASTER') return;
    vhost.stop();
    this.setState(vhost, 'BACKUP');
    this.expect(vhost);
  }

  /**
   * A worse master was heard. The one before us may send in one family after it was heard in the other, and switches then take the
   * virtual address for its port again, where nobody takes frames to it any more: they see ours at once, not an interval later.
   */
  contested(vhost: Vhost): void {
    if (vhost.state !== 'MASTER' || vhost.reclaims === 0) return;
    vhost.reclaims--;
    this.send(vhost);
  }

  /** The master was heard in this family. */
  heard(vhost: Vhost, family: number): void {
    const timeout = family === INET ? vhost.masterDown4 : vhost.masterDown6;
    timeout.set(vhost.patience(this.advbase));
  }

  private periodic(vhost: Vhost): void {
    this.send(vhost);
    if (vhost.announceIn > 0 && --vhost.announceIn === 0) this.services.announce4(this.on);
    vhost.advertise.set(vhost.interval(this.advbase));
  }

  /** An advertisement now, out of turn: a demotion is to be known at once. */
  sendNow(): void {
    for (const vhost of this.vhosts) if (vhost.state === 'MASTER') this.periodic(vhost);
  }

  private send(vhost: Vhost): void {
    const sent = this.services.advertise(this, vhost, false);
    const change = this.failures.note(sent, this.vhosts.length);
    if (change !== 0) this.services.demote(this.on, change, change > 0 ? '> snderrors' : '< snderrors');
  }

  private setState(vhost: Vhost, to: CarpState): void {
    const from = vhost.state;
    if (from === to) return;
    vhost.state = to;
    vhost.announceIn = 0;
    this.updateListening();
    this.services.setLink(this.on, this.isBalanced || this.vhosts.some((one) => one.state === 'MASTER'));
    this.services.changed(this, vhost, from);
  }

  private get isBalanced(): boolean {
    return this.balancing !== 'none' && this.leader !== undefined && this.leader.state !== 'INIT';
  }

  /** A master takes frames to its virtual address; where traffic is balanced, every node takes all of them. */
  private updateListening(): void {
    const group = this.balancing === 'ip';
    const taken = this.vhosts.filter((one) =>
      this.balancing === 'none' ? one.state === 'MASTER' : one.state !== 'INIT',
    );
    const addresses = taken.map((one) => one.linkAddress(group && one === this.leader));
    const own = this.lladdr !== undefined && taken.length > 0 ? [[...this.lladdr]] : [];
    this.services.listenTo(this.on, [...addresses, ...own]);
  }

  /** Whether this node is to take packets of the given share of the traffic. */
  isMasterOf(share: number): boolean {
    return this.vhosts[share % this.vhosts.length]?.state === 'MASTER';
  }

  get flagsRunning(): boolean {
    return (this.on.flags & IFF_RUNNING) !== 0;
  }
}

/** Addresses are announced once more with the second periodic advertisement after taking over. */
const ANNOUNCE_AGAIN = 2;

/** Worse advertisements that a new master answers: one of each family was on its way, and there is an end where two never agree. */
const RECLAIMS = 2;

/** Errors in a row after which a machine that cannot send demotes itself, for each node; as many successes take it back. */
const FAILURES = 3;

class Failures {
  private failures = 0;
  private successes = 0;
  private demoted = false;

  /** Answers how the demotion changes: 1, -1 or 0. */
  note(sent: boolean, vhosts: number): number {
    this.failures = sent ? 0 : this.failures + 1;
    this.successes = sent ? this.successes + 1 : 0;
    const enough = FAILURES * vhosts;
    if (!this.demoted && this.failures >= enough) {
      this.demoted = true;
      return 1;
    }
    if (this.demoted && this.successes >= enough) {
      this.demoted = false;
      return -1;
    }
    return 0;
  }
}
