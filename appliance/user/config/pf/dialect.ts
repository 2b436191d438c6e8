// SPDX-License-Identifier: ISC
//
// What differs between the pf.conf dialects, in one table: OpenBSD 4.4 (2008), today's OpenBSD, FreeBSD as it was recorded
// with release 12 and as release 15 prints. The parser, the expansion and the printer ask this table and nothing else.

import { DIALECTS, type Dialect, type PoolType } from '../../../abi/rule.ts';
import { CLASSIC_CLAUSES, type ClauseName, FREEBSD_CLAUSES, TODAY_CLAUSES } from './clauses.ts';
import {
  CLASSIC_WORDS,
  FREEBSD_OPTIONS,
  FREEBSD_TAKEN,
  FREEBSD_WORDS,
  SHARED_OPTIONS,
  SHARED_WORDS,
  TODAY_OPTIONS,
  TODAY_WORDS,
  words,
} from './words.ts';

/** A criterion of a rule that may be a list, as the expansion multiplies them. */
export type ListName =
  | 'interface'
  | 'protocol'
  | 'icmp'
  | 'source'
  | 'sourcePort'
  | 'os'
  | 'destination'
  | 'destinationPort'
  | 'user'
  | 'group';

export interface Traits {
  readonly dialect: Dialect;
  /** Words that are never a name unless quoted. */
  readonly reserved: ReadonlySet<string>;
  /** `!=`, `<=` and `>=` are one token each; else two, and `! =` is the same. */
  readonly joinedOperators: boolean;
  /** `->` is a token. */
  readonly arrow: boolean;
  /** A backslash before a blank inside quotes gives the blank. */
  readonly quotedBlankEscape: boolean;
  /** Options, scrub, queueing, translation and filter rules are statements of their own, in that order. */
  readonly classicRules: boolean;
  /** There are `match` rules, and filter rules translate (`nat-to`, `af-to`, …), scrub and ask for `received-on`. */
  readonly todaysRules: boolean;
  /** There are rules for Ethernet frames. */
  readonly etherRules: boolean;
  /** There are state and source limiters. */
  readonly limiters: boolean;
  /** A rule may have several labels. */
  readonly severalLabels: boolean;
  /** ALTQ has the scheduler fairq and the flag codel. */
  readonly fairQueues: boolean;
  /** Protocols that have ports, and how messages call them. */
  readonly portProtocols: ReadonlySet<number>;
  readonly portProtocolNames: string;
  /** Timeouts and limits that are read and mean nothing to this kernel. */
  readonly idleSettings: ReadonlySet<string>;
  /** Tables and `(if)` may be in pools of these types. */
  readonly manyAddressPools: ReadonlySet<PoolType>;
  /** What is said of a table or an interface in a pool of another type. */
  readonly manyAddressText: (kind: 'tables are' | `interface (${string}) is`, pool: string) => string;
  /** A list of addresses behind `nat-to` and its kin stays one; else it becomes a table. */
  readonly targetLists: boolean;
  /** Words that may stand behind the hosts of a filter rule. */
  readonly filterOptions: ReadonlySet<string>;
  /** Outermost list first. */
  readonly expansionOrder: readonly ListName[];
  /** `any` among other addresses makes the whole list any; else it is dropped from the list. */
  readonly anyAbsorbsList: boolean;
  /** A `(if)` that was narrowed to IPv4 in one combination stays so in the next ones. */
  readonly stickyDynamicMask: boolean;
  /** `$nr` in labels is replaced when the optimizer is done; else while parsing. */
  readonly lateRuleNumbers: boolean;
  /** `any` may be the source of a binat rule. */
  readonly binatFromAny: boolean;
  /** A port range upside down is an error. */
  readonly checkRanges: boolean;
  /** Names of the differentiated services may be used. */
  readonly dscpNames: boolean;
  /** Tables may stand in inline anchors, `include` too. */
  readonly tablesInAnchors: boolean;
  /** What is printed, in order. */
  readonly clauses: readonly ClauseName[];
  /** Names of services for ports after `=` and `!=`; else numbers. */
  readonly serviceNames: boolean;
  /** `keep state` is printed on every stateful rule; else only when options follow. */
  readonly plainKeepState: boolean;
  /** The text around the `set ( … )` of a rule. */
  readonly setParentheses: readonly [string, string];
  /** `divert-to` is printed with the port alone. */
  readonly divertPortOnly: boolean;
  /** Anchor calls in the listing of a load have their whole paths; else what stands behind the last slash. */
  readonly anchorPaths: boolean;
  /** Routing domains: skip steps have a row for them. */
  readonly routingDomains: boolean;
}

const TCP = 6;
const UDP = 17;
const SCTP = 132;

