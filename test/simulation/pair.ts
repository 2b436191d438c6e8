// SPDX-License-Identifier: ISC
//
// A redundant pair of firewalls between a client and a server: carp on both sides, pfsync between them, one translation and one redirection.

import { parseAddress, parsePrefix } from '../../appliance/abi/addressText.ts';
import type { CarpState } from '../../appliance/abi/carp.ts';
import type { StateInfo } from '../../appliance/abi/pf.ts';
import type { PfsyncKey } from '../../appliance/abi/pfsync.ts';
import { loadOf } from '../kernel/pf/filter.ts';
import type { FaultyNetwork, Machine } from './faultyNetwork.ts';

export const SERVER = '10.2.0.10';
/** The pair's address towards the client, whose port 8080 is redirected to the server. */
export const VIP = '10.1.0.1';
const VIP_RIGHT = '10.2.0.1';
export const PASSPHRASE = 'simulated';

/** Both run these; translated connections leave with the pair's address. */
const RULES = `
set skip on vr2
set timeout { tcp.closed 10, tcp.finwait 10 }
block drop
pass quick proto carp keep state (no-sync)
pass in on vr0 proto tcp from 10.1.0.0/24 to any port 80 flags S/SA keep state
pass in on vr0 proto tcp from 10.1.0.0/24 to ${VIP} port 8080 flags S/SA keep state rdr-to ${SERVER} port 80
pass out on vr1 proto tcp to any port 80 keep state
pass out on vr1 proto tcp from 10.1.0.0/24 port >= 20000 to any port 80 keep state nat-to ${VIP_RIGHT}
`;
/** The same to the traffic, but not the same ruleset. */
const OTHER_RULES = `${RULES}pass in on vr0 proto tcp from 10.1.0.0/24 to any port 81 keep state\n`;

/** 1 is master by its advskew, and takes over again when it can. */
export type Which = 1 | 2;

export class Firewall {
  readonly machine: Machine;
  readonly number: Which;
  /** State of carp0 and carp1. */
  readonly carp: [CarpState, CarpState] = ['INIT', 'INIT'];
  readonly since: number;

  constructor(
    network: FaultyNetwork,
    number: Which,
    { otherRules, key }: { readonly otherRules: boolean; readonly key: PfsyncKey | undefined },
    changed: (on: Firewall) => void,
  ) {
    this.number = number;
    this.since = network.now;
    this.machine = network.machine(`fw${number}`);
    const { machine } = this;
    const { host } = machine;
    ['left', 'right', 'sync'].forEach((wire, i) => {
      const link = `02:00:00:00:0${number}:0${i + 1}`;
      network.connect(machine, `vr${i}`, network.wires.get(wire)!, link);
    });
    host.on('carp.state', ({ name, to }) => {
      this.carp[name === 'carp0' ? 0 : 1] = to;
      changed(this);
    });
    host.address('vr0', `10.1.0.${number + 1}/24`);
    host.address('vr1', `10.2.0.${number + 1}/24`);
    host.address('vr2', `10.9.0.${number}/24`);
    host.call('sysctl.set', { name: 'net.inet.ip.forwarding', value: 1 });
    host.call('sysctl.set', { name: 'net.inet.ip.redirect', value: 0 });
    host.call('sysctl.set', { name: 'net.inet.carp.preempt', value: 1 });
    this.load(otherRules);
    host.call('pf.enable', {});
    // As a machine boots: nobody else's master before its daemons run.
    host.call('group.demote', { group: 'carp', amount: 128 });
    this.makeCarp('carp0', 'vr0', 1, VIP);
    this.makeCarp('carp1', 'vr1', 2, VIP_RIGHT);
    host.call('interface.create', { name: 'pfsync0' });
    host.call('pfsync.set', { name: 'pfsync0', syncDevice: 'vr2', ...(key === undefined ? {} : { key }) });
    host.call('interface.set', { name: 'pfsync0', up: true });
    host.call('group.demote', { group: 'carp', amount: -128 });
  }

  load(otherRules: boolean): void {
    this.machine.host.call('pf.load', loadOf(otherRules ? OTHER_RULES : RULES));
  }

  private makeCarp(name: string, parent: string, vhid: number, address: string): void {
    const { host } = this.machine;
    host.call('interface.create', { name });
    const advskew = this.number === 1 ? 0 : 100;
    host.call('carp.set', { name, vhid, parent, passphrase: PASSPHRASE, advskew });
    host.call('interface.addAddress', { name, address: parsePrefix(`${address}/24`)!, alias: false });
  }

  get isMaster(): boolean {
    return this.carp.every((state) => state === 'MASTER');
  }

  get demotion(): number {
    return this.machine.host.call('group.get', { group: 'carp' }).demotion;
  }

  get synced(): boolean {
    return this.machine.host.call('interface.list', { name: 'pfsync0' })[0]!.pfsync!.bulk === 'done';
  }

  /** TCP states, by id with creator. */
  states(): Map<string, StateInfo> {
    const found = new Map<string, StateInfo>();
    let cursor: number | undefined = 0;
    while (cursor !== undefined) {
      const page: { items: readonly StateInfo[]; next?: number } = this.machine.host.call('pf.states', {
        cursor,
        filter: { protocol: 6 },
      });
      for (const one of page.items) found.set(`${one.id}/${one.creatorId}`, one);
      cursor = page.next;
    }
    return found;
  }
}

/** Client or server. */
export function makeHost(
  network: FaultyNetwork,
  name: string,
  wire: string,
  address: string,
  gateway: string,
) {
  const machine = network.machine(name);
  network.connect(machine, 'vr0', network.wires.get(wire)!, `02:00:00:00:0${wire === 'left' ? 'a' : 'b'}:01`);
  machine.host.address('vr0', `${address}/24`);
  machine.host.route('default', gateway);
  return machine.host;
}

export const CLIENT = '10.1.0.10';
export const GATEWAYS = { left: VIP, right: VIP_RIGHT } as const;

/** The client's port of a state: which connection it is of. */
export function clientPort(state: StateInfo): number {
  const key = state.direction === 'in' ? state.wire : state.stack;
  return key.ports[state.direction === 'in' ? 0 : 1];
}

export function addressOf(text: string) {
  return parseAddress(text)!;
}
