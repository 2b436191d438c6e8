// SPDX-License-Identifier: ISC
//
// Routers with pf and pfsync beside each other: a station on either side that speaks through whichever it likes, and a wire between
// them for their states.

import assert from 'node:assert/strict';
import type { StateInfo } from '../../../appliance/abi/pf.ts';
import type { PfsyncCalls, PfsyncInfo } from '../../../appliance/abi/pfsync.ts';
import type { Dialect } from '../../../appliance/abi/rule.ts';
import * as arp from '../../../appliance/wire/arp.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import { arpPacket, frame, type Network } from '../../support/packets.ts';
import {
  type Connection,
  type Host,
  type Station,
  type Wire,
  type WireOptions,
  World,
} from '../../support/world.ts';
import { loadOf, tell, verify } from '../pf/filter.ts';

export const SECOND = 1_000_000;
export const LEFT = '192.0.2.9';
export const RIGHT = '198.51.100.9';
const LEFT_LINK = '02:00:00:00:aa:01';
const RIGHT_LINK = '02:00:00:00:bb:01';

export interface Member {
  readonly host: Host;
  readonly sync: Connection;
  readonly name: string;
}

export class Members {
  readonly world: World;
  readonly syncWire: Wire;
  readonly members: Member[] = [];
  private readonly leftWire: Wire;
  private readonly rightWire: Wire;
  private readonly left: Station;
  private readonly right: Station;

  constructor(seed = 1, sync: WireOptions = {}) {
    this.world = new World(seed);
    this.leftWire = this.world.wire();
    this.rightWire = this.world.wire();
    this.syncWire = this.world.wire(sync);
    this.left = this.world.station('left', this.leftWire);
    this.right = this.world.station('right', this.rightWire);
    this.answerArp(this.left, LEFT_LINK);
    this.answerArp(this.right, RIGHT_LINK);
  }

  /** A station is whatever address it is asked for that is no router's. */
  private answerArp(station: Station, link: string): void {
    station.answer = (bytes) => {
      if (ethernet.type(bytes, 0) !== ethernet.TYPE_ARP || arp.operation(bytes, 14) !== arp.REQUEST) return;
      const target = arp.target(bytes, 14) >>> 0;
      const text = [24, 16, 8, 0].map((shift) => (target >>> shift) & 255).join('.');
      if ((target & 255) < 8) return;
      const asker = ethernet.sourceLow(bytes, 0);
      const to = `02:00:00:00:${((asker >>> 8) & 255).toString(16).padStart(2, '0')}:${(asker & 255).toString(16).padStart(2, '0')}`;
      return frame(
        { to, from: link },
        arpPacket(arp.REPLY, { link, address: text }, { link: to, address: '0.0.0.0' }),
      );
    };
  }

  /** One more router, its pfsync up. */
  add(
    rules: string,
    options: { dialect?: Dialect; pfsync?: Omit<PfsyncCalls['pfsync.set'][0], 'name'>; up?: boolean } = {},
  ): Member {
    const number = this.members.length + 1;
    const host = this.world.host(`m${number}`);
    host.connect('vr0', this.leftWire);
    host.connect('vr1', this.rightWire);
    const sync = host.connect('vr2', this.syncWire);
    host.address('vr0', `192.0.2.${number}/24`);
    host.address('vr1', `198.51.100.${number}/24`);
    host.address('vr2', `10.99.9.${number}/24`);
    host.call('sysctl.set', { name: 'net.inet.ip.forwarding', value: 1 });
    host.call('sysctl.set', { name: 'net.inet.ip.redirect', value: 0 });
    host.call('pf.load', loadOf(`set skip on vr2\n${rules}`, options.dialect));
    host.call('pf.enable', {});
    host.call('interface.create', { name: 'pfsync0' });
    host.call('pfsync.set', { name: 'pfsync0', syncDevice: 'vr2', ...options.pfsync });
    const member = { host, sync, name: `m${number}` };
    this.members.push(member);
    if (options.up ?? true) this.up(member);
    return member;
  }

  up(member: Member): void {
    member.host.call('interface.set', { name: 'pfsync0', up: true });
    this.world.run(SECOND / 10);
  }

  /** What comes out when the left station sends this through a router. */
  fromLeft(network: Network, through: Member): string[] {
    return this.heard(() => this.sendLeft(network, through));
  }

  /** No time passes. */
  sendLeft(network: Network, through: Member): void {
    const number = this.members.indexOf(through) + 1;
    this.left.send(frame({ to: linkOf(number, 1), from: LEFT_LINK }, network));
  }

  fromRight(network: Network, through: Member): string[] {
    const number = this.members.indexOf(through) + 1;
    return this.heard(() => this.right.send(frame({ to: linkOf(number, 2), from: RIGHT_LINK }, network)));
  }

  /** The frames that routers send to the right meanwhile, ARP aside. */
  rightFrames(act: () => void): Uint8Array[] {
    this.rightWire.recorded.length = 0;
    act();
    return this.rightWire.take().filter((bytes) => ethernet.type(bytes, 0) === ethernet.TYPE_IPV4);
  }

  private heard(act: () => void): string[] {
    this.left.take();
    this.right.take();
    act();
    this.world.run(1000);
    return this.arrived();
  }

  /** What came out since the last time, ARP aside. */
  arrived(): string[] {
    const side = (name: string, frames: readonly Uint8Array[]) =>
      frames
        .filter((bytes) => ethernet.type(bytes, 0) !== ethernet.TYPE_ARP)
        .map((bytes) => {
          verify(bytes);
          return `${name} ${tell(bytes)}`;
        });
    return [...side('left', this.left.take()), ...side('right', this.right.take())];
  }

  run(seconds: number): void {
    this.world.run(seconds * SECOND);
  }
}

/** World's Ethernet addresses: host number, port number. */
function linkOf(host: number, port: number): string {
  return `02:00:00:00:${host.toString(16).padStart(2, '0')}:${port.toString(16).padStart(2, '0')}`;
}

export function states(member: Member): readonly StateInfo[] {
  return member.host.call('pf.states', { cursor: 0 }).items;
}

/** Id, direction, peers: what must be the same on every member. */
export function summary(member: Member): string[] {
  return states(member)
    .map(
      (one) =>
        `${one.id} ${one.creatorId.toString(16)} ${one.direction} ${one.source.state}:${one.destination.state}`,
    )
    .sort();
}

export function info(member: Member): PfsyncInfo {
  const [on] = member.host.call('interface.list', { name: 'pfsync0' });
  assert.ok(on?.pfsync);
  return on.pfsync;
}