const ROUND_ROBIN: ReadonlySet<PoolType> = new Set(['round-robin']);
const CHOOSING: ReadonlySet<PoolType> = new Set(['round-robin', 'random', 'source-hash', 'least-states']);

const SCTP_TIMEOUTS = ['first', 'opening', 'established', 'closing', 'closed'].map((name) => `sctp.${name}`);

const OPENBSD_2008: Traits = {
  dialect: 'openbsd-2008',
  reserved: words(SHARED_WORDS, CLASSIC_WORDS),
  joinedOperators: false,
  arrow: true,
  quotedBlankEscape: false,
  classicRules: true,
  todaysRules: false,
  etherRules: false,
  limiters: false,
  severalLabels: false,
  fairQueues: false,
  portProtocols: new Set([TCP, UDP]),
  portProtocolNames: 'tcp/udp',
  idleSettings: new Set(),
  manyAddressPools: ROUND_ROBIN,
  manyAddressText: (kind, pool) => `${kind} only supported in round-robin ${pool} pools`,
  targetLists: false,
  filterOptions: words(SHARED_OPTIONS),
  expansionOrder: [
    'interface',
    'protocol',
    'icmp',
    'source',
    'sourcePort',
    'os',
    'destination',
    'destinationPort',
    'user',
    'group',
  ],
  anyAbsorbsList: false,
  stickyDynamicMask: true,
  lateRuleNumbers: false,
  binatFromAny: false,
  checkRanges: false,
  dscpNames: false,
  tablesInAnchors: false,
  clauses: CLASSIC_CLAUSES,
  serviceNames: true,
  plainKeepState: true,
  setParentheses: ['(', ')'],
  divertPortOnly: false,
  anchorPaths: true,
  routingDomains: false,
};

const FREEBSD: Traits = {
  ...OPENBSD_2008,
  dialect: 'freebsd',
  reserved: words(SHARED_WORDS, CLASSIC_WORDS, FREEBSD_WORDS, FREEBSD_TAKEN),
  todaysRules: true,
  etherRules: true,
  limiters: true,
  severalLabels: true,
  fairQueues: true,
  portProtocols: new Set([TCP, UDP, SCTP]),
  portProtocolNames: 'tcp/udp/sctp',
  idleSettings: new Set([...SCTP_TIMEOUTS, 'anchors', 'eth-anchors']),
  manyAddressPools: CHOOSING,
  manyAddressText: (kind) => `${kind} not supported by pool type`,
  targetLists: true,
  filterOptions: words(SHARED_OPTIONS, FREEBSD_OPTIONS),
  binatFromAny: true,
  checkRanges: true,
  clauses: FREEBSD_CLAUSES,
  setParentheses: ['( ', ' )'],
  divertPortOnly: true,
  anchorPaths: false,
};

const FREEBSD_15: Traits = {
  ...FREEBSD,
  dialect: 'freebsd-15',
  stickyDynamicMask: false,
  anchorPaths: true,
};

const OPENBSD: Traits = {
  dialect: 'openbsd',
  reserved: words(SHARED_WORDS, TODAY_WORDS),
  joinedOperators: true,
  arrow: false,
  quotedBlankEscape: true,
  classicRules: false,
  todaysRules: true,
  etherRules: false,
  limiters: true,
  severalLabels: false,
  fairQueues: false,
  portProtocols: new Set([TCP, UDP]),
  portProtocolNames: 'tcp/udp',
  idleSettings: new Set(),
  manyAddressPools: CHOOSING,
  manyAddressText: (kind) => `${kind} not supported by pool type`,
  targetLists: false,
  filterOptions: words(SHARED_OPTIONS, TODAY_OPTIONS),
  expansionOrder: [
    'interface',
    'protocol',
    'icmp',
    'source',
    'destination',
    'sourcePort',
    'destinationPort',
    'os',
    'user',
    'group',
  ],
  anyAbsorbsList: true,
  stickyDynamicMask: false,
  lateRuleNumbers: true,
  binatFromAny: false,
  checkRanges: true,
  dscpNames: true,
  tablesInAnchors: true,
  clauses: TODAY_CLAUSES,
  serviceNames: false,
  plainKeepState: false,
  setParentheses: ['(', ')'],
  divertPortOnly: false,
  anchorPaths: true,
  routingDomains: true,
};

const TRAITS: Readonly<Record<Dialect, Traits>> = {
  'openbsd-2008': OPENBSD_2008,
  openbsd: OPENBSD,
  freebsd: FREEBSD,
  'freebsd-15': FREEBSD_15,
};

export function traitsOf(dialect: Dialect): Traits {
  return TRAITS[dialect];
}

/** The dialect of this name, or undefined. */
export function dialectByName(name: string): Dialect | undefined {
  return DIALECTS.find((dialect) => dialect === name);
}
