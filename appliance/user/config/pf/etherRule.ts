// SPDX-License-Identifier: ISC
//
// Rules for Ethernet frames, which FreeBSD has (pf.conf(5) there, "ETHERNET FILTERING"). They are read and printed; a load that
// has some is refused, for there is nothing here that would enforce them.

import type { Rule, RuleHost } from '../../../abi/rule.ts';
import { dummynetText, labelsOf, printHosts } from './print.ts';

/** `00:01:02:03:04:05`, with `/24` or `&ff:ff:ff:00:00:00`. */
export interface EtherHost {
  readonly address: string;
  readonly negated: boolean;
}

/** One rule, after list expansion. */
export interface EtherRule {
  readonly action: 'pass' | 'block' | 'anchor';
  readonly anchor?: string;
  /** What stands in braces behind an anchor's call. */
  readonly body?: readonly EtherRule[];
  readonly direction?: 'in' | 'out';
  readonly quick: boolean;
  readonly interface?: { readonly name: string; readonly negated: boolean };
  readonly bridgeTo?: string;
  /** EtherType. */
  readonly protocol?: number;
  readonly source?: EtherHost;
  readonly destination?: EtherHost;
  readonly network: {
    readonly family?: Rule['family'];
    readonly source: RuleHost;
    readonly destination: RuleHost;
  };
  readonly marks: Pick<Rule, 'label' | 'moreLabels' | 'ridentifier' | 'dummynet' | 'tag' | 'tagged' | 'set'>;
  readonly line: { readonly file: string; readonly line: number };
}

/** Rules as `pfctl -nvf` lists them, a line each. */
export function listEtherRules(rules: readonly EtherRule[], numbered: boolean, depth = 0): string[] {
  const indent = numbered ? '' : '  '.repeat(depth);
  return rules.flatMap((rule, number) => {
    const line = `${indent}${numbered ? `@${number} ` : ''}${printEtherRule(rule)}`;
    if (rule.body === undefined) return [line];
    return [`${line} {`, ...listEtherRules(rule.body, numbered, depth + 1), `${indent}}`];
  });
}

/** Why these configurations cannot be loaded, in one line: nothing here filters frames. */
export function refusedEtherRule(
  configurations: readonly { readonly etherRules: readonly EtherRule[] }[],
): string | undefined {
  const line = configurations.flatMap(({ etherRules }) => etherRules)[0]?.line;
  return line && `${line.file}:${line.line}: ether rules are not supported; the rules in force stay`;
}

function printEtherRule(rule: EtherRule): string {
  const { protocol, marks } = rule;
  const clauses = [
    rule.action === 'anchor' ? `ether anchor${anchorName(rule.anchor)}` : `ether ${rule.action}`,
    rule.direction,
    rule.quick && 'quick',
    rule.interface && `on ${rule.interface.negated ? '! ' : ''}${rule.interface.name}`,
    rule.bridgeTo && `bridge-to ${rule.bridgeTo}`,
    protocol !== undefined && `proto 0x${protocol.toString(16).padStart(4, '0')}`,
    rule.source && `from ${hostText(rule.source)}`,
    rule.destination && `to ${hostText(rule.destination)}`,
    `l3${printHosts(rule.network)}`,
    ...labelsOf(marks).map((label) => `label "${label}"`),
    marks.ridentifier !== undefined && `ridentifier ${marks.ridentifier}`,
    marks.set?.queue && `queue ${marks.set.queue[0]}`,
    marks.tag && `tag ${marks.tag}`,
    marks.tagged && `${marks.tagged.negated ? '! ' : ''}tagged ${marks.tagged.name}`,
    dummynetText(marks.dummynet).trimStart(),
  ];
  return clauses.filter(Boolean).join(' ');
}

function anchorName(name: string | undefined): string {
  return name === undefined ? '' : ` "${name}"`;
}

function hostText(host: EtherHost): string {
  return `${host.negated ? '! ' : ''}${host.address}`;
}
