// SPDX-License-Identifier: ISC
//
// carp(4) in ifconfig(8): its parameters, its lines, and the demotion counters of groups.

import { formatAddress, parseAddress } from '../../../abi/addressText.ts';
import {
  CARP_BALANCINGS,
  type CarpBalancing,
  type CarpCalls,
  type CarpInfo,
  type CarpNode,
} from '../../../abi/carp.ts';
import type { CommandContext } from '../command.ts';
import { Failure, kernelOf, UsageError } from '../failure.ts';

export type CarpChange = Omit<CarpCalls['carp.set'][0], 'name'>;

type Argument = (what: string) => string;

/** What each word changes; those with an argument take it. */
export const CARP_PARAMETERS: Readonly<Record<string, (argument: Argument) => CarpChange>> = {
  vhid: (argument) => ({ vhid: numberOf(argument('a number'), 'vhid') }),
  advbase: (argument) => ({ advbase: numberOf(argument('a number'), 'advbase') }),
  advskew: (argument) => ({ advskew: numberOf(argument('a number'), 'advskew') }),
  pass: (argument) => ({ passphrase: argument('a passphrase') }),
  carpdev: (argument) => ({ parent: argument('an interface') }),
  '-carpdev': () => ({ parent: null }),
  carppeer: (argument) => ({ peer: peerOf(argument('an address')) }),
  '-carppeer': () => ({ peer: null }),
  carpnodes: (argument) => ({ nodes: nodesOf(argument('vhid:advskew,…')) }),
  balancing: (argument) => ({ balancing: balancingOf(argument('a mode')) }),
  state: (argument) => ({ state: stateOf(argument('init, backup or master')) }),
};

function numberOf(text: string, what: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new Failure(`${what}: ${text}: not a number`);
  return Number(text);
}

function peerOf(text: string) {
  return parseAddress(text) ?? fail(`carppeer: ${text}: bad value`);
}

/** `1:0,2:100`: the nodes of one address and what each adds to its interval. */
function nodesOf(text: string): CarpNode[] {
  return text.split(',').map((pair) => {
    const [vhid = '', advskew = '', ...more] = pair.split(':');
    if (more.length > 0 || !/^\d{1,3}$/.test(vhid) || !/^\d{1,3}$/.test(advskew)) {
      return fail(`carpnodes: ${pair}: vhid:advskew is needed`);
    }
    return { vhid: Number(vhid), advskew: Number(advskew) };
  });
}

function balancingOf(text: string): CarpBalancing {
  const mode = CARP_BALANCINGS.find((one) => one === text);
  return mode ?? fail(`balancing: ${text}: not one of ${CARP_BALANCINGS.join(', ')}`);
}

function stateOf(text: string): 'INIT' | 'BACKUP' | 'MASTER' {
  const state = text.toUpperCase();
  if (state === 'INIT' || state === 'BACKUP' || state === 'MASTER') return state;
  return fail(`state: ${text}: not one of init, backup, master`);
}

function fail(message: string): never {
  throw new Failure(message);
}

/** The line of an interface with one node; with several a line each. None without a vhid. The passphrase is never shown. */
export function carpLines(info: CarpInfo): string[] {
  const [first, ...others] = info.nodes;
  if (first === undefined) return [];
  const parent = info.parent ?? 'none';
  const peer = info.peer === undefined ? '' : ` carppeer ${formatAddress(info.peer)}`;
  if (others.length === 0) {
    const { vhid, advskew, state } = first;
    return [
      `\tcarp: ${state} carpdev ${parent} vhid ${vhid} advbase ${info.advbase} advskew ${advskew}${peer}`,
    ];
  }
  return [
    `\tcarp: carpdev ${parent} advbase ${info.advbase} balancing ${info.balancing}${peer}`,
    ...info.nodes.map(({ vhid, advskew, state }) => `\t\tstate ${state} vhid ${vhid} advskew ${advskew}`),
  ];
}

/** The link state: up while one of the nodes is master. */
export function carpStatus(info: CarpInfo): 'master' | 'backup' | 'invalid' {
  if (info.nodes.some((node) => node.state === 'MASTER')) return 'master';
  return info.nodes.some((node) => node.state === 'BACKUP') ? 'backup' : 'invalid';
}

/** `-g GROUP`, `-g GROUP carpdemote [N]`, `-g GROUP -carpdemote [N]`. */
export async function group(words: readonly string[], context: CommandContext): Promise<number> {
  const kernel = kernelOf(context);
  const [name, verb, amount = '1', ...more] = words;
  if (name === undefined || more.length > 0) throw new UsageError('-g needs a group');
  if (verb === undefined) {
    const { demotion } = await kernel.call('group.get', { group: name });
    context.stdout(`${name}: carp demote count ${demotion}\n`);
    return 0;
  }
  if (verb !== 'carpdemote' && verb !== '-carpdemote') throw new UsageError(`${verb}: unknown parameter`);
  const value = numberOf(amount, verb);
  if (value > 128) fail(`${verb}: a number from 0 to 128`);
  await kernel.call('group.demote', { group: name, amount: verb === 'carpdemote' ? value : -value });
  return 0;
}
