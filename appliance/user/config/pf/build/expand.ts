// SPDX-License-Identifier: ISC
//
// One statement into rules: the product of its lists, each combination checked (pf.conf(5): "pfctl will expand lists").
// Families and link-local interfaces that disagree leave a combination out without a word.

import { addressBits, type Family, INET } from '../../../../abi/address.ts';
import type { NumberMatch, RuleAddress, RuleHost } from '../../../../abi/rule.ts';
import { Abandoned } from '../cursor.ts';
import type { ListName } from '../dialect.ts';
import type { Parsing } from '../parsing.ts';
import type { HostNode, HostsNode, IcmpNode, InterfaceNode } from '../syntax.ts';
import { problemsOf } from './consistency.ts';
import { expandLabel, expandRuleNumber } from './labels.ts';
import { translate } from './targets.ts';
import type { RuleDraft, RuleLists, RuleTemplate, StatementTemplate, Targets } from './template.ts';

/** One choice from each list; undefined where there is no list. */
interface Combination {
  interface?: InterfaceNode;
  protocol?: number;
  icmp?: IcmpNode;
  source?: HostNode;
  sourcePort?: NumberMatch;
  os?: string;
  destination?: HostNode;
  destinationPort?: NumberMatch;
  user?: NumberMatch;
  group?: NumberMatch;
}

const TCP = 6;
/** What the lists of a configuration may be multiplied out to; more would be a slip, and not fit into memory. */
const MAXIMUM_COMBINATIONS = 200_000;
const MAX_NAME = 63;
const ANY: HostNode = { address: { kind: 'any' }, negated: false };

/** Adds the rules of a statement to the current ruleset; reports what is wrong with them. */
export function expandRule(p: Parsing, statement: StatementTemplate): void {
  const { template, lists, targets } = statement;
  new Expansion(p, template, lists, targets).run();
}

/** The family that all addresses of a list have. */
export function commonFamily(hosts: readonly HostNode[] | undefined): Family | undefined {
  const first = hosts?.[0]?.family;
  return hosts?.every((host) => host.family === first) ? first : undefined;
}

/** The statement's own family, else that of its source, else that of its destination. */
export function decideFamily(family: Family | undefined, hosts: HostsNode): Family | undefined {
  return family ?? commonFamily(hosts.source) ?? commonFamily(hosts.destination);
}

class Expansion {
  private readonly p: Parsing;
  private readonly template: RuleTemplate;
  private readonly choices: readonly (readonly [ListName, readonly unknown[]])[];
  private readonly targets: Targets | undefined;
  private readonly narrowed = new Set<HostNode>();
  private readonly combination: Combination = {};
  private errors = 0;
  private added = 0;

  constructor(p: Parsing, template: RuleTemplate, lists: RuleLists, targets: Targets | undefined) {
    this.p = p;
    this.template = compact(template);
    this.targets = targets;
    const byName: Record<ListName, readonly unknown[] | undefined> = {
      interface: lists.interfaces,
      protocol: lists.protocols,
      icmp: lists.icmp,
      source: lists.hosts.source,
      sourcePort: lists.hosts.sourcePorts,
      os: lists.hosts.os,
      destination: lists.hosts.destination,
      destinationPort: lists.hosts.destinationPorts,
      user: lists.users,
      group: lists.groups,
    };
    this.choices = p.traits.expansionOrder.flatMap((name) => {
      const list = byName[name];
      return list === undefined ? [] : [[name, list] as const];
    });
  }

  run(): void {
    const { cursor, config } = this.p;
    const many = this.choices.reduce((product, [, list]) => product * list.length, 1);
    config.combinations += many;
    if (config.combinations > MAXIMUM_COMBINATIONS) {
      return cursor.error(`lists make more than ${MAXIMUM_COMBINATIONS} rules`);
    }
    this.visit(0);
    if (this.added === 0) this.p.cursor.error('rule expands to no valid combination');
  }

  private visit(depth: number): void {
    const choice = this.choices[depth];
    if (choice === undefined) {
      this.combine();
      return;
    }
    const [name, list] = choice;
    for (const item of list) {
      (this.combination as Record<ListName, unknown>)[name] = item;
      this.visit(depth + 1);
    }
  }

  private combine(): void {
    const { p, combination } = this;
    const draft: RuleDraft = { ...this.template, source: ANY, destination: ANY };
    const target = this.targets === undefined ? undefined : translate(p, this.targets, draft);
    this.errors += target?.errors ?? 0;
    const source = combination.source ?? ANY;
    const destination = combination.destination ?? ANY;
    if (disagree(draft, source, destination, combination.interface)) return;
    const family = source.family ?? destination.family;
    if (draft.family === undefined && family !== undefined) draft.family = family;
    this.place(draft, source, destination);
    this.name(draft, source, destination);
    draft.source = this.side(source, combination.sourcePort, draft.family);
    draft.destination = this.side(destination, combination.destinationPort, draft.family);
    this.criteria(draft);
    this.errors += target?.finish(combination.destinationPort) ?? 0;
    this.accept(draft, target?.inbound(draft));
  }

  /** The interface: that of the rule, or the one that a link-local address belongs to. */
  private place(draft: RuleDraft, source: HostNode, destination: HostNode): void {
    const { interface: chosen } = this.combination;
    if (chosen?.routingDomain !== undefined) draft.routingDomain = chosen.routingDomain;
    const name = chosen?.name || source.scope || destination.scope;
    if (name === undefined) return;
    const any = name === 'any' && this.p.traits.todaysRules && !chosen!.negated;
    if (any) draft.onAny = true;
    else draft.interface = { name, negated: chosen?.negated ?? false };
  }

