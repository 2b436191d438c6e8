// SPDX-License-Identifier: ISC
//
// A state as pftop(8) shows it: from the end that asked.

import { type Address, INET6 } from '../../../abi/address.ts';
import { formatAddress } from '../../../abi/addressText.ts';
import { PEER_STATES, TCP_STATES } from '../../../abi/names.ts';
import type { StateInfo, StateKey } from '../../../abi/pf.ts';

export interface TopState {
  readonly id: string;
  readonly creatorId: string;
  readonly protocol: string;
  readonly direction: 'in' | 'out';
  readonly interface: string;
  readonly source: string;
  readonly destination: string;
  /** The translated end, or the next hop of a route-to; empty where there is neither. */
  readonly gateway: string;
  readonly state: string;
  /** Seconds. */
  readonly age: number;
  readonly expires: number;
  readonly packets: number;
  readonly bytes: number;
  readonly rule: number;
  readonly anchor: string;
}

const TCP = 6;
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  2: 'igmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmp6',
  112: 'carp',
};

export function topState(state: StateInfo): TopState {
  const isIn = state.direction === 'in';
  // What comes in is asked for on the wire side, and what goes out on the stack's; its first end is the far one.
  const [asked, other] = isIn ? [state.wire, state.stack] : [state.stack, state.wire];
  const [from, to] = isIn ? ([0, 1] as const) : ([1, 0] as const);
  const source = endText(asked, from);
  const destination = endText(asked, to);
  const translated = [endText(other, to), endText(other, from)].find(
    (end) => state.wire.family === state.stack.family && end !== source && end !== destination,
  );
  const [near, far] = isIn ? [state.destination, state.source] : [state.source, state.destination];
  const names = state.protocol === TCP ? TCP_STATES : PEER_STATES;
  const peer = (value: number) =>
    (/^icmp/.test(PROTOCOLS[state.protocol] ?? '') ? undefined : names[value]) ?? value;
  return {
    id: state.id,
    creatorId: (state.creatorId >>> 0).toString(16).padStart(8, '0'),
    protocol: PROTOCOLS[state.protocol] ?? String(state.protocol),
    direction: state.direction,
    interface: state.interface,
    source,
    destination,
    gateway: state.route === undefined ? (translated ?? '') : formatAddress(state.route.address),
    state: `${peer(near.state)}:${peer(far.state)}`,
    age: state.age,
    expires: state.expires,
    packets: state.packets[0] + state.packets[1],
    bytes: state.bytes[0] + state.bytes[1],
    rule: state.rule,
    anchor: state.anchor,
  };
}

/** Whether one of the words that are shown contains the text. */
export function hasText(
  { protocol, interface: on, source, destination, gateway, state }: TopState,
  text: string,
): boolean {
  return [protocol, on, source, destination, gateway, state].some((word) => word.includes(text));
}

function endText(key: StateKey, index: 0 | 1): string {
  return hostText(key.addresses[index], key.ports[index]);
}

function hostText(address: Address, port: number): string {
  const host = formatAddress(address);
  if (port === 0) return host;
  return address.family === INET6 ? `${host}[${port}]` : `${host}:${port}`;
}
