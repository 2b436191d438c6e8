// SPDX-License-Identifier: ISC
//
// `pfctl -s states` and `-s Sources` as the originals lay them out (pf_print_state.c, print_src_node).

import { INET6 } from '../../../abi/address.ts';
import { formatAddress } from '../../../abi/addressText.ts';
import type { SourceNodeInfo, StateInfo } from '../../../abi/pf.ts';
import { clockText, idLine, stateDetails, stateLine } from '../../dissect/pfState.ts';
import { sourceJson, stateJson } from './json.ts';
import { mapPages, pagesOf, type Session } from './session.ts';

export async function showStates(session: Session): Promise<void> {
  const { args, kernel } = session;
  const filter = args.interface === undefined ? undefined : { interface: args.interface };
  const dialect = await session.loadedDialect();
  const facts = await session.facts();
  const line = (state: StateInfo) => stateLine(state, dialect, (number) => facts.protocols.name(number));
  const wanted = (state: StateInfo) => args.ruleNumber === undefined || state.rule === args.ruleNumber;
  const states = mapPages(
    pagesOf((cursor) => kernel.call('pf.states', { cursor, filter })),
    (state) => (wanted(state) ? [state] : []),
  );
  if (args.json) return session.jsonList(mapPages(states, (state) => [stateJson(state, line(state))]));
  return session.lines(
    mapPages(states, (state) => [
      line(state),
      ...(args.verbose > 0 ? stateDetails(state, dialect) : []),
      ...(args.verbose > 1 ? [idLine(state)] : []),
    ]),
  );
}

/** `10.0.0.9 -> 0.0.0.0 ( states 3, connections 2, rate 0.4/10s )`. */
export async function showSources(session: Session): Promise<void> {
  const nodes = pagesOf((cursor) => session.kernel.call('pf.sourceNodes', { cursor }));
  if (session.args.json) return session.jsonList(mapPages(nodes, (node) => [sourceJson(node)]));
  const details = session.args.verbose > 0;
  return session.lines(
    mapPages(nodes, (node) => [sourceLine(node), ...(details ? [sourceDetails(node)] : [])]),
  );
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
