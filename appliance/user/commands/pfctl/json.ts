// SPDX-License-Identifier: ISC
//
// What `pfctl --json` prints: addresses as text, counters by name where the calls have them by place.

import type { Address, Prefix } from '../../../abi/address.ts';
import { formatAddress, formatPrefix } from '../../../abi/addressText.ts';
import type {
  LoadedRule,
  PfInterfaceInfo,
  PfStatus,
  SourceNodeInfo,
  StateInfo,
  TableAddressInfo,
  TableInfo,
} from '../../../abi/pf.ts';

/** The same value with every address and network as text. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  if (isAddress(value)) return 'length' in value ? formatPrefix(value as Prefix) : formatAddress(value);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

function isAddress(value: object): value is Address {
  return 'family' in value && 'words' in value && Array.isArray(value.words);
}

/** `text` is the rule as it is listed. */
export function ruleJson(entry: LoadedRule, text: string): object {
  return { number: entry.number, text, rule: plain(entry.rule), counters: entry.counters };
}

/** Counters of one label of a rule. */
export function labelJson(label: string, { counters }: LoadedRule): object {
  const { evaluations, packets, bytes, packetsIn = 0, bytesIn = 0, statesCreated } = counters;
  return {
    label,
    evaluations,
    packets,
    bytes,
    packetsIn,
    bytesIn,
    packetsOut: packets - packetsIn,
    bytesOut: bytes - bytesIn,
    statesCreated,
  };
}

export function stateJson(state: StateInfo, text: string): object {
  const { packets, bytes } = state;
  return { text, ...(plain(state) as object), packets: bothWays(packets), bytes: bothWays(bytes) };
}

export function sourceJson(node: SourceNodeInfo): object {
  return { ...(plain(node) as object), packets: bothWays(node.packets), bytes: bothWays(node.bytes) };
}

/** As the connection was begun, and against that. */
function bothWays([forward, reverse]: readonly [number, number]): object {
  return { forward, reverse };
}

const COLUMNS = ['inBlock', 'inPass', 'inXPass', 'outBlock', 'outPass', 'outXPass'] as const;

function columns(values: readonly number[]): object {
  return Object.fromEntries(COLUMNS.map((name, i) => [name, values[i] ?? 0]));
}

export function tableJson(table: TableInfo): object {
  const [rules, anchors] = table.references;
  const { packets, bytes } = table;
  return { ...table, references: { rules, anchors }, packets: columns(packets), bytes: columns(bytes) };
}

export function tableAddressJson({ prefix, packets, bytes, ...entry }: TableAddressInfo): object {
  const counters = packets.length === 0 ? {} : { packets: columns(packets), bytes: columns(bytes) };
  return { address: formatPrefix(prefix), ...entry, ...counters };
}

export function interfaceJson(info: PfInterfaceInfo): object {
  return { ...info, packets: byFamily(info.packets), bytes: byFamily(info.bytes) };
}

/** [IPv4, IPv6][in, out][pass, block]. */
function byFamily(values: PfInterfaceInfo['packets']): object {
  const verdicts = (pair: readonly [number, number] = [0, 0]) => ({ passed: pair[0], blocked: pair[1] });
  const directions = (family: PfInterfaceInfo['packets'][number] = []) => ({
    in: verdicts(family[0]),
    out: verdicts(family[1]),
  });
  return { ipv4: directions(values[0]), ipv6: directions(values[1]) };
}

export function statusJson(status: PfStatus): object {
  const { logInterface } = status;
  if (logInterface === undefined) return status;
  const { name, packets, bytes } = logInterface;
  return { ...status, logInterface: { name, packets: byFamily(packets), bytes: byFamily(bytes) } };
}
