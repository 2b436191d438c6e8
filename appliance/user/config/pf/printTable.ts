// SPDX-License-Identifier: ISC
//
// Table definitions as pfctl(8) prints them.

import type { TableEntry } from '../../../abi/pf.ts';
import { formatPfHost } from './printAddress.ts';
import type { HostNode } from './syntax.ts';

/** A group of addresses in braces, or a file. */
export type TablePart = { readonly file: string } | { readonly hosts: readonly HostNode[] };

export interface TableFlags {
  readonly constant: boolean;
  readonly persist: boolean;
  readonly counters: boolean;
}

/** `table <name> const persist { … } file "…"`; groups that follow each other are one. */
export function printTableDefinition(
  name: string,
  flags: TableFlags,
  parts: readonly TablePart[],
  defined: boolean,
): string {
  let text = `table <${name}>`;
  if (flags.constant) text += ' const';
  if (flags.persist) text += ' persist';
  if (flags.counters) text += ' counters';
  parts.forEach((part, i) => {
    if ('file' in part) {
      text += ` file "${part.file}"`;
      return;
    }
    const previous = parts[i - 1];
    const following = parts[i + 1];
    if (previous === undefined || 'file' in previous) text += ' {';
    for (const host of part.hosts) {
      const weight = host.weight === undefined ? '' : ` weight ${host.weight}`;
      text += ` ${host.negated ? '!' : ''}${formatPfHost(host.address, host.family)}${weight}`;
    }
    if (following === undefined || 'file' in following) text += ' }';
  });
  if (defined && parts.length === 0) text += ' { }';
  return text;
}

/** The definition of a table that was made of entries (automatic tables). */
export function printTableEntries(name: string, entries: readonly TableEntry[]): string {
  const hosts = entries.map((entry): HostNode => {
    const { prefix } = entry;
    return { address: { kind: 'prefix', prefix }, family: prefix.family, negated: entry.negated };
  });
  return printTableDefinition(name, { constant: true, persist: false, counters: false }, [{ hosts }], true);
}
