// SPDX-License-Identifier: ISC
//
// What pfctl asks of states and source nodes (DIOCGETSTATES, DIOCKILLSTATES, DIOCGETSRCNODES): listing in pages, killing.

import { type Address, contains, type Family, maskWord, type Prefix } from '../../abi/address.ts';
import type { Handlers } from '../../abi/client.ts';
import type { Page } from '../../abi/page.ts';
import type { PfCalls, SourceNodeInfo, StateFilter, StateInfo, StateKey, StatePeer } from '../../abi/pf.ts';
import type { Rule } from '../../abi/rule.ts';
import { DIRECTION_IN } from '../filter.ts';
import type { PfParts } from './parts.ts';
import { RATE_UNIT, type SourceNode } from './sourceNodes.ts';
import {
  COUNTERS,
  CREATED,
  CREATOR,
  DESTINATION,
  FLAG_DIRECTION,
  FLAG_DUP_TO,
  FLAG_PFLOW,
  FLAG_REPLY_TO,
  FLAG_ROUTE_TO,
  FLAG_SLOPPY,
  FLAGS,
  ID_HIGH,
  ID_LOW,
  INTERFACE,
  KIND,
  MAX_WINDOW,
  NAT_NODE,
  PEER_STATE,
  ROUTE,
  ROUTE_INTERFACE,
  ROUTE_NODE,
  SCALE_MASK,
  SEQ_DIFFERENCE,
  SEQ_HIGH,
  SEQ_LOW,
  SOURCE,
  SOURCE_NODE,
  STACK,
  WINDOW_SCALE,
  WIRE,
} from './stateRecord.ts';
import { readAddress, readPort } from './states.ts';

/** Records looked at in one call, so that it holds the kernel for less than a millisecond. */
const PAGE = 1_000;
/** Those that are described besides. */
const LISTED = 150;

type StateCalls = 'pf.states' | 'pf.killStates' | 'pf.sourceNodes' | 'pf.killSourceNodes';

export function stateCalls(parts: PfParts): Pick<Handlers<PfCalls>, StateCalls> {
  const { sourceNodes } = parts;
  return {
    'pf.states': ({ cursor, filter }) => listStates(parts, cursor, new StateMatch(parts, filter ?? {})),
    'pf.killStates': ({ cursor, filter }) => killStates(parts, cursor, new StateMatch(parts, filter)),
    'pf.sourceNodes': ({ cursor }) => {
      const all = sourceNodes.all();
      const items = all.slice(cursor, cursor + LISTED).map((node) => describeNode(parts, node));
      return cursor + LISTED < all.length ? { items, next: cursor + LISTED } : { items };
    },
    'pf.killSourceNodes': ({ source, destination }) => ({ killed: killNodes(parts, source, destination) }),
  };
}

function listStates(parts: PfParts, cursor: number, match: StateMatch): Page<StateInfo> {
  const { states } = parts;
  const items: StateInfo[] = [];
  const end = Math.min(states.end, cursor + PAGE);
  let state = cursor;
  for (; state < end && items.length < LISTED; state++) {
    if (states.isUsed(state) && match.matches(state)) items.push(describeState(parts, state));
  }
  return state < states.end ? { items, next: state } : { items };
}

function killStates(parts: PfParts, cursor: number, match: StateMatch): { killed: number; next?: number } {
  const { states, life, sync } = parts;
  // All of them: other machines are told in a word.
  if (match.isEmpty && cursor === 0) sync.target?.clearing();
  let killed = 0;
  const end = Math.min(states.end, cursor + PAGE);
  for (let state = cursor; state < end; state++) {
    if (!states.isUsed(state) || !match.matches(state)) continue;
    life.remove(state);
    killed++;
  }
  return end < states.end ? { killed, next: end } : { killed };
}

/** A filter's criteria against records; hosts are those on the wire, the one that began the connection first. */
class StateMatch {
  private readonly parts: PfParts;
  private readonly filter: StateFilter;
  private readonly words = new Int32Array(4);

