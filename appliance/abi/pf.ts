// SPDX-License-Identifier: ISC
//
// Calls of pf(4): rulesets, tables, states, statistics. What DIOC* ioctls are on the original.

import type { Address, Family, Prefix } from './address.ts';
import type { CompiledRules } from './compiledRules.ts';
import type { Fingerprint } from './fingerprint.ts';
import type { Page, PageRequest } from './page.ts';
import type { Dialect, Rule, RuleList } from './rule.ts';
import type { StateOrderCalls } from './stateOrder.ts';

/** One ruleset of a load: the anchor's absolute path ('' is the main ruleset) and its rules, all lists in order. */
export interface AnchorRules {
  readonly path: string;
  readonly rules: readonly Rule[];
}

/** An address of a table; `negated` for `!`. */
export interface TableEntry {
  readonly prefix: Prefix;
  readonly negated: boolean;
  /** Share of a pool's choices that this address gets; absent: 1. */
  readonly weight?: number;
}

export interface TableDefinition {
  /** Anchor path the table lives in. */
  readonly anchor: string;
  readonly name: string;
  readonly persist: boolean;
  readonly constant: boolean;
  readonly counters: boolean;
  /** Absent: keep what an existing table holds. */
  readonly entries?: readonly TableEntry[];
}

/** Everything `set …` can say, resolved; absent: the default of the dialect. */
export interface PfOptions {
  readonly timeouts?: Readonly<Record<string, number>>;
  readonly limits?: Readonly<Record<string, number>>;
  readonly skip?: readonly string[];
  readonly blockPolicy?: 'drop' | 'return';
  readonly statePolicy?: 'floating' | 'if-bound';
  readonly logInterface?: string;
  readonly hostId?: number;
  readonly debug?: string;
  readonly reassemble?: { readonly enabled: boolean; readonly noDf: boolean };
  readonly optimization?: string;
  readonly syncookies?: {
    readonly mode: 'never' | 'always' | 'adaptive';
    readonly start?: number;
    readonly end?: number;
  };
}

/** A queue as `pfctl -s queue` shows it: ALTQ of 2008 or the queues of today, in bits per second. */
export interface QueueDefinition {
  readonly name: string;
  readonly interface: string;
  readonly parent?: string;
  /** The line that defines it, as the dialect prints it. */
  readonly text: string;
  /** Number given in order of definition, 1 the first; queues of one name share it. */
  readonly id: number;
  /** Depth below the root queue. */
  readonly depth: number;
  readonly interfaceBandwidth: number;
}

/** One transaction: all of it takes effect between two packets, or nothing does. */
export interface PfLoad {
  /** Looks of systems that rules may name; absent: they stay. */
  readonly fingerprints?: readonly Fingerprint[];
  readonly dialect: Dialect;
  /** Rulesets to replace, each whole. A ruleset not named here stays. */
  readonly anchors: readonly AnchorRules[];
  readonly tables: readonly TableDefinition[];
  /** Absent: options stay as they are (loads into an anchor, relayd). */
  readonly options?: PfOptions;
  /** Queues of the main ruleset, kept to be listed; absent: they stay. Shaping is not enforced. */
  readonly queues?: readonly QueueDefinition[];
  /** MD5 of the main ruleset as pfctl computes it, for pfsync peers and `-s info`; computed on the caller's side. */
  readonly checksum?: string;
}

export interface RuleCounters {
  readonly evaluations: number;
  readonly packets: number;
  readonly bytes: number;
  readonly states: number;
  readonly statesCreated: number;
  /** The inbound part of `packets` and `bytes`, for `-s labels`. */
  readonly packetsIn?: number;
  readonly bytesIn?: number;
  /** Of a rule with `observed`. */
  readonly observed?: ObservedCounters;
}

export interface ObservedCounters {
  /** Messages about its states, and their bytes on the link, IP headers included. */
  readonly messages: number;
  readonly bytes: number;
  /** States that were told of, and those that had to stay or become sloppy. */
  readonly states: number;
  readonly unobserved: number;
}

export interface LoadedRule {
  /** Number within its list, as `@N`. */
  readonly number: number;
  readonly rule: Rule;
  readonly counters: RuleCounters;
}

export interface StatePeer {
  /** Number as pf.md 5.3 has it. */
  readonly state: number;
  readonly seqLow: number;
  readonly seqHigh: number;
  readonly maxWindow: number;
  readonly windowScale: number;
  readonly seqDifference: number;
}

export interface StateKey {
  readonly family: Family;
  readonly addresses: readonly [Address, Address];
  readonly ports: readonly [number, number];
}

