// SPDX-License-Identifier: ISC
//
// How a state of pf is printed (pf_print_state.c): by pfctl, and by tcpdump where it meets one on pfsync.

import { type Address, INET6 } from '../../abi/address.ts';
import { formatAddress } from '../../abi/addressText.ts';
import { PEER_STATES, TCP_STATES } from '../../abi/names.ts';
import type { StateInfo, StateKey } from '../../abi/pf.ts';
import type { Dialect } from '../../abi/rule.ts';

const TCP = 6;
const ICMP = 1;
const ICMPV6 = 58;
const PROXY_SRC = 11;
const PROXY_DST = 12;

/** Names of protocols by number. */
export type ProtocolNames = (protocol: number) => string | undefined;

/** `all tcp 10.0.0.5:51234 -> 192.0.2.10:443       ESTABLISHED:ESTABLISHED`. */
export function stateLine(state: StateInfo, dialect: Dialect, protocolName: ProtocolNames): string {
  const outbound = state.direction === 'out';
  const [shown, hidden] = outbound ? [state.wire, state.stack] : [state.stack, state.wire];
  // Between families the shown side is that of the answers: it points the other way.
  const pointsOut = outbound || shown.family !== hidden.family;
  const local = endText(shown, hidden, 1, dialect);
  const remote = endText(shown, hidden, 0, dialect);
  const gateway = state.route === undefined ? '' : ` {${formatAddress(state.route.address)}}`;
  const ends = pointsOut ? `${local} -> ${remote}${gateway}` : `${local}${gateway} <- ${remote}`;
  const protocol = protocolName(state.protocol) ?? String(state.protocol);
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

/** What `-v` adds: windows, age, counters, rule. */
export function stateDetails(state: StateInfo, dialect: Dialect): string[] {
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

/** What `-vv` adds. */
export function idLine(state: StateInfo): string {
  const creator = (state.creatorId >>> 0).toString(16).padStart(8, '0');
  return `   id: ${state.id.padStart(16, '0')} creatorid: ${creator}`;
}

/** Seconds as hours, minutes and seconds. */
export function clockText(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}