  constructor(parts: PfParts, filter: StateFilter) {
    this.parts = parts;
    this.filter = filter;
  }

  /** Nothing is asked for: all states match. */
  get isEmpty(): boolean {
    return Object.values(this.filter).every((one) => one === undefined);
  }

  matches(state: number): boolean {
    const { states, life, interfaces } = this.parts;
    const { filter } = this;
    const records = states.records(state);
    const at = states.at(state);
    const kind = records[at + WIRE + KIND]!;
    const first = (records[at + FLAGS]! & FLAG_DIRECTION) === DIRECTION_IN ? 0 : 1;
    return (
      (filter.family === undefined || filter.family === kind >>> 8) &&
      (filter.protocol === undefined || filter.protocol === (kind & 0xff)) &&
      (filter.source === undefined || this.matchesHost(records, at, first, filter.source)) &&
      (filter.destination === undefined || this.matchesHost(records, at, 1 - first, filter.destination)) &&
      (filter.id === undefined || filter.id === idOf(records, at)) &&
      (filter.creatorId === undefined || filter.creatorId === records[at + CREATOR]! >>> 0) &&
      (filter.label === undefined || hasLabel(life.ruleOf(state).rule, filter.label)) &&
      (filter.interface === undefined ||
        filter.interface === (interfaces.byIndex(records[at + INTERFACE]!)?.name ?? 'all'))
    );
  }

  private matchesHost(
    records: Int32Array,
    at: number,
    which: number,
    host: { readonly prefix: Prefix; readonly port?: number },
  ): boolean {
    const { prefix, port } = host;
    if (records[at + WIRE + KIND]! >>> 8 !== prefix.family) return false;
    if (port !== undefined && readPort(records, at, WIRE, which) !== port) return false;
    readAddress(records, at, WIRE, which, this.words);
    return prefix.words.every((word, i) => ((word ^ this.words[i]!) & maskWord(prefix.length, i)) === 0);
  }
}

function hasLabel({ label, moreLabels }: Rule, wanted: string): boolean {
  return label === wanted || moreLabels?.includes(wanted) === true;
}

function idOf(records: Int32Array, at: number): string {
  const word = (field: number) => (records[at + field]! >>> 0).toString(16).padStart(8, '0');
  return `${word(ID_HIGH)}${word(ID_LOW)}`;
}

/** All of a state that is in use. */
export function describeState(parts: PfParts, state: number): StateInfo {
  const { states, life, settings, interfaces } = parts;
  const records = states.records(state);
  const at = states.at(state);
  const flags = records[at + FLAGS]!;
  const counters = states.counters(state).subarray((at >>> 1) + COUNTERS);
  const rule = life.ruleOf(state);
  const bound = records[at + INTERFACE]!;
  const nodes = records[at + NAT_NODE]! + records[at + ROUTE_NODE]!;
  return {
    id: idOf(records, at),
    creatorId: records[at + CREATOR]! >>> 0,
    interface: bound === 0 ? 'all' : (interfaces.byIndex(bound)?.name ?? '?'),
    protocol: records[at + WIRE + KIND]! & 0xff,
    direction: (flags & FLAG_DIRECTION) === DIRECTION_IN ? 'in' : 'out',
    wire: describeKey(records, at, WIRE),
    stack: describeKey(records, at, STACK),
    source: describePeer(records, at + SOURCE),
    destination: describePeer(records, at + DESTINATION),
    age: settings.seconds - records[at + CREATED]!,
    expires: Math.max(0, life.expires(state) - settings.seconds),
    packets: [counters[0]!, counters[1]!],
    bytes: [counters[2]!, counters[3]!],
    anchor: rule.anchor,
    rule: rule.number,
    sloppy: (flags & FLAG_SLOPPY) !== 0,
    ...((flags & FLAG_PFLOW) === 0 ? {} : { pflow: true }),
    ...(records[at + SOURCE_NODE] === 0 ? {} : { sourceTrack: true }),
    ...(nodes === 0 ? {} : { stickyAddress: true }),
    ...describeRoute(parts, records, at),
  };
}