/** One state as `pfctl -ss -vv` prints it. Indices of keys as pf.md 5.1. */
export interface StateInfo {
  readonly id: string;
  readonly creatorId: number;
  /** 'all' for floating states. */
  readonly interface: string;
  readonly protocol: number;
  readonly direction: 'in' | 'out';
  readonly wire: StateKey;
  readonly stack: StateKey;
  readonly source: StatePeer;
  readonly destination: StatePeer;
  /** Seconds. */
  readonly age: number;
  readonly expires: number;
  /** In creation direction, then against it. */
  readonly packets: readonly [number, number];
  readonly bytes: readonly [number, number];
  readonly anchor: string;
  readonly rule: number;
  readonly sloppy: boolean;
  readonly pflow?: boolean;
  readonly sourceTrack?: boolean;
  readonly stickyAddress?: boolean;
  readonly route?: { readonly address: Address; readonly interface?: string };
}

/** Which states to list or kill; absent criteria match all. */
export interface StateFilter {
  readonly interface?: string;
  readonly family?: Family;
  readonly protocol?: number;
  readonly source?: { readonly prefix: Prefix; readonly port?: number };
  readonly destination?: { readonly prefix: Prefix; readonly port?: number };
  readonly id?: string;
  readonly creatorId?: number;
  readonly label?: string;
}

export interface TableInfo {
  readonly anchor: string;
  readonly name: string;
  readonly persist: boolean;
  readonly constant: boolean;
  readonly counters: boolean;
  readonly active: boolean;
  readonly addresses: number;
  /** References by rules, and by anchors' rules. */
  readonly references: readonly [number, number];
  /** Seconds since boot of the last clearing. */
  readonly cleared: number;
  readonly evaluations: { readonly match: number; readonly noMatch: number };
  /** In/Block, In/Pass, In/XPass, Out/Block, Out/Pass, Out/XPass. */
  readonly packets: readonly number[];
  readonly bytes: readonly number[];
}

export interface TableAddressInfo extends TableEntry {
  readonly cleared: number;
  readonly packets: readonly number[];
  readonly bytes: readonly number[];
}

/** An interface or group as pf knows it, for `-s Interfaces`. */
export interface PfInterfaceInfo {
  readonly name: string;
  readonly skip: boolean;
  readonly states: number;
  readonly rules: number;
  /** Seconds since boot of the last clearing. */
  readonly cleared: number;
  /** [IPv4, IPv6][in, out][pass, block]: packets and bytes. */
  readonly packets: readonly (readonly (readonly [number, number])[])[];
  readonly bytes: readonly (readonly (readonly [number, number])[])[];
}

export interface SourceNodeInfo {
  readonly address: Address;
  readonly route?: Address;
  readonly states: number;
  readonly connections: number;
  readonly rate: { readonly count: number; readonly seconds: number };
  readonly rule?: number;
  readonly age: number;
  readonly expires: number;
  readonly packets: readonly [number, number];
  readonly bytes: readonly [number, number];
}

export interface PfStatus {
  readonly enabled: boolean;
  /** Seconds since pf was enabled (or disabled). */
  readonly since: number;
  readonly debug: string;
  readonly hostId: number;
  readonly checksum: string;
  readonly dialect: Dialect;
  readonly states: {
    readonly current: number;
    /** Of TCP, and the handshake is not complete. */
    readonly halfOpen: number;
    readonly searches: number;
    readonly inserts: number;
    readonly removals: number;
  };
  readonly sourceNodes: {
    readonly current: number;
    readonly searches: number;
    readonly inserts: number;
    readonly removals: number;
  };
  readonly reasons: Readonly<Record<string, number>>;
  readonly limitCounters: Readonly<Record<string, number>>;
  readonly fragments: number;
  /** Half-open states at which adaptive syncookies begin and end; absent in other modes. */
  readonly syncookies?: { readonly start: number; readonly end: number };
  readonly logInterface?: {
    readonly name: string;
    /** [IPv4, IPv6][in, out][pass, block]: packets and bytes. */
    readonly bytes: readonly (readonly (readonly [number, number])[])[];
    readonly packets: readonly (readonly (readonly [number, number])[])[];
  };
}

/** How many entries of a table have a prefix of one length. */
export interface PrefixCount {
  readonly family: Family;
  readonly length: number;
  readonly count: number;
}

/** What of a load is neither rules nor entries: those follow in steps. */
export interface PfLoadHead extends Omit<PfLoad, 'anchors' | 'tables'> {
  readonly anchors: readonly string[];
  /** With `sizes` where the content is replaced. */
  readonly tables: readonly (Omit<TableDefinition, 'entries'> & {
    readonly sizes?: readonly PrefixCount[];
  })[];
}

