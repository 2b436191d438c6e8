// SPDX-License-Identifier: ISC
//
// What rules translate (pf_get_translation, pf_get_transaddr): the rules of 2008 before the filter, and the targets of today's rules on
// the way through it. Remembers the packet as it came.

import { maskWord } from '../../abi/address.ts';
import type { RuleList } from '../../abi/rule.ts';
import { DIRECTION_IN, DIRECTION_OUT } from '../filter.ts';
import type { ActiveRule } from './activeRule.ts';
import type { Descriptor } from './descriptor.ts';
import { Ends } from './ends.ts';
import { type Evaluator, LOOK_AT_ALL, LOOK_FROM_OUTSIDE, type RuleVisitor } from './evaluate.ts';
import type { NewEnds } from './newEnds.ts';
import type { Pools } from './pools.ts';
import type { Ports } from './ports.ts';
import type { RulePool } from './rulePool.ts';
import type { SourceNode } from './sourceNodes.ts';
import type { Sticky } from './sticky.ts';
import { changeDestination, changeSource } from './translate.ts';

/** Lists that are searched, the first match in each deciding. rdr comes before binat, whatever the manual of 2008 says. */
const OUTBOUND: readonly RuleList[] = ['binat', 'nat'];
const INBOUND: readonly RuleList[] = ['rdr', 'binat'];

/** Remembers the first rule that matches. */
class FirstMatch implements RuleVisitor {
  readonly decisions = 0;
  readonly rewrites = 0;
  rule: ActiveRule | undefined;
  /** A binat rule seen from outside: the packet must be for an address that the rule translates to. */
  wants: Int32Array | undefined;

  matched(rule: ActiveRule): boolean {
    if (this.wants !== undefined && !isTarget(rule, this.wants)) return true;
    this.rule = rule;
    return false;
  }
}

function isTarget(rule: ActiveRule, words: Int32Array): boolean {
  const network = (rule.nat ?? rule.rdr)?.network;
  return network?.words.every((word, i) => ((word ^ words[i]!) & maskWord(network.length, i)) === 0) ?? false;
}

export class Translation {
  /** The packet differs from how it came. */
  isTranslated = false;
  /** A rule wanted to translate and found no address or port. */
  hasFailed = false;
  /** The node that chose the address, where the pool is sticky. */
  node: SourceNode | undefined;
  /** How the packet came. */
  readonly source = new Int32Array(4);
  readonly destination = new Int32Array(4);
  sourcePort = 0;
  destinationPort = 0;
  /** af-to: what the packet becomes once everything else is done with it. */
  readonly ends = new Ends();
  private readonly evaluator: Evaluator;
  private readonly pools: Pools;
  private readonly ports: Ports;
  private readonly sticky: Sticky;
  private readonly newEnds: NewEnds;
  private readonly first = new FirstMatch();
  private readonly words = new Int32Array(4);
  private readonly initial = new Int32Array(4);

  constructor(parts: {
    evaluator: Evaluator;
    pools: Pools;
    ports: Ports;
    sticky: Sticky;
    newEnds: NewEnds;
  }) {
    this.evaluator = parts.evaluator;
    this.pools = parts.pools;
    this.ports = parts.ports;
    this.sticky = parts.sticky;
    this.newEnds = parts.newEnds;
  }

  begin(packet: Descriptor): void {
    this.isTranslated = false;
    this.hasFailed = false;
    this.node = undefined;
    this.ends.family = 0;
    for (let i = 0; i < 4; i++) {
      this.source[i] = packet.source[i]!;
      this.destination[i] = packet.destination[i]!;
    }
    this.sourcePort = packet.sourcePort;
    this.destinationPort = packet.destinationPort;
  }

  /** The packet becomes what it was. */
  undo(packet: Descriptor): void {
    if (!this.isTranslated) return;
    changeSource(packet, this.source, this.sourcePort);
    changeDestination(packet, this.destination, this.destinationPort);
    this.isTranslated = false;
  }

  /** 2008: the translation rule that the packet falls under, carried out; undefined when there is none, or none that could. */
  byLists(packet: Descriptor): ActiveRule | undefined {
    if (packet.isFragment || packet.isIcmpError) return undefined;
    const lists = packet.direction === DIRECTION_OUT ? OUTBOUND : INBOUND;
    for (let i = 0; i < lists.length; i++) {
      const rule = this.search(lists[i]!, packet);
      if (rule === undefined || rule.rule.no === true) continue;
      if (rule.tag !== 0) packet.packet.tag = rule.tag;
      if (rule.rule.rtable !== undefined) packet.packet.rtable = rule.rule.rtable;
      return this.carryOut(lists[i]!, rule, packet) ? rule : undefined;
    }
    return undefined;
  }