function describeRoute(parts: PfParts, records: Int32Array, at: number): Pick<StateInfo, 'route'> {
  if ((records[at + FLAGS]! & (FLAG_ROUTE_TO | FLAG_REPLY_TO | FLAG_DUP_TO)) === 0) return {};
  const on = parts.interfaces.byIndex(records[at + ROUTE_INTERFACE]!);
  const address = addressOf(records.subarray(at + ROUTE, at + ROUTE + 4), records[at + WIRE + KIND]! >>> 8);
  return { route: { address, ...(on === undefined ? {} : { interface: on.name }) } };
}

function addressOf(words: Int32Array, family: number): Address {
  return family === 4 ? { family: 4, words: [words[0]!] } : { family: 6, words: [...words] };
}

function describeKey(records: Int32Array, at: number, side: number): StateKey {
  const family: Family = records[at + side + KIND]! >>> 8 === 4 ? 4 : 6;
  const words = new Int32Array(4);
  const address = (which: number) => {
    readAddress(records, at, side, which, words);
    return addressOf(words, family);
  };
  return {
    family,
    addresses: [address(0), address(1)],
    ports: [readPort(records, at, side, 0), readPort(records, at, side, 1)],
  };
}

function describePeer(records: Int32Array, at: number): StatePeer {
  return {
    state: records[at + PEER_STATE]!,
    seqLow: records[at + SEQ_LOW]! >>> 0,
    seqHigh: records[at + SEQ_HIGH]! >>> 0,
    maxWindow: records[at + MAX_WINDOW]!,
    windowScale: records[at + WINDOW_SCALE]! & SCALE_MASK,
    seqDifference: records[at + SEQ_DIFFERENCE]! >>> 0,
  };
}

// Source nodes.

function describeNode(parts: PfParts, node: SourceNode): SourceNodeInfo {
  const { seconds } = parts.settings;
  const { counters, rule } = node;
  const watched = rule?.rule.state?.options.maxSrcConnRate?.seconds ?? 0;
  return {
    address: addressOf(node.address, node.family),
    ...(node.hasChosen ? { route: addressOf(node.chosen, node.family) } : {}),
    states: node.states,
    connections: node.connections,
    rate: { count: node.rateCount / RATE_UNIT, seconds: watched },
    ...(rule === undefined ? {} : { rule: rule.number }),
    age: seconds - node.created,
    expires: node.states > 0 ? 0 : Math.max(0, node.expire - seconds),
    packets: [counters[0]!, counters[1]!],
    bytes: [counters[2]!, counters[3]!],
  };
}

/** Forgets sources, and those for which an address in `destination` was chosen; their states stay and count no more. */
function killNodes(parts: PfParts, source: Prefix | undefined, destination: Prefix | undefined): number {
  const { states, sourceNodes } = parts;
  const gone = sourceNodes.all().filter((node) => {
    const isSource = source === undefined || contains(source, addressOf(node.address, node.family));
    const chosen = addressOf(node.chosen, node.family);
    return isSource && (destination === undefined || (node.hasChosen && contains(destination, chosen)));
  });
  if (gone.length === 0) return 0;
  const numbers = new Set(gone.map((node) => node.number));
  for (let state = 0; state < states.end; state++) {
    if (!states.isUsed(state)) continue;
    const records = states.records(state);
    const at = states.at(state);
    for (const field of [SOURCE_NODE, NAT_NODE, ROUTE_NODE]) {
      if (numbers.has(records[at + field]!)) records[at + field] = 0;
    }
  }
  for (const node of gone) sourceNodes.remove(node);
  return gone.length;
}
