// SPDX-License-Identifier: ISC
//
// A statement before its lists are multiplied into rules.

import type { Family } from '../../../../abi/address.ts';
import type { NumberMatch, Rule } from '../../../../abi/rule.ts';
import type { HostsNode, IcmpNode, InterfaceNode, RedirectionNode } from '../syntax.ts';

export type RuleDraft = { -readonly [K in keyof Rule]: Rule[K] };

/** Everything that is the same in all rules of the statement. */
export type RuleTemplate = Omit<Rule, 'source' | 'destination'>;

/** What is multiplied; undefined where nothing is said. */
export interface RuleLists {
  readonly interfaces?: readonly InterfaceNode[];
  readonly protocols?: readonly number[];
  readonly icmp?: readonly IcmpNode[];
  readonly hosts: HostsNode;
  readonly users?: readonly NumberMatch[];
  readonly groups?: readonly NumberMatch[];
}

/** Translation and routing of today's rules, whose addresses depend on the family of each rule. */
export interface Targets {
  readonly nat?: RedirectionNode;
  readonly rdr?: RedirectionNode;
  readonly route?: { readonly kind: 'route-to' | 'reply-to' | 'dup-to'; readonly target: RedirectionNode };
  readonly binat?: boolean;
  readonly afTo?: Family;
}

export interface StatementTemplate {
  readonly template: RuleTemplate;
  readonly lists: RuleLists;
  readonly targets?: Targets;
}
