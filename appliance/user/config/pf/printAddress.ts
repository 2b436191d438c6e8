// SPDX-License-Identifier: ISC
//
// Addresses and ports of rules as pfctl(8) prints them.

import { addressBits, type Family, INET } from '../../../abi/address.ts';
import { formatAddress, formatPrefix } from '../../../abi/addressText.ts';
import { UNKNOWN_ID } from '../../../abi/names.ts';
import type { DynamicAddress, NumberMatch, RuleAddress } from '../../../abi/rule.ts';
import type { NameTable } from './facts.ts';

/** With `-vv`: how many addresses a table or an interface has now; undefined is printed as `*`. */
export interface AddressCounts {
  table(name: string): number | undefined;
  dynamic(address: DynamicAddress, family: Family | undefined): number | undefined;
}

/** An address of a rule or of a pool. */
export function formatPfHost(
  address: RuleAddress,
  family: Family | undefined,
  counts?: AddressCounts,
): string {
  switch (address.kind) {
    case 'any':
      return 'any';
    case 'prefix':
      return address.prefix.length === 0 && address.prefix.words.every((word) => word === 0)
        ? 'any'
        : formatPrefix(address.prefix);
    case 'range':
      return `${formatAddress(address.from)} - ${formatAddress(address.to)}`;
    case 'dynamic':
      return formatDynamic(address, family, counts);
    case 'table': {
      const count = counts === undefined ? '' : `:${counts.table(address.name) ?? '*'}`;
      return `<${address.name}${count}>`;
    }
    case 'route':
      return `route "${address.label}"`;
    default:
      return address.kind;
  }
}

function formatDynamic(
  address: DynamicAddress,
  family: Family | undefined,
  counts: AddressCounts | undefined,
): string {
  const words = [
    address.interface,
    address.network && 'network',
    address.broadcast && 'broadcast',
    address.peer && 'peer',
    address.noAlias && '0',
  ].filter(Boolean);
  if (counts !== undefined) words.push(String(counts.dynamic(address, family) ?? '*'));
  const full = addressBits(family ?? 6);
  const length = address.length === undefined || address.length === full ? '' : `/${address.length}`;
  return `(${words.join(':')})${length}`;
}

/** ` = www`, ` 80:90`: an operator and its numbers. `name` is what `low` is called, if it has a name. */
export function formatMatch(match: NumberMatch, name?: string): string {
  switch (match.operator) {
    case ':':
      return ` ${match.low}:${match.high}`;
    case '><':
    case '<>':
      return ` ${match.low} ${match.operator} ${match.high}`;
    case '=':
    case '!=':
      return ` ${match.operator} ${name ?? match.low}`;
    default:
      return ` ${match.operator} ${match.low}`;
  }
}

/** ` port = www`; services are named where a table of them is given. */
export function formatPort(match: NumberMatch, services: NameTable | undefined): string {
  return ` port${formatMatch(match, services?.name(match.low))}`;
}

/** ` user = 1000`, ` group != unknown`. */
export function formatOwner(what: 'user' | 'group', match: NumberMatch): string {
  return ` ${what}${formatMatch(match, match.low === UNKNOWN_ID ? 'unknown' : undefined)}`;
}

/** The family's word. */
export function familyWord(family: Family): string {
  return family === INET ? 'inet' : 'inet6';
}