export function headOf(load: PfLoad): PfLoadHead {
  return {
    ...load,
    anchors: load.anchors.map(({ path }) => path),
    tables: load.tables.map(({ entries, ...definition }) =>
      entries === undefined ? definition : { ...definition, sizes: sizesOf(entries) },
    ),
  };
}

/** How much room entries want. */
export function sizesOf(entries: readonly TableEntry[]): readonly PrefixCount[] {
  const counts = new Map<string, { family: Family; length: number; count: number }>();
  for (const { prefix } of entries) {
    const { family, length } = prefix;
    const known = counts.get(`${family}/${length}`);
    if (known === undefined) counts.set(`${family}/${length}`, { family, length, count: 1 });
    else known.count++;
  }
  return [...counts.values()];
}

export interface TableChange {
  readonly added: number;
  readonly deleted: number;
  readonly changed: number;
}

export interface PfCalls extends StateOrderCalls {
  'pf.enable': [Record<string, never>, null];
  'pf.disable': [Record<string, never>, null];
  'pf.status': [Record<string, never>, PfStatus];
  /** Refused as a whole with CallError EINVAL and a reason; then the running ruleset is untouched. */
  'pf.load': [PfLoad, null];
  /**
   * The same in steps, which is what becomes of it on the way to a kernel in its own thread: no step is long, rules are compiled by who
   * loads them, and nothing is changed before the commit. EBUSY when another load has begun meanwhile.
   */
  'pf.begin': [PfLoadHead, { readonly ticket: number }];
  'pf.addRules': [
    {
      readonly ticket: number;
      readonly anchor: string;
      readonly list: RuleList;
      readonly rules: readonly Rule[];
    },
    null,
  ];
  /** To the table at a place in the head's; `entries` as packedEntries.ts has them. */
  'pf.addEntries': [{ readonly ticket: number; readonly table: number; readonly entries: Int32Array }, null];
  'pf.commit': [
    {
      readonly ticket: number;
      readonly compiled: readonly {
        readonly anchor: string;
        readonly list: RuleList;
        readonly rules: CompiledRules;
      }[];
    },
    /** What became of the content of each table of the head. */
    readonly TableChange[],
  ];
  'pf.rules': [PageRequest & { readonly anchor: string }, Page<LoadedRule>];
  /** Paths of all anchors below `anchor` (its direct children without `recursive`). */
  'pf.anchors': [{ readonly anchor: string; readonly recursive: boolean }, readonly string[]];
  'pf.options': [
    Record<string, never>,
    {
      readonly timeouts: Readonly<Record<string, number>>;
      readonly limits: Readonly<Record<string, number>>;
      readonly skip: readonly string[];
    },
  ];
  'pf.fingerprints': [Record<string, never>, readonly Fingerprint[]];
  'pf.setOptions': [PfOptions, null];
  /** Queues of the last load of the main ruleset. */
  'pf.queues': [Record<string, never>, readonly QueueDefinition[]];
  /** Interfaces and groups that pf knows, by name. */
  'pf.interfaces': [{ readonly name?: string }, readonly PfInterfaceInfo[]];
  'pf.states': [PageRequest & { readonly filter?: StateFilter }, Page<StateInfo>];
  /** Of one page of the table; what is behind it begins at `next`. */
  'pf.killStates': [
    PageRequest & { readonly filter: StateFilter },
    { readonly killed: number; readonly next?: number },
  ];
  'pf.sourceNodes': [PageRequest, Page<SourceNodeInfo>];
  'pf.killSourceNodes': [
    { readonly source?: Prefix; readonly destination?: Prefix },
    { readonly killed: number },
  ];
  'pf.clearCounters': [{ readonly what: 'rules' | 'info' | 'tables' }, null];
  'pf.tables': [{ readonly anchor?: string }, readonly TableInfo[]];
  'pf.tableAddresses': [
    PageRequest & { readonly anchor: string; readonly name: string },
    Page<TableAddressInfo>,
  ];
  /** `replace` swaps the content, keeping counters of addresses that stay; the table is created where it is missing. */
  'pf.changeTable': [
    {
      readonly anchor: string;
      readonly name: string;
      readonly change: 'add' | 'delete' | 'replace' | 'flush' | 'zero' | 'kill';
      readonly entries: readonly TableEntry[];
      readonly dryRun?: boolean;
    },
    TableChange,
  ];
  'pf.testTable': [
    { readonly anchor: string; readonly name: string; readonly addresses: readonly Address[] },
    readonly boolean[],
  ];
}

export interface PfEvents {
  /** A ruleset, a table or pf itself was changed. */
  'pf.changed': { readonly what: 'rules' | 'tables' | 'enabled' | 'disabled' };
}
