// SPDX-License-Identifier: ISC
//
// `pfctl -s states` and `-s Sources` as the originals lay them out (pf_print_state.c, print_src_node).

import { INET6 } from '../../../abi/address.ts';
import { formatAddress } from '../../../abi/addressText.ts';
import type { SourceNodeInfo, StateInfo } from '../../../abi/pf.ts';
import { clockText, idLine, stateDetails, stateLine } from '../../dissect/pfState.ts';
import { sourceJson, stateJson } from './json.ts';
import { allPages, type Session } from './session.ts';

export async function showStates(session: Session): Promise<void> {
  const filter = session.args.interface === undefined ? undefined : { interface: session.args.interface };
  const states = await allPages((cursor) => session.kernel.call('pf.states', { cursor, filter }));
  const dialect = await session.loadedDialect();
  const facts = await session.facts();
  const line = (state: StateInfo) => stateLine(state, dialect, (number) => facts.protocols.name(number));
  const { ruleNumber } = session.args;
  const wanted = states.filter((state) => ruleNumber === undefined || state.rule === ruleNumber);
  if (session.args.json) return session.json(wanted.map((state) => stateJson(state, line(state))));
  for (const state of wanted) {
    session.out(line(state));
    if (session.args.verbose > 0) for (const line of stateDetails(state, dialect)) session.out(line);
    if (session.args.verbose > 1) session.out(idLine(state));
  }
}

/** `10.0.0.9 -> 0.0.0.0 ( states 3, connections 2, rate 0.4/10s )`. */
export async function showSources(session: Session): Promise<void> {
  const nodes = await allPages((cursor) => session.kernel.call('pf.sourceNodes', { cursor }));
  if (session.args.json) return session.json(nodes.map(sourceJson));
  for (const node of nodes) {
    session.out(sourceLine(node));
    if (session.args.verbose > 0) session.out(sourceDetails(node));
  }
}

function sourceLine(node: SourceNodeInfo): string {
  const none = node.address.family === INET6 ? '::' : '0.0.0.0';
  const route = node.route === undefined ? none : formatAddress(node.route);
  const { count, seconds } = node.rate;
  const rate = `${Math.floor(count / 1000)}.${Math.floor((count % 1000) / 100)}/${seconds}s`;
  const ends = `${formatAddress(node.address)} -> ${route}`;
  return `${ends} ( states ${node.states}, connections ${node.connections}, rate ${rate} )`;
}

function sourceDetails(node: SourceNodeInfo): string {
  const expires = node.states === 0 ? `, expires in ${clockText(node.expires)}` : '';
  const packets = node.packets[0] + node.packets[1];
  const bytes = node.bytes[0] + node.bytes[1];
  const rule = node.rule === undefined ? '' : `, filter rule ${node.rule}`;
  return `   age ${clockText(node.age)}${expires}, ${packets} pkts, ${bytes} bytes${rule}`;
}
