// SPDX-License-Identifier: ISC
//
// What ifconfig(8) sets and shows of a carp interface.

import {
  CARP_BALANCINGS,
  CARP_MAXIMUM_ADVBASE,
  CARP_MAXIMUM_ADVSKEW,
  CARP_MAXIMUM_NODES,
  CARP_MAXIMUM_VHID,
  type CarpCalls,
  type CarpInfo,
  type CarpNode,
} from '../../abi/carp.ts';
import type { Handlers } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import type { Interface } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { Carp } from './carp.ts';
import type { CarpInterface } from './carpInterface.ts';
import type { Vhost } from './vhost.ts';

type Change = CarpCalls['carp.set'][0];

export class CarpHandlers {
  readonly calls: Handlers<CarpCalls>;
  private readonly carp: Carp;
  private readonly interfaces: Interfaces;

  constructor(carp: Carp, interfaces: Interfaces) {
    this.carp = carp;
    this.interfaces = interfaces;
    this.calls = {
      ...carp.demotion.calls,
      'carp.set': (change) => {
        this.set(change);
        return null;
      },
    };
  }

  private set(change: Change): void {
    const on = this.interfaces.get(change.name);
    const one = this.carp.find(on);
    if (one === undefined) throw new CallError('EINVAL', `${on.name}: not a carp interface`);
    const parent = this.parentOf(change, on);
    const nodes = nodesOf(change, one);
    this.check(change, one, parent, nodes);
    if (change.passphrase !== undefined) one.setPassphrase(change.passphrase);
    if (change.advbase !== undefined) one.advbase = change.advbase;
    if (change.peer !== undefined) one.peer = change.peer === null ? 0 : change.peer.words[0]!;
    const balancing =
      change.balancing ?? (nodes.length > 1 && one.balancing === 'none' ? 'ip' : one.balancing);
    const renewed = balancing !== one.balancing || change.nodes !== undefined || change.vhid !== undefined;
    one.balancing = balancing;
    this.carp.setParent(one, parent);
    if (renewed) one.setVhosts(nodes);
    else
      for (const { vhid, advskew } of nodes)
        one.vhosts.find((vhost) => vhost.vhid === vhid)!.advskew = advskew;
    this.carp.setShare(one);
    one.addressesChanged();
    one.update();
    if (change.state !== undefined) steer(one, change.state);
  }

  private parentOf(change: Change, on: Interface): Interface | undefined {
    if (change.parent === null) return undefined;
    return change.parent === undefined ? on.parent : this.interfaces.get(change.parent);
  }

  /** Everything is checked before anything is changed. */
  private check(
    change: Change,
    one: CarpInterface,
    parent: Interface | undefined,
    nodes: readonly CarpNode[],
  ): void {
    const within = (value: number, least: number, most: number, what: string) => {
      if (!Number.isInteger(value) || value < least || value > most) {
        throw new CallError('EINVAL', `${what} is a number from ${least} to ${most}`);
      }
    };
    if (nodes.length > CARP_MAXIMUM_NODES)
      throw new CallError('EINVAL', `${CARP_MAXIMUM_NODES} carpnodes at most`);
    for (const { vhid, advskew } of nodes) {
      within(vhid, 1, CARP_MAXIMUM_VHID, 'vhid');
      within(advskew, 0, CARP_MAXIMUM_ADVSKEW, 'advskew');
    }
    const vhids = nodes.map(({ vhid }) => vhid);
    if (new Set(vhids).size < vhids.length) throw new CallError('EINVAL', 'a vhid is named twice');
    if (change.advbase !== undefined) within(change.advbase, 0, CARP_MAXIMUM_ADVBASE, 'advbase');
    if (change.balancing !== undefined && !CARP_BALANCINGS.includes(change.balancing)) {
      throw new CallError('EINVAL', `balancing is one of ${CARP_BALANCINGS.join(', ')}`);
    }
    if (change.peer && change.peer.family !== 4)
      throw new CallError('EAFNOSUPPORT', 'a carppeer is an IPv4 address');
    if (parent === undefined) return;
    if (parent.type !== 'ethernet' && parent.type !== 'vlan') {
      throw new CallError('EINVAL', `${parent.name}: not an Ethernet interface`);
    }
    if (this.carp.isTaken(parent, vhids, one)) {
      throw new CallError('EINVAL', `vhid ${vhids.join(', ')}: taken on ${parent.name}`);
    }
  }

  /** For `interface.list`. */
  describe(on: Interface): CarpInfo | undefined {
    const one = this.carp.find(on);
    if (one === undefined) return undefined;
    return {
      ...(on.parent === undefined ? {} : { parent: on.parent.name }),
      advbase: one.advbase,
      balancing: one.balancing,
      nodes: one.vhosts.map((vhost) => describeNode(vhost, this.carp.now)),
      ...(one.peer === 0 ? {} : { peer: { family: 4, words: [one.peer] } }),
      demotion: this.carp.demotion.of(on),
    };
  }
}

function describeNode({ vhid, advskew, state, heard }: Vhost, now: number): CarpInfo['nodes'][number] {
  const last = heard.describe(now);
  return { vhid, advskew, state, ...(last && { heard: last }) };
}

/** The nodes as they are to be: given whole, or one of which vhid or advskew change. */
function nodesOf(change: Change, one: CarpInterface): readonly CarpNode[] {
  if (change.nodes !== undefined) return change.nodes;
  const known = one.vhosts.map(({ vhid, advskew }) => ({ vhid, advskew }));
  const [first, ...others] = known;
  if (change.vhid !== undefined) {
    return [{ vhid: change.vhid, advskew: change.advskew ?? first?.advskew ?? 0 }];
  }
  if (change.advskew === undefined) return known;
  if (first === undefined) throw new CallError('EINVAL', 'advskew needs a vhid');
  return [{ ...first, advskew: change.advskew }, ...others];
}

function steer(one: CarpInterface, state: NonNullable<Change['state']>): void {
  for (const vhost of one.vhosts) {
    if (state === 'MASTER') one.takeOver(vhost);
    else if (state === 'BACKUP') one.giveWay(vhost);
  }
}
