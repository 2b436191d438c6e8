// SPDX-License-Identifier: ISC
//
// Packets without a state (pf_test_rule): translation, the walk through the rules, the verdict, and the state that it makes.

import { NAT_PORT_HIGH, NAT_PORT_LOW } from '../../abi/names.ts';
import type { Pool, Rule } from '../../abi/rule.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import { DIRECTION_IN, DIRECTION_OUT } from '../filter.ts';
import { ACTION_BLOCK, ACTION_MATCH, type CompiledRule } from './compile.ts';
import {
  type PfCore,
  REASON_IP_OPTION,
  REASON_MATCH,
  REASON_MEMORY,
  REASON_STATE_INSERT,
  REASON_STATE_LIMIT,
  REASON_TRANSLATE,
} from './core.ts';
import { type Descriptor, PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from './descriptor.ts';
import type { RuleVisitor } from './match.ts';
import {
  CREATED,
  DESTINATION,
  FLAG_REPLY_TO,
  FLAG_ROUTE_TO,
  FLAG_SLOPPY,
  FLAG_TRANSLATED,
  FLAGS,
  Key,
  PEER_STATE,
  ROUTE,
  ROUTE_INTERFACE,
  RULE,
  SOURCE,
  TAG,
  TIMEOUT,
  TOUCHED,
} from './states.ts';
import type { StateTest } from './stateTest.ts';
import * as tcpState from './tcpState.ts';
import * as timeouts from './timeouts.ts';
import { changeDestination, changeSource } from './translate.ts';

export const VERDICT_PASS = 0;
export const VERDICT_BLOCK = 1;

export class RuleTest implements RuleVisitor {
  /** Of the last packet: the rule that decided, the outermost anchor call it was reached by, and where it is to be routed. */
  rule: CompiledRule;
  caller: CompiledRule | undefined;
  route: Rule['route'] | undefined;
  routeInterface = '';
  readonly routeAddress = new Int32Array(4);
  private readonly core: PfCore;
  private readonly stateTest: StateTest;
  private packet!: Descriptor;
  private translated = false;
  private failed = false;
  /** The packet as it came. */
  private readonly source = new Int32Array(4);
  private readonly destination = new Int32Array(4);
  private sourcePort = 0;
  private destinationPort = 0;
  private readonly wire = new Key();
  private readonly stack = new Key();
  private readonly probe = new Key();

  constructor(core: PfCore, stateTest: StateTest) {
    this.core = core;
    this.stateTest = stateTest;
    this.rule = core.defaultRule;
  }

  /** Decides on a packet; makes its state. On a block the packet is as it came. */
  test(packet: Descriptor): number {
    const { core } = this;
    this.packet = packet;
    this.rule = core.defaultRule;
    this.caller = undefined;
    this.route = undefined;
    this.translated = false;
    this.failed = false;
    this.remember(packet);
    const passed = this.translateFirst(packet);
    if (!passed) core.matcher.walk('filter', packet, this);
    core.count(REASON_MATCH);
    this.rule.count(packet.direction === DIRECTION_IN ? 0 : 1, packet.length);
    if (this.failed) return this.block(REASON_TRANSLATE);
    if (this.rule.action === ACTION_BLOCK) return this.block(-1);
    if (packet.hasOptions && this.rule.rule.allowOptions !== true && this.rule !== core.defaultRule) {
      return this.block(REASON_IP_OPTION);
    }
    return this.pass(packet);
  }

  /** Every rule that matches, in order: the last one decides, `quick` ends the walk, `match` takes effect at once. */
  matched(rule: CompiledRule, caller: CompiledRule | undefined): boolean {
    if (rule.tag !== 0) this.packet.packet.tag = rule.tag;
    if (rule.action === ACTION_MATCH) {
      rule.count(this.packet.direction === DIRECTION_IN ? 0 : 1, this.packet.length);
      this.translateBy(rule);
      return !rule.quick;
    }
    this.rule = rule;
    this.caller = caller;
    return !rule.quick;
  }

  private remember(packet: Descriptor): void {
    this.source.set(packet.source);
    this.destination.set(packet.destination);
    this.sourcePort = packet.sourcePort;
    this.destinationPort = packet.destinationPort;
  }

  private block(reason: number): number {
    if (reason >= 0) this.core.count(reason);
    if (this.translated) {
      changeSource(this.packet, this.source, this.sourcePort);
      changeDestination(this.packet, this.destination, this.destinationPort);
    }
    return VERDICT_BLOCK;
  }

  private pass(packet: Descriptor): number {
    const { rule } = this;
    if (rule.action !== ACTION_MATCH && !this.translateBy(rule)) return this.block(REASON_TRANSLATE);
    this.chooseRoute(packet, rule);
    const wantsState =
      (rule.rule.state !== undefined || this.translated) && !packet.isFragment && !packet.isIcmpError;
    if (!wantsState || !mayCreate(packet)) return VERDICT_PASS;
    return this.createState(packet, rule);
  }

  // Translation.

  /** 2008: translation rules come before filter rules, first match wins. Answers whether `pass` in them skips the filter. */
  private translateFirst(packet: Descriptor): boolean {
    const lists =
      packet.direction === DIRECTION_OUT ? (['binat', 'nat'] as const) : (['rdr', 'binat'] as const);
    for (const list of lists) {
      let found: CompiledRule | undefined;
      this.core.matcher.walk(list, packet, {
        matched: (rule) => {
          found = rule;
          return false;
        },
      });
      if (found === undefined) continue;
      const rule: CompiledRule = found;
      rule.count(packet.direction === DIRECTION_IN ? 0 : 1, packet.length);
      if (rule.tag !== 0) packet.packet.tag = rule.tag;
      if (rule.rule.no !== true) this.translateBy(rule);
      return rule.rule.pass === true && this.translated;
    }
    return false;
  }

  /** Applies nat and rdr targets of a rule; false when there was no free address or port. */
  private translateBy(rule: CompiledRule): boolean {
    const { packet } = this;
    const { nat, rdr } = rule.rule;
    if (nat === undefined && rdr === undefined) return true;
    if (packet.isFragment || packet.isIcmpError) return true;
    const done =
      (rdr === undefined || packet.direction !== DIRECTION_IN || this.redirect(rule, rdr)) &&
      (nat === undefined || packet.direction !== DIRECTION_OUT || this.nat(rule, nat));
    // 2008: a nat rule that finds nothing counts as none.
    if (!done && this.core.isToday) this.failed = true;
    return done;
  }

  private redirect(rule: CompiledRule, pool: Pool): boolean {
    const { packet } = this;
    const { pools } = this.core;
    if (!pools.choose(rule, pool, packet.family, packet.source, packet.destination)) return false;
    changeDestination(packet, pools.address, redirectPort(pool, rule, packet.destinationPort));
    this.translated = true;
    return true;
  }

  private nat(rule: CompiledRule, pool: Pool): boolean {
    const { packet } = this;
    const { pools } = this.core;
    if (!pools.choose(rule, pool, packet.family, packet.source, packet.source)) return false;
    const port = this.freePort(pool, pools.address);
    if (port < 0) return false;
    changeSource(packet, pools.address, port);
    this.translated = true;
    return true;
  }

  /** A source port (or ICMP id) that no other connection to the same place uses; -1 when there is none. */
  private freePort(pool: Pool, address: Int32Array): number {
    const { packet } = this;
    const hasPorts = packet.protocol === PROTOCOL_TCP || packet.protocol === PROTOCOL_UDP;
    const isIcmp = packet.protocol === PROTOCOL_ICMP || packet.protocol === PROTOCOL_ICMP6;
    if (pool.staticPort || (!hasPorts && !isIcmp)) return packet.sourcePort;
    const low = isIcmp ? 0 : (pool.ports?.low ?? NAT_PORT_LOW);
    const high = isIcmp ? 0xffff : (pool.ports?.high ?? NAT_PORT_HIGH);
    const range = high - low + 1;
    const start = this.core.random.below(range);
    for (let i = 0; i < range; i++) {
      const port = low + ((start + i) % range);
      const remote = isIcmp ? port : packet.destinationPort;
      this.probe.set(packet.family, packet.protocol, packet.destination, address, remote, port);
      if (this.core.states.findWire(this.probe, 0) < 0) return port;
    }
    return -1;
  }

  // Routing.

  private chooseRoute(packet: Descriptor, rule: CompiledRule): void {
    const { route } = rule.rule;
    if (route === undefined) return;
    this.route = route;
    this.routeInterface = '';
    this.routeAddress.fill(0);
    if (route.pool === undefined) return;
    const { pools } = this.core;
    const [entry] = route.pool.entries;
    if (pools.choose(rule, route.pool, packet.family, packet.source, packet.destination)) {
      this.routeAddress.set(pools.address);
      this.routeInterface = pools.interface;
    } else if (entry?.interface !== undefined) {
      this.routeInterface = entry.interface;
    } else {
      this.route = undefined;
    }
  }

  // State.

  private createState(packet: Descriptor, rule: CompiledRule): number {
    const { core } = this;
    if (core.states.count >= core.limits.states!) return this.block(REASON_MEMORY);
    if (rule.maxStates > 0 && rule.states >= rule.maxStates) {
      core.limitCounters[0]!++;
      return this.block(REASON_STATE_LIMIT);
    }
    this.setKeys(packet);
    const bound = isBound(rule, core) ? packet.on.index : 0;
    if (!this.makeRoom(bound)) return this.block(REASON_STATE_INSERT);
    this.fill(core.states.insert(this.wire, this.stack, bound), packet, rule);
    return VERDICT_PASS;
  }

  /** The wire key is what the cable of this interface shows, the stack key what the rest of the machine sees. */
  private setKeys(packet: Descriptor): void {
    const { family, protocol } = packet;
    const isIn = packet.direction === DIRECTION_IN;
    const original = isIn ? this.wire : this.stack;
    const now = isIn ? this.stack : this.wire;
    if (isIn) {
      original.set(family, protocol, this.source, this.destination, this.sourcePort, this.destinationPort);
      now.set(family, protocol, packet.source, packet.destination, packet.sourcePort, packet.destinationPort);
    } else {
      original.set(family, protocol, this.destination, this.source, this.destinationPort, this.sourcePort);
      now.set(family, protocol, packet.destination, packet.source, packet.destinationPort, packet.sourcePort);
    }
  }

  /** A state that has one of the keys already makes way when it is finished. */
  private makeRoom(bound: number): boolean {
    const { states } = this.core;
    for (const found of [states.findWire(this.wire, bound), states.findStack(this.stack, bound)]) {
      if (found < 0 || !states.isUsed(found)) continue;
      const records = states.records(found);
      const at = states.at(found);
      const isTcp = this.packet.protocol === PROTOCOL_TCP;
      if (!isTcp || !tcpState.isFinished(records, at + SOURCE, at + DESTINATION)) return false;
      this.stateTest.remove(found);
    }
    return true;
  }

  private fill(state: number, packet: Descriptor, rule: CompiledRule): void {
    const { core } = this;
    const records = core.states.records(state);
    const at = core.states.at(state);
    records[at + RULE] = core.holdRule(rule);
    records[at + CREATED] = core.seconds;
    records[at + TOUCHED] = core.seconds;
    records[at + TAG] = packet.packet.tag;
    let flags = packet.direction;
    if (rule.rule.state?.options.sloppy === true) flags |= FLAG_SLOPPY;
    if (this.translated) flags |= FLAG_TRANSLATED;
    if (this.route !== undefined) flags |= this.routeFlag(records, at);
    records[at + FLAGS] = flags;
    switch (packet.protocol) {
      case PROTOCOL_TCP:
        tcpState.create(records, at + SOURCE, at + DESTINATION, packet);
        records[at + TIMEOUT] = timeouts.TCP_FIRST;
        break;
      case PROTOCOL_UDP:
        records[at + SOURCE + PEER_STATE] = 1;
        records[at + TIMEOUT] = timeouts.UDP_FIRST;
        break;
      case PROTOCOL_ICMP:
      case PROTOCOL_ICMP6:
        records[at + TIMEOUT] = timeouts.ICMP_FIRST;
        break;
      default:
        records[at + SOURCE + PEER_STATE] = 1;
        records[at + TIMEOUT] = timeouts.OTHER_FIRST;
    }
    const counters = core.states.counters(state);
    const countersAt = core.states.countersAt(state);
    counters[countersAt] = 1;
    counters[countersAt + 2] = packet.length;
    packet.packet.state = state;
  }

  private routeFlag(records: Int32Array, at: number): number {
    records[at + ROUTE_INTERFACE] = this.core.interfaces.find(this.routeInterface)?.index ?? 0;
    for (let i = 0; i < 4; i++) records[at + ROUTE + i] = this.routeAddress[i]!;
    return this.route!.kind === 'reply-to' ? FLAG_REPLY_TO : FLAG_ROUTE_TO;
  }
}

/** Errors never make a state; of ICMPv6, neither do the messages of neighbour and listener discovery. */
function mayCreate(packet: Descriptor): boolean {
  if (packet.protocol === PROTOCOL_ICMP) {
    return packet.icmpType !== icmp.TYPE_ROUTER_ADVERTISEMENT && packet.icmpType !== icmp.TYPE_ECHO_REPLY;
  }
  if (packet.protocol !== PROTOCOL_ICMP6) return true;
  return packet.icmpType === icmp6.TYPE_ECHO;
}

function isBound(rule: CompiledRule, core: PfCore): boolean {
  return rule.rule.state?.options.ifBound ?? core.options.statePolicy === 'if-bound';
}

/** The port that a redirection leads to: as it was, the one given, or the same place in the range given. */
function redirectPort(pool: Pool, rule: CompiledRule, port: number): number {
  if (pool.ports === undefined) return port;
  const { low, high } = pool.ports;
  if (high <= low) return low;
  const base = rule.destination.portLow;
  return low + ((port - base + (high - low + 1)) % (high - low + 1));
}