  private search(list: RuleList, packet: Descriptor): ActiveRule | undefined {
    const { first } = this;
    const fromOutside = list === 'binat' && packet.direction === DIRECTION_IN;
    first.rule = undefined;
    first.wants = fromOutside ? packet.destination : undefined;
    this.evaluator.walk(list, packet, first, fromOutside ? LOOK_FROM_OUTSIDE : LOOK_AT_ALL);
    return first.rule;
  }

  private carryOut(list: RuleList, rule: ActiveRule, packet: Descriptor): boolean {
    const pool = rule.nat ?? rule.rdr;
    if (pool === undefined) return false;
    if (list === 'nat') return this.nat(rule, pool, packet);
    return list === 'rdr' ? this.redirect(rule, pool, packet) : this.bind(rule, pool, packet);
  }

  /** Today: what a matching rule says is done at once. False when it could not be. */
  byRule(rule: ActiveRule, packet: Descriptor): boolean {
    if (rule.nat === undefined && rule.rdr === undefined) return true;
    const { afTo } = rule.rule;
    if (afTo !== undefined) return this.newEnds.choose(rule, packet, afTo, this.ends);
    if (packet.isFragment || packet.isIcmpError) return true;
    const done =
      (rule.rdr === undefined || this.redirect(rule, rule.rdr, packet)) &&
      (rule.nat === undefined || this.nat(rule, rule.nat, packet));
    if (!done) this.hasFailed = true;
    return done;
  }

  /** Another destination. */
  private redirect(rule: ActiveRule, pool: RulePool, packet: Descriptor): boolean {
    if (!this.choose(rule, pool, packet, packet.destination)) return false;
    changeDestination(packet, this.pools.address, redirectPort(rule, pool, packet.destinationPort));
    this.isTranslated = true;
    return true;
  }

  /** Another source, with a port that is free; of several addresses the next where one has none left. */
  private nat(rule: ActiveRule, pool: RulePool, packet: Descriptor): boolean {
    const { address } = this.pools;
    for (let tries = 0; ; tries++) {
      if (!this.choose(rule, pool, packet, packet.source)) return false;
      if (tries === 0) this.initial.set(address);
      else if (sameWords(address, this.initial)) return false;
      const port = this.ports.find(packet, pool.pool, address);
      if (port >= 0) {
        changeSource(packet, address, port);
        this.isTranslated = true;
        return true;
      }
      const { type } = pool.pool;
      if (type !== 'round-robin' && type !== 'random' && type !== 'least-states') return false;
      if (pool.pool.stickyAddress || tries > 256) return false;
    }
  }

  private choose(rule: ActiveRule, pool: RulePool, packet: Descriptor, original: Int32Array): boolean {
    if (!pool.pool.stickyAddress) {
      return this.pools.choose(pool, packet.family, packet.source, original);
    }
    this.node = this.sticky.choose(rule, pool, packet, 'nat', original);
    return this.node !== undefined;
  }

  /** binat: one network becomes another, host by host, in both directions. */
  private bind(rule: ActiveRule, pool: RulePool, packet: Descriptor): boolean {
    const isOut = packet.direction === DIRECTION_OUT;
    const inner = rule.rule.source.address;
    const target = isOut ? pool.network : inner.kind === 'prefix' ? inner.prefix : undefined;
    if (target === undefined || target.family !== packet.family) return false;
    const original = isOut ? packet.source : packet.destination;
    for (let i = 0; i < target.words.length; i++) {
      const mask = maskWord(target.length, i);
      this.words[i] = (target.words[i]! & mask) | (original[i]! & ~mask);
    }
    if (isOut) changeSource(packet, this.words, packet.sourcePort);
    else changeDestination(packet, this.words, packet.destinationPort);
    this.isTranslated = true;
    return true;
  }
}

function sameWords(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < 4; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The port that a redirection leads to: as it was, the one given, or the same place in the range given. */
export function redirectPort(rule: ActiveRule, { pool }: RulePool, port: number): number {
  if (pool.ports === undefined) return port;
  const { low, high } = pool.ports;
  if (high <= low) return low;
  const count = high - low + 1;
  const place = (((port - (rule.rule.destination.port?.low ?? 0)) % count) + count) % count;
  return low + place > 0xffff ? low + place - 0xffff : low + place;
}
