// SPDX-License-Identifier: ISC
//
// pf's rules as rows, with what hits them now.

import { scaled } from '../numbers.ts';
import type { Rates } from '../rates.ts';
import { type Row, row, span, wrap } from '../styled.ts';
import { type Column, table } from '../table.ts';
import type { Look } from '../view.ts';

export interface ShownRule {
  readonly number: number;
  readonly text: string;
  readonly evaluations: number;
  readonly packets: number;
  readonly bytes: number;
  readonly states: number;
  readonly statesCreated: number;
}

export interface RulesShown {
  readonly anchor: string;
  readonly rules: readonly ShownRule[] | undefined;
  readonly selected: number;
  readonly from: number;
  /** What `pfctl explain` said last. */
  readonly explanation: readonly string[];
}

/** Reads `pfctl -vvsr`: a rule, then two lines of counters. */
export function readRules(listing: string): readonly ShownRule[] {
  const rules: ShownRule[] = [];
  const pattern =
    /^\s*@(\d+) (.*)\n\s*\[ Evaluations: (\d+)\s+Packets: (\d+)\s+Bytes: (\d+)\s+States: (\d+)\s*\](?:\n\s*\[ Inserted: .*State Creations: (\d+)\s*\])?/gm;
  for (const [, number, text, evaluations, packets, bytes, states, created] of listing.matchAll(pattern)) {
    rules.push({
      number: Number(number),
      text: text!,
      evaluations: Number(evaluations),
      packets: Number(packets),
      bytes: Number(bytes),
      states: Number(states),
      statesCreated: Number(created ?? 0),
    });
  }
  return rules;
}

/** Rows that are no rules, where there is nothing to explain. */
export const RULES_MARGIN = 2;

function columnsOf(rates: Rates): readonly Column<ShownRule>[] {
  const hits = ({ number }: ShownRule) => rates.now(String(number)) ?? 0;
  return [
    { title: '@', align: 'right', width: 3, text: ({ number }) => String(number) },
    {
      title: 'Hits/s',
      align: 'right',
      text: (rule) => (hits(rule) > 0 ? scaled(hits(rule)) : '-'),
      style: (rule) => (hits(rule) > 0 ? 'good' : 'faint'),
    },
    { title: 'Packets', align: 'right', text: ({ packets }) => scaled(packets) },
    { title: 'Bytes', align: 'right', width: 6, optional: 2, text: ({ bytes }) => scaled(bytes) },
    { title: 'States', align: 'right', optional: 1, text: ({ states }) => scaled(states) },
    { title: 'Eval', align: 'right', width: 6, optional: 3, text: ({ evaluations }) => scaled(evaluations) },
    {
      title: 'Rule',
      width: 36,
      grows: true,
      text: ({ text }) => text,
      style: ({ text }) => (text.startsWith('block') ? 'bad' : 'text'),
    },
  ];
}

/** The explanation in rows of this width, and how many of them there is room for beside the rules. */
export function explanationRows(explanation: readonly string[], look: Look): readonly Row[] {
  if (explanation.length === 0) return [];
  const room = Math.max(3, Math.floor(look.rows / 2));
  const lines = explanation.flatMap((line) => wrap(line, look.columns - 1));
  const cut = lines.length > room ? [...lines.slice(0, room - 2), '...', lines.at(-1)!] : lines;
  return cut.map((line, i) => row(` ${line}`, i === 0 ? 'strong' : 'text'));
}

export function rulesRows(shown: RulesShown, rates: Rates, look: Look): readonly Row[] {
  const { anchor, rules, selected, from, explanation } = shown;
  if (rules === undefined) return [row(' no news of the rules yet', 'faint')];
  const where = anchor === '' ? 'main ruleset' : `anchor ${anchor}`;
  const summary: Row = [span(` ${where}: ${rules.length} rules`, 'strong')];
  const below = explanationRows(explanation, look);
  const seen = rules.slice(from, from + look.rows - RULES_MARGIN - below.length);
  const listing =
    rules.length === 0
      ? [[], row(' no rule', 'faint')]
      : table(columnsOf(rates), seen, look.columns, selected - from);
  return [summary, ...listing, ...below];
}

/** The beginning of a packet that a rule is about, for `pfctl explain`. */
export function packetFor(rule: string): string {
  const word = (pattern: RegExp) => pattern.exec(rule)?.[1];
  const direction = word(/\b(in|out)\b/) ?? 'in';
  const on = word(/\bon (\w+\d)/) ?? 'vr0';
  const protocol = word(/\bproto (tcp|udp)/) ?? 'tcp';
  const host = (pattern: RegExp) => word(pattern) ?? '';
  const from = host(/\bfrom ([\da-f.:]+)(?=[ /]|$)/);
  const to = host(/\bto ([\da-f.:]+)(?=[ /]|$)/);
  const port = word(/\bto \S+ port = (\w+)/) ?? '80';
  return `${direction} on ${on} ${protocol} from ${from} to ${to} port ${port}`;
}
