// SPDX-License-Identifier: ISC
//
// How a judgement is told: in full for `pfctl explain`, in a few words for `rhine replay`.

import { formatAddress } from '../../abi/addressText.ts';
import type { Judgement, PacketEnds, RuleReference } from '../../abi/judgement.ts';
import type { Dialect } from '../../abi/rule.ts';
import { printRule } from '../config/pf/print.ts';

/** `rule 3 of anchor relayd/www: pass in quick …`. */
export function ruleText({ anchor, number, rule }: RuleReference, dialect: Dialect): string {
  if (number < 0) return 'no rule: pass';
  const list = rule.list === 'filter' ? 'rule' : `${rule.list} rule`;
  return `${list} ${number}${anchor === '' ? '' : ` of anchor ${anchor}`}: ${printRule(rule, dialect)}`;
}

/** What decided, in a line. */
export function decisionText(judgement: Judgement, dialect: Dialect): string {
  const { verdict, by, rule, reason } = judgement;
  switch (by) {
    case 'rule':
      return `${verdict}: ${ruleText(rule!, dialect)}`;
    case 'state':
      return `${verdict}: a state of ${ruleText(rule!, dialect)}`;
    case 'reason':
      return `${verdict}: ${reason}`;
    case 'nobody':
      return `${verdict}: not filtered`;
  }
}

/** The ends after translation, where they are others. */
export function translationText({ before, after }: Judgement): string | undefined {
  const [was, is] = [endsText(before), endsText(after)];
  return was === is ? undefined : `${was} becomes ${is}`;
}

function endsText(ends: PacketEnds): string {
  const end = (address: PacketEnds['source'], port: number) =>
    `${formatAddress(address)}${port === 0 ? '' : ` port ${port}`}`;
  return `${end(ends.source, ends.sourcePort)} -> ${end(ends.destination, ends.destinationPort)}`;
}

export function routeText({ route }: Judgement): string | undefined {
  if (route === undefined) return undefined;
  const on = route.interface === undefined ? '' : ` on ${route.interface}`;
  return `${route.kind} ${formatAddress(route.address)}${on}`;
}

/** Everything, line by line. */
export function explanationLines(judgement: Judgement, dialect: Dialect): string[] {
  const { looked, matches, translationRule, createsState } = judgement;
  const lines = looked.map(
    ({ matched, ...rule }) => `${matched ? '  matches ' : '          '}${ruleText(rule, dialect)}`,
  );
  if (lines.length > 0) lines.unshift('rules looked at:');
  if (translationRule !== undefined) lines.push(`translated by ${ruleText(translationRule, dialect)}`);
  for (const rule of matches) lines.push(`applied ${ruleText(rule, dialect)}`);
  const [translation, route] = [translationText(judgement), routeText(judgement)];
  if (translation !== undefined) lines.push(`translated: ${translation}`);
  lines.push(decisionText(judgement, dialect));
  if (createsState) lines.push('a state is made');
  if (route !== undefined) lines.push(`routed: ${route}`);
  return lines;
}
