// SPDX-License-Identifier: ISC
//
// Whether a rule matches the packet at hand, criterion by criterion in the order of pf.conf(5); and the walk through rulesets.

import type { RuleList } from '../../abi/rule.ts';
import type { Interface } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { Random } from '../random.ts';
import type { Routes } from '../route/routes.ts';
import {
  ACTION_ANCHOR,
  ACTION_MATCH,
  type CompiledHost,
  type CompiledRule,
  HOST_ANY,
  HOST_DYNAMIC,
  HOST_NO_ROUTE,
  HOST_PREFIX,
  HOST_RANGE,
  HOST_ROUTE_LABEL,
  HOST_TABLE,
  HOST_URPF_FAILED,
  inAddresses,
  matchesNumber,
  OP_NONE,
} from './compile.ts';
import { type Descriptor, PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from './descriptor.ts';
import { dynamicContains } from './dynamic.ts';
import { type Ruleset, type Rulesets, resolveAnchor } from './rulesets.ts';
import type { Tables } from './tables.ts';

/** Anchors within anchors; deeper calls are ignored. */
const MAXIMUM_DEPTH = 64;

/** Hears of every rule that is looked at (`pfctl explain`). */
export interface Recorder {
  evaluated(rule: CompiledRule, matched: boolean): void;
}

/** Told of every rule that matches, in order; answers whether the walk goes on. */
export interface RuleVisitor {
  matched(rule: CompiledRule, caller: CompiledRule | undefined): boolean;
}

export class Matcher {
  recorder: Recorder | undefined;
  private readonly rulesets: Rulesets;
  private readonly tables: Tables;
  private readonly interfaces: Interfaces;
  private readonly routes: Routes;
  private readonly random: Random;
  private depth = 0;

  constructor(parts: {
    rulesets: Rulesets;
    tables: Tables;
    interfaces: Interfaces;
    routes: Routes;
    random: Random;
  }) {
    this.rulesets = parts.rulesets;
    this.tables = parts.tables;
    this.interfaces = parts.interfaces;
    this.routes = parts.routes;
    this.random = parts.random;
  }

  /** Walks one kind of rules from the main ruleset down, telling `visitor` of each that matches. */
  walk(list: RuleList, packet: Descriptor, visitor: RuleVisitor): void {
    this.depth = 0;
    this.walkRuleset(this.rulesets.main, list, packet, visitor, undefined);
  }

  /** Answers false when the walk is over. */
  private walkRuleset(
    ruleset: Ruleset,
    list: RuleList,
    packet: Descriptor,
    visitor: RuleVisitor,
    caller: CompiledRule | undefined,
  ): boolean {
    const rules = ruleset.lists[list];
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i]!;
      rule.evaluations++;
      const matched = this.matches(rule, packet);
      if (this.recorder !== undefined) this.recorder.evaluated(rule, matched);
      if (!matched) continue;
      if (rule.action === ACTION_ANCHOR) {
        if (!this.enter(rule, list, packet, visitor, caller ?? rule)) return false;
      } else if (!visitor.matched(rule, caller)) {
        return false;
      }
    }
    return true;
  }

  /** An anchor call: its ruleset, or with a wildcard each child. A quick call ends the walk when something inside matched. */
  private enter(
    rule: CompiledRule,
    list: RuleList,
    packet: Descriptor,
    visitor: RuleVisitor,
    caller: CompiledRule,
  ): boolean {
    if (this.depth >= MAXIMUM_DEPTH) return true;
    this.depth++;
    if (rule.tag !== 0) packet.packet.tag = rule.tag;
    const counting = { matched: false };
    const inner: RuleVisitor = {
      matched: (one, outer) => {
        if (one.action !== ACTION_MATCH) counting.matched = true;
        return visitor.matched(one, outer);
      },
    };
    const goesOn = this.walkAnchor(rule, list, packet, rule.quick ? inner : visitor, caller);
    this.depth--;
    return goesOn && !(rule.quick && counting.matched);
  }

  private walkAnchor(
    rule: CompiledRule,
    list: RuleList,
    packet: Descriptor,
    visitor: RuleVisitor,
    caller: CompiledRule,
  ): boolean {
    const name = rule.rule.anchor!;
    if (!name.endsWith('/*') && name !== '*') {
      const ruleset = this.rulesets.find(resolveAnchor(rule.anchor, name));
      return ruleset === undefined || this.walkRuleset(ruleset, list, packet, visitor, caller);
    }
    const parent = this.rulesets.find(resolveAnchor(rule.anchor, name.slice(0, -1)));
    if (parent === undefined) return true;
    const children = parent.children;
    for (let i = 0; i < children.length; i++) {
      if (!this.walkRuleset(children[i]!, list, packet, visitor, caller)) return false;
    }
    return true;
  }

  /** The criteria of one rule against the packet, cheapest and most telling first. */
  matches(rule: CompiledRule, packet: Descriptor): boolean {
    if (rule.direction !== 0 && rule.direction !== packet.direction) return false;
    if (rule.family !== 0 && rule.family !== packet.family) return false;
    if (rule.protocol !== 0 && rule.protocol !== packet.protocol) return false;
    if (
      rule.interfaceName !== '' &&
      !this.matchesInterface(rule.interfaceName, rule.interfaceNegated, packet.on)
    ) {
      return false;
    }
    if (!this.matchesHost(rule, rule.source, packet.source, packet, true)) return false;
    if (!this.matchesHost(rule, rule.destination, packet.destination, packet, false)) return false;
    if (!matchesPorts(rule, packet)) return false;
    return this.matchesRest(rule, packet);
  }

  private matchesInterface(name: string, negated: boolean, on: Interface): boolean {
    return (on.name === name || on.groups.includes(name)) !== negated;
  }

  private matchesHost(
    rule: CompiledRule,
    host: CompiledHost,
    words: Int32Array,
    packet: Descriptor,
    isSource: boolean,
  ): boolean {
    if (host.kind === HOST_ANY) return !host.negated;
    return this.isInHost(rule, host, words, packet, isSource) !== host.negated;
  }

  private isInHost(
    rule: CompiledRule,
    host: CompiledHost,
    words: Int32Array,
    packet: Descriptor,
    isSource: boolean,
  ): boolean {
    switch (host.kind) {
      case HOST_PREFIX:
      case HOST_RANGE:
        return hostFamily(host) === packet.family && inAddresses(host, words, packet.family);
      case HOST_TABLE:
        return this.tables.resolve(rule.anchor, host.name)?.test(packet.family, words) ?? false;
      case HOST_DYNAMIC:
        return dynamicContains(this.interfaces, host.address, packet.family, words);
      case HOST_NO_ROUTE:
        return this.route(packet, words) === undefined;
      case HOST_URPF_FAILED:
        return isSource && this.route(packet, words)?.on !== packet.on;
      case HOST_ROUTE_LABEL:
        return this.route(packet, words)?.label === host.name;
      default:
        return false;
    }
  }

  private route(packet: Descriptor, words: Int32Array) {
    return packet.family === 4 ? this.routes.lookup4(words[0]!) : this.routes.lookup6(words);
  }

  private matchesRest(rule: CompiledRule, packet: Descriptor): boolean {
    const { rule: written } = rule;
    if (written.fragment === true && !packet.isFragment) return false;
    if (rule.flagsMask !== 0 && packet.protocol === PROTOCOL_TCP) {
      if (packet.isFragment || (packet.tcpFlags & rule.flagsMask) !== rule.flagsSet) return false;
    }
    if (rule.icmpType >= 0) {
      const isIcmp = packet.protocol === PROTOCOL_ICMP || packet.protocol === PROTOCOL_ICMP6;
      if (!isIcmp || packet.isFragment || packet.icmpType !== rule.icmpType) return false;
      if (rule.icmpCode >= 0 && packet.icmpCode !== rule.icmpCode) return false;
    }
    if (rule.tos !== 0 && rule.tos !== packet.tos) return false;
    if (rule.tagged !== 0 && (packet.packet.tag === rule.tagged) === rule.taggedNegated) return false;
    if (written.receivedOn !== undefined && !this.receivedOn(written.receivedOn, packet)) return false;
    if (written.onAny === true && packet.on.type === 'loopback') return false;
    // No socket belongs to a packet that is passed on, and none of ours has an owner: `unknown` is all that can match.
    if (written.user !== undefined && written.user.low !== -1 && written.user.operator === '=') return false;
    if (written.os !== undefined) return false;
    return rule.probability === 0 || this.random.word() >>> 0 < rule.probability;
  }

  private receivedOn(
    wanted: { readonly name: string; readonly negated: boolean },
    packet: Descriptor,
  ): boolean {
    const on = this.interfaces.byIndex(packet.packet.receivedOn);
    return on !== undefined && this.matchesInterface(wanted.name, wanted.negated, on);
  }
}

function hostFamily(host: CompiledHost): number {
  const { address } = host;
  if (address.kind === 'prefix') return address.prefix.family;
  return address.kind === 'range' ? address.from.family : 0;
}

function matchesPorts(rule: CompiledRule, packet: Descriptor): boolean {
  if (rule.source.operator === OP_NONE && rule.destination.operator === OP_NONE) return true;
  if (packet.isFragment || (packet.protocol !== PROTOCOL_TCP && packet.protocol !== PROTOCOL_UDP))
    return false;
  const { source, destination } = rule;
  return (
    matchesNumber(source.operator, source.portLow, source.portHigh, packet.sourcePort) &&
    matchesNumber(destination.operator, destination.portLow, destination.portHigh, packet.destinationPort)
  );
}