  private name(draft: RuleDraft, source: HostNode, destination: HostNode): void {
    const { label, moreLabels, tag, tagged } = this.template;
    if (label === undefined && tag === undefined && tagged === undefined) return;
    const expand = (text: string) => this.expandName(text, draft, source, destination);
    if (label !== undefined) draft.label = expand(label) || undefined;
    if (moreLabels !== undefined) draft.moreLabels = moreLabels.map(expand);
    if (tag !== undefined) draft.tag = expand(tag);
    if (tagged !== undefined) draft.tagged = { ...tagged, name: expand(tagged.name) };
  }

  private expandName(text: string, draft: RuleDraft, source: HostNode, destination: HostNode): string {
    const { p, combination } = this;
    const expanded = expandLabel(text, {
      interface: draft.onAny ? 'any' : draft.interface?.name,
      family: draft.family,
      source,
      sourcePort: combination.sourcePort,
      destination,
      destinationPort: combination.destinationPort,
      protocol: combination.protocol,
      facts: p.facts,
    });
    const numbered = p.traits.lateRuleNumbers ? expanded : expandRuleNumber(expanded, p.config.current.count);
    if (numbered.length > MAX_NAME) {
      p.diagnostics.note('pfctl: expand_label: label too long');
      p.diagnostics.errors++;
      throw new Abandoned();
    }
    return numbered;
  }

  private side(host: HostNode, port: NumberMatch | undefined, family: Family | undefined): RuleHost {
    const side = { address: this.masked(host, family), negated: host.negated };
    return port === undefined ? side : { ...side, port };
  }

  /** The address with a mask that suits the family; counts an error where that cannot be. */
  private masked(host: HostNode, family: Family | undefined): RuleAddress {
    const { address } = host;
    if (address.kind === 'dynamic') return this.maskedDynamic(host, address, family);
    if (address.kind === 'prefix' && address.prefix.length > addressBits(address.prefix.family)) {
      this.p.diagnostics.note(`netmask ${address.prefix.length} invalid for IPv4 address`);
      this.errors++;
    }
    return address;
  }

  private maskedDynamic(
    host: HostNode,
    address: RuleAddress & { readonly kind: 'dynamic' },
    family: Family | undefined,
  ): RuleAddress {
    if (family === INET && (address.length ?? 128) > 32) {
      if (this.p.traits.stickyDynamicMask) this.narrowed.add(host);
      return { ...address, length: undefined };
    }
    const length = this.narrowed.has(host) ? 32 : address.length;
    const full = family === INET ? 32 : 128;
    return { ...address, length: length === full ? undefined : length };
  }

  private criteria(draft: RuleDraft): void {
    const { combination, template } = this;
    const { protocol } = combination;
    // Rules stay small when they have no member for what they do not say.
    if (protocol !== undefined) draft.protocol = protocol;
    if (combination.os !== undefined) draft.os = combination.os;
    if (combination.user !== undefined) draft.user = combination.user;
    if (combination.group !== undefined) draft.group = combination.group;
    if (combination.icmp !== undefined) {
      draft.icmp = { type: combination.icmp.type, code: combination.icmp.code };
      if (combination.icmp.protocol !== protocol) {
        this.p.cursor.error('icmp-type mismatch');
        this.errors++;
      }
    }
    if (protocol === undefined || protocol === TCP) return;
    if (draft.flags !== undefined) draft.flags = undefined;
    if (template.state !== undefined) draft.state = { ...template.state, keep: 'keep' };
  }

  private accept(draft: RuleDraft, inbound: StatementTemplate | undefined): void {
    const { p } = this;
    const problems = problemsOf(draft, p.traits);
    for (const text of problems) p.cursor.error(text);
    if (!p.traits.classicRules) warnOfProxy(p, draft);
    if (problems.length > 0 || this.errors > 0) {
      p.cursor.error('skipping rule due to errors');
      return;
    }
    p.config.add(draft);
    p.config.current.count++;
    this.added++;
    if (inbound !== undefined) expandRule(p, inbound);
  }
}

function warnOfProxy(p: Parsing, draft: RuleDraft): void {
  if (draft.state?.keep !== 'synproxy' || draft.direction === 'in') return;
  const text = 'synproxy used for inbound rules only, ignored for outbound';
  p.diagnostics.warning(p.cursor.file, p.cursor.line, text);
}

function disagree(
  draft: RuleDraft,
  source: HostNode,
  destination: HostNode,
  chosen: InterfaceNode | undefined,
): boolean {
  return (
    differ(draft.family, source.family) ||
    differ(draft.family, destination.family) ||
    differ(source.family, destination.family) ||
    differ(source.scope, destination.scope) ||
    differ(source.scope, chosen?.name || undefined) ||
    differ(destination.scope, chosen?.name || undefined)
  );
}

/** Without the members that say nothing. */
function compact(template: RuleTemplate): RuleTemplate {
  const result: Record<string, unknown> = {};
  for (const name of Object.keys(template)) {
    const value = template[name as keyof RuleTemplate];
    if (value !== undefined) result[name] = value;
  }
  return result as unknown as RuleTemplate;
}

function differ<T>(a: T | undefined, b: T | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}
