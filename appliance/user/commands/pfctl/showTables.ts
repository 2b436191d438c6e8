// SPDX-License-Identifier: ISC
//
// `pfctl -s Tables` and the counters of tables and of their addresses.

import type { TableInfo } from '../../../abi/pf.ts';
import type { Dialect } from '../../../abi/rule.ts';
import { bootDate, counterBracket } from './format.ts';
import { tableJson } from './json.ts';
import type { Session } from './session.ts';

/** Names of the counters in the order of a table's columns. */
const DIRECTIONS = ['In/Block', 'In/Pass', 'In/XPass', 'Out/Block', 'Out/Pass', 'Out/XPass'];

export async function showTables(session: Session): Promise<void> {
  const { args } = session;
  const tables = await session.kernel.call('pf.tables', tableRequest(session));
  if (args.json) return session.json(tables.map(tableJson));
  const boot = await bootDate(session);
  const dialect = await session.loadedDialect();
  for (const table of tables) {
    if (!table.active && !args.debugDetails) continue;
    session.out(tableLine(table, args.verbose, dialect));
    if (args.verbose > 1) for (const line of tableDetails(table, boot)) session.out(line);
  }
}

function tableRequest(session: Session): { readonly anchor?: string } {
  const { anchor, recursive } = session.args;
  return recursive && anchor === '' ? {} : { anchor };
}

/** The name; with -v flags before it and the anchor behind it. */
export function tableLine(table: TableInfo, verbose: number, dialect: Dialect): string {
  if (verbose === 0) return table.name;
  const referenced = table.references[0] + table.references[1] > 0;
  const flags = [
    table.constant ? 'c' : '-',
    table.persist ? 'p' : '-',
    table.active ? 'a' : '-',
    // A shadow that waits for a commit: loads are one transaction here.
    '-',
    referenced ? 'r' : '-',
    '-',
    ...(dialect === 'openbsd' ? [table.counters ? 'C' : '-'] : []),
  ];
  const anchor = table.anchor === '' ? '' : `\t${table.anchor}`;
  return `${flags.join('')}\t${table.name}${anchor}`;
}

function tableDetails(table: TableInfo, boot: (seconds: number) => string): string[] {
  const pair = (a: string, x: number, b: string, y: number) =>
    `[ ${a} ${String(x).padEnd(18)} ${b} ${String(y).padEnd(18)} ]`;
  const [rules, anchors] = table.references;
  const { match, noMatch } = table.evaluations;
  return [
    `\tAddresses:   ${table.addresses}`,
    `\tCleared:     ${boot(table.cleared)}`,
    `\tReferences:  ${pair('Anchors:', anchors, 'Rules:', rules)}`,
    `\tEvaluations: ${pair('NoMatch:', noMatch, 'Match:', match)}`,
    ...DIRECTIONS.map((name, i) => counterLine(name, table.packets[i] ?? 0, table.bytes[i] ?? 0)),
  ];
}

export function counterLine(name: string, packets: number, bytes: number): string {
  return `\t${`${name}:`.padEnd(12)} ${counterBracket(packets, bytes)}`;
}
