// SPDX-License-Identifier: ISC
//
// pftop: the states of pf that come first by some order, found on the machine, so that a view of many thousands asks for few.

import type { Address } from '../../abi/address.ts';
import { INET6 } from '../../abi/address.ts';
import { formatAddress } from '../../abi/addressText.ts';
import { PEER_STATES, TCP_STATES } from '../../abi/names.ts';
import type { StateInfo, StateKey } from '../../abi/pf.ts';
import { clockText } from '../dissect/pfState.ts';
import type { Command, CommandContext } from './command.ts';
import { command, kernelOf, UsageError } from './failure.ts';

export const ORDERS = ['bytes', 'pkts', 'age', 'exp', 'source', 'dest', 'none'] as const;
export type Order = (typeof ORDERS)[number];

/** One state as it is shown. */
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

export interface TopStates {
  /** All that there are, and those that the text fits. */
  readonly total: number;
  readonly matching: number;
  readonly states: readonly TopState[];
}

interface Options {
  json: boolean;
  order: Order;
  filter: string;
  count: number;
}

const DEFAULT_COUNT = 40;
const TCP = 6;
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  2: 'igmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmp6',
  112: 'carp',
};

export const pftop: Command = {
  ...command(
    'pftop',
    'pftop [--json] [-f text] [-o order] [number]',
    'show the states that come first',
    async (args, context) => {
      const options = parse(args);
      const top = await find(options, context);
      context.stdout(options.json ? `${JSON.stringify(top)}\n` : text(top));
      return 0;
    },
  ),
  values: { order: ORDERS },
};

function parse(args: readonly string[]): Options {
  const options: Options = { json: false, order: 'bytes', filter: '', count: DEFAULT_COUNT };
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--json') options.json = true;
    else if (word === '-f') options.filter = argumentOf(word, rest);
    else if (word === '-o') options.order = orderOf(argumentOf(word, rest));
    else if (/^\d+$/.test(word)) options.count = Number(word);
    else throw new UsageError(`unknown argument ${word}`);
  }
  return options;
}

function argumentOf(option: string, rest: string[]): string {
  const value = rest.shift();
  if (value === undefined) throw new UsageError(`${option} needs an argument`);
  return value;
}

function orderOf(word: string): Order {
  const order = ORDERS.find((one) => one === word);
  if (order === undefined) throw new UsageError(`${word}: no such order; there are ${ORDERS.join(', ')}`);
  return order;
}

/** Sorts now and then only, so that a hundred thousand states cost little more than to read them. */
async function find({ order, filter, count }: Options, context: CommandContext): Promise<TopStates> {
  const kernel = kernelOf(context);
  const before = comparison(order);
  let kept: TopState[] = [];
  let total = 0;
  let matching = 0;
  for (let cursor: number | undefined = 0; cursor !== undefined && !context.signal.aborted; ) {
    const page: { items: readonly StateInfo[]; next?: number } = await kernel.call('pf.states', { cursor });
    total += page.items.length;
    const states = page.items.map(topState).filter((state) => fits(state, filter));
    matching += states.length;
    kept = [...kept, ...states].sort(before).slice(0, count);
    cursor = page.next;
  }
  return { total, matching, states: kept };
}

function comparison(order: Order): (a: TopState, b: TopState) => number {
  switch (order) {
    case 'bytes':
      return (a, b) => b.bytes - a.bytes;
    case 'pkts':
      return (a, b) => b.packets - a.packets;
    case 'age':
      return (a, b) => b.age - a.age;
    case 'exp':
      return (a, b) => a.expires - b.expires;
    case 'source':
      return (a, b) => (a.source < b.source ? -1 : 1);
    case 'dest':
      return (a, b) => (a.destination < b.destination ? -1 : 1);
    case 'none':
      return () => 0;
  }
}

/** Whether one of the words that are shown contains the text. */
function fits(
  { protocol, interface: on, source, destination, gateway, state }: TopState,
  text: string,
): boolean {
  return (
    text === '' || [protocol, on, source, destination, gateway, state].some((word) => word.includes(text))
  );
}

function topState(state: StateInfo): TopState {
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

function endText(key: StateKey, index: 0 | 1): string {
  return hostText(key.addresses[index], key.ports[index]);
}

function hostText(address: Address, port: number): string {
  const host = formatAddress(address);
  if (port === 0) return host;
  return address.family === INET6 ? `${host}[${port}]` : `${host}:${port}`;
}

function text({ total, matching, states }: TopStates): string {
  const rows = states.map((one) => [
    one.protocol.padEnd(5),
    one.direction.padEnd(3),
    one.source.padEnd(24),
    one.destination.padEnd(24),
    one.gateway.padEnd(18),
    one.state.padEnd(24),
    clockText(one.age),
    clockText(one.expires),
    String(one.packets).padStart(8),
    String(one.bytes).padStart(10),
  ]);
  const heading =
    'PR    DIR SRC                      DEST                     GW                 STATE                    AGE      EXP          PKTS      BYTES';
  const lines = [`${matching} of ${total} states`, heading, ...rows.map((row) => row.join(' '))];
  return `${lines.join('\n')}\n`;
}
