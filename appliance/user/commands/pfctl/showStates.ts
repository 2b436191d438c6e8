// SPDX-License-Identifier: ISC
//
// `pfctl -s states` and `-s Sources` as the originals lay them out (pf_print_state.c, print_src_node).

import { type Address, INET6 } from '../../../abi/address.ts';
import { formatAddress } from '../../../abi/addressText.ts';
import { PEER_STATES, TCP_STATES } from '../../../abi/names.ts';
import type { SourceNodeInfo, StateInfo, StateKey } from '../../../abi/pf.ts';
import type { Dialect } from '../../../abi/rule.ts';
import type { Facts } from '../../config/pf/facts.ts';
import { allPages, type Session } from './session.ts';

const TCP = 6;
const ICMP = 1;
const ICMPV6 = 58;
const PROXY_SRC = 11;
const PROXY_DST = 12;

export async function showStates(session: Session): Promise<void> {
  const filter = session.args.interface === undefined ? undefined : { interface: session.args.interface };
  const states = await allPages((cursor) => session.kernel.call('pf.states', { cursor, filter }));
  if (session.args.json) return session.json(states);
  const dialect = await session.loadedDialect();
  const facts = await session.facts();
  for (const state of states) {
    if (session.args.ruleNumber !== undefined && state.rule !== session.args.ruleNumber) continue;
    session.out(stateLine(state, dialect, facts));
    if (session.args.verbose > 0) for (const line of stateDetails(state, dialect)) session.out(line);
    if (session.args.verbose > 1) session.out(idLine(state));
  }
}

/** `all tcp 10.0.0.5:51234 -> 192.0.2.10:443       ESTABLISHED:ESTABLISHED`. */
export function stateLine(state: StateInfo, dialect: Dialect, facts: Facts): string {
  const outbound = state.direction === 'out';
  const [shown, hidden] = outbound ? [state.wire, state.stack] : [state.stack, state.wire];
  // Between families the shown side is that of the answers: it points the other way.
  const pointsOut = outbound || shown.family !== hidden.family;
  const local = endText(shown, hidden, 1, dialect);
  const remote = endText(shown, hidden, 0, dialect);
  const gateway = state.route === undefined ? '' : ` {${formatAddress(state.route.address)}}`;
  const ends = pointsOut ? `${local} -> ${remote}${gateway}` : `${local}${gateway} <- ${remote}`;
  const protocol = facts.protocols.name(state.protocol) ?? String(state.protocol);
  return `${state.interface} ${protocol} ${ends}    ${peersText(state)}`;
}

/** One end, with its other address in parentheses where it is translated. */
function endText(shown: StateKey, hidden: StateKey, index: 0 | 1, dialect: Dialect): string {
  const text = hostText(shown.addresses[index], shown.ports[index]);
  if (shown.family !== hidden.family) {
    const opposite = index === 0 ? 1 : 0;
    return `${text} (${hostText(hidden.addresses[opposite], hidden.ports[opposite])})`;
  }
  const other = hostText(hidden.addresses[index], hidden.ports[index]);
  // A translated ICMP id does not count as another far end (today).
  const same = text === other || (dialect === 'openbsd' && index === 0 && sameAddress(shown, hidden, index));
  return same ? text : `${text} (${other})`;
}

function sameAddress(a: StateKey, b: StateKey, index: 0 | 1): boolean {
  return formatAddress(a.addresses[index]) === formatAddress(b.addresses[index]);
}

function hostText(address: Address, port: number): string {
  const text = formatAddress(address);
  if (port === 0) return text;
  return address.family === INET6 ? `${text}[${port}]` : `${text}:${port}`;
}

/** The two peers, the local one first. */
function peersText(state: StateInfo): string {
  const [local, remote] =
    state.direction === 'out' ? [state.source, state.destination] : [state.destination, state.source];
  const a = local.state;
  const b = remote.state;
  if (state.protocol === TCP) {
    if (a === PROXY_SRC || b === PROXY_SRC) return '   PROXY:SRC';
    if (a === PROXY_DST || b === PROXY_DST) return '   PROXY:DST';
    const known = a < TCP_STATES.length && b < TCP_STATES.length;
    return known ? `   ${TCP_STATES[a]}:${TCP_STATES[b]}` : `   <BAD STATE LEVELS ${a}:${b}>`;
  }
  const counted = state.protocol !== ICMP && state.protocol !== ICMPV6;
  if (counted && a < PEER_STATES.length && b < PEER_STATES.length) {
    return `   ${PEER_STATES[a]}:${PEER_STATES[b]}`;
  }
  return `   ${a}:${b}`;
}

function stateDetails(state: StateInfo, dialect: Dialect): string[] {
  const lines = state.protocol === TCP ? [windowLine(state)] : [];
  const words = [
    `   age ${clockText(state.age)}`,
    `expires in ${clockText(state.expires)}`,
    `${state.packets[0]}:${state.packets[1]} pkts`,
    `${state.bytes[0]}:${state.bytes[1]} bytes`,
  ];
  if (state.anchor !== '') words.push(`anchor ${state.anchor}`);
  if (state.rule >= 0) words.push(`rule ${state.rule}`);
  if (state.sloppy) words.push('sloppy');
  if (dialect === 'openbsd' && state.pflow) words.push('pflow');
  if (state.sourceTrack) words.push('source-track');
  if (state.stickyAddress) words.push('sticky-address');
  return [...lines, words.join(', ')];
}

function windowLine(state: StateInfo): string {
  const peers =
    state.direction === 'out' ? [state.source, state.destination] : [state.destination, state.source];
  const scaled = peers.every((peer) => peer.windowScale !== 0);
  const texts = peers.map((peer) => {
    const modulated = peer.seqDifference === 0 ? '' : `(+${peer.seqDifference >>> 0})`;
    const scale = scaled ? ` wscale ${peer.windowScale & 15}` : '';
    const window = (peer.seqHigh - peer.seqLow) >>> 0;
    return `[${peer.seqLow >>> 0} + ${window}]${modulated}${scale}`;
  });
  return `   ${texts.join('  ')}`;
}

function idLine(state: StateInfo): string {
  const creator = (state.creatorId >>> 0).toString(16).padStart(8, '0');
  return `   id: ${state.id.padStart(16, '0')} creatorid: ${creator}`;
}

function clockText(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** `10.0.0.9 -> 0.0.0.0 ( states 3, connections 2, rate 0.4/10s )`. */
export async function showSources(session: Session): Promise<void> {
  const nodes = await allPages((cursor) => session.kernel.call('pf.sourceNodes', { cursor }));
  if (session.args.json) return session.json(nodes);
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
