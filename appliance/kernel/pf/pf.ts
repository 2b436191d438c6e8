// SPDX-License-Identifier: ISC
//
// pf(4): the one order of things for a packet (pf_test): read, normalize, state, rules, answer or route.

import * as pflog from '../../wire/pflog.ts';
import * as tcp from '../../wire/tcp.ts';
import { SECOND } from '../clock.ts';
import { DIRECTION_OUT, DROP, PASS, type PacketFilter, TAKEN } from '../filter.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet } from '../packet.ts';
import { Timeout } from '../timeout.ts';
import { Descriptor, PROTOCOL_TCP, READ_OK, READ_SHORT, READ_WRONG_FAMILY } from './descriptor.ts';
import { isDiverting } from './divert.ts';
import { Ends } from './ends.ts';
import { applyScrub } from './headers.ts';
import { NORMAL, WAITING } from './normalize.ts';
import { makeParts, type PfGround, type PfParts } from './parts.ts';
import { VERDICT_PASS } from './ruleTest.ts';
import {
  EXTRA,
  FLAG_ALLOW_OPTIONS,
  FLAG_DIRECTION,
  FLAG_DIVERTED,
  FLAG_DUP_TO,
  FLAG_EXTRA,
  FLAG_FAMILIES,
  FLAG_LOG_ALL,
  FLAG_REPLY_TO,
  FLAG_ROUTE_TO,
  FLAG_TABLES,
  FLAGS,
  isForward,
  ROUTE,
  ROUTE_INTERFACE,
} from './stateRecord.ts';
import { NO_STATE } from './states.ts';
import { REASON_IP_OPTION, REASON_MATCH, REASON_SHORT } from './statistics.ts';
import { COLUMN_BLOCK, COLUMN_OUT, COLUMN_PASS } from './table.ts';
import * as timeouts from './timeouts.ts';

/** Packets that are being tested within one another: a packet, the same where it leaves, an error about it, … */
const NESTING = 8;
const ROUTED = FLAG_ROUTE_TO | FLAG_REPLY_TO | FLAG_DUP_TO;

export class Pf implements PacketFilter {
  readonly parts: PfParts;
  private readonly descriptors: Descriptor[] = [];
  private readonly addresses: Int32Array[] = [];
  private readonly ends = new Ends();
  private readonly purge: Timeout;
  private readonly second: Timeout;
  private depth = 0;
  private sinceSweep = 0;
  /** A SYN that a syncookie stood for is before the rules, and goes nowhere itself. */
  private recreating = false;

  constructor(ground: PfGround) {
    this.parts = makeParts(ground, this);
    for (let i = 0; i < NESTING; i++) {
      this.descriptors.push(new Descriptor());
      this.addresses.push(new Int32Array(4));
    }
    this.purge = new Timeout(ground.timeouts, () => this.purge.set(this.parts.life.purge()));
    this.purge.set(SECOND);
    this.second = new Timeout(ground.timeouts, () => this.everySecond());
    this.second.set(SECOND);
  }

  test(packet: Packet, through: Interface, direction: number): number {
    const { settings, replies, kifs } = this.parts;
    // What comes or goes by carpN is its parent's traffic.
    const on = through.filterOn;
    if (!settings.enabled || on.skipFilter || packet.generated || replies.speaking) return PASS;
    if (this.depth >= NESTING) return DROP;
    const descriptor = this.descriptors[this.depth]!;
    this.depth++;
    const isSix = packet.family === 6;
    const verdict = this.testPacket(descriptor, packet, on, direction);
    this.depth--;
    const isOut = direction === DIRECTION_OUT;
    kifs.countersOf(on).count(isSix, isOut, verdict === DROP, descriptor.length);
    return verdict;
  }

  private testPacket(packet: Descriptor, frame: Packet, on: Interface, direction: number): number {
    const { settings, normalizer, stateTest, syncookies } = this.parts;
    const isOut = direction === DIRECTION_OUT;
    if (!isOut || !packet.leaves(frame, on)) {
      const read = packet.read(frame, on, direction, settings.isToday);
      if (read !== READ_OK) return this.unreadable(packet, read);
    }
    packet.came = isOut ? frame.state : NO_STATE;
    const outcome = normalizer.normalize(packet);
    if (outcome !== NORMAL) return outcome === WAITING ? TAKEN : DROP;
    frame.state = NO_STATE;
    if (packet.isFragment) return this.byRules(packet);
    if (!this.recreating && syncookies.takes(packet)) {
      syncookies.answer(packet);
      return DROP;
    }
    const state = stateTest.test(packet);
    if (state >= 0) return this.byState(packet, state);
    if (state !== NO_STATE) return DROP;
    return syncookies.isAnswered(packet) ? this.byCookie(packet) : this.byRules(packet);
  }

  /** The rules see the SYN that the client has sent; the server, another one, if they pass it. */
  private byCookie(packet: Descriptor): number {
    const { syncookies, synproxy, pool } = this.parts;
    const syn = syncookies.recreate(packet);
    this.recreating = true;
    const verdict = this.test(syn, packet.on, packet.direction);
    this.recreating = false;
    const { state } = syn;
    pool.give(syn);
    if (verdict === PASS && state >= 0) synproxy.resume(state, packet, syncookies.segmentSize(packet));
    return DROP;
  }

  /** Its transport header is cut, or its options are none. */
  private unreadable(packet: Descriptor, read: number): number {
    const { statistics, log, rules } = this.parts;
    if (read === READ_WRONG_FAMILY) return DROP;
    const reason = read === READ_SHORT ? REASON_SHORT : REASON_IP_OPTION;
    statistics.count(reason);
    const { defaultRule } = rules;
    log.decision(packet, defaultRule, undefined, pflog.ACTION_BLOCK, reason, undefined);
    return DROP;
  }

  // Known connections.

  private byState(packet: Descriptor, state: number): number {
    const { states, afTo, divert, life } = this.parts;
    const records = states.records(state);
    const at = states.at(state);
    const flags = records[at + FLAGS]!;
    if (packet.hasOptions && (flags & FLAG_ALLOW_OPTIONS) === 0) return this.refuseOptions(packet, state);
    if ((flags & (FLAG_EXTRA | FLAG_LOG_ALL | FLAG_TABLES)) !== 0) this.extras(packet, records, at, state);
    if ((flags & FLAG_FAMILIES) !== 0) return afTo.send(packet, this.ends.read(records, at, packet.family));
    if ((flags & (ROUTED | FLAG_DIVERTED)) === 0) return PASS;
    if ((flags & FLAG_DIVERTED) !== 0) return divert.send(packet, life.ruleOf(state));
    return this.routeByState(packet, records, at, flags);
  }

  private refuseOptions(packet: Descriptor, state: number): number {
    const { statistics, log, life } = this.parts;
    statistics.count(REASON_IP_OPTION);
    const anchor = life.anchorOf(state);
    log.decision(packet, life.ruleOf(state), anchor, pflog.ACTION_BLOCK, REASON_IP_OPTION, undefined);
    return DROP;
  }

  /** What few states want: headers scrubbed, a tag, every packet logged, counted in tables. */
  private extras(packet: Descriptor, records: Int32Array, at: number, state: number): void {
    const { states, life, log, tables, random } = this.parts;
    const flags = records[at + FLAGS]!;
    if ((flags & FLAG_EXTRA) !== 0) {
      const extra = states.extra(records[at + EXTRA]!);
      if (extra?.scrub !== undefined) applyScrub(packet, extra.scrub, random);
      if (extra !== undefined && extra.tag !== 0) packet.packet.tag = extra.tag;
    }
    const rule = life.ruleOf(state);
    if ((flags & FLAG_LOG_ALL) !== 0) {
      log.decision(packet, rule, life.anchorOf(state), pflog.ACTION_PASS, REASON_MATCH, undefined);
    }
    if ((flags & FLAG_TABLES) === 0) return;
    const forward = isForward(records, at, packet.direction, packet.family);
    const from = forward ? packet.source : packet.destination;
    const to = forward ? packet.destination : packet.source;
    rule.countInTables(tables, packet.family, from, to, columnOf(packet, true), packet.length);
  }

  /** The way that was chosen when the state was made: route-to the way it was made, reply-to back, dup-to both ways. */
  private routeByState(packet: Descriptor, records: Int32Array, at: number, flags: number): number {
    const forward = packet.direction === (flags & FLAG_DIRECTION);
    if ((flags & FLAG_ROUTE_TO) !== 0 && !forward) return PASS;
    if ((flags & FLAG_REPLY_TO) !== 0 && forward) return PASS;
    const { routeTo, interfaces } = this.parts;
    const address = this.addresses[this.depth - 1]!;
    for (let i = 0; i < 4; i++) address[i] = records[at + ROUTE + i]!;
    const on = interfaces.byIndex(records[at + ROUTE_INTERFACE]!);
    return (flags & FLAG_DUP_TO) !== 0
      ? routeTo.duplicate(packet, address, on)
      : routeTo.send(packet, address, on);
  }

  // New ones.

  private byRules(packet: Descriptor): number {
    const { rules, replies, maker, log } = this.parts;
    if (rules.test(packet) !== VERDICT_PASS) {
      const { rule } = rules;
      this.countTables(packet, false);
      replies.blocked(packet, rule.rule.blockReturn);
      return DROP;
    }
    if (rules.wantsState(packet) && maker.create(packet, rules) === NO_STATE) {
      rules.translation.undo(packet);
      return DROP;
    }
    const { rule, caller, translation } = rules;
    if (rule.rule.log !== undefined) {
      log.decision(packet, rule, caller, pflog.ACTION_PASS, REASON_MATCH, translation);
    }
    this.countTables(packet, true);
    if (this.recreating) return PASS;
    if (this.isForSynproxy(packet)) {
      translation.undo(packet);
      this.parts.synproxy.begin(packet.packet.state, packet);
      return DROP;
    }
    if (this.isDeferred(packet)) return TAKEN;
    if (!rules.scrub.isEmpty) applyScrub(packet, rules.scrub, this.parts.random);
    if (translation.ends.family !== 0) return this.parts.afTo.send(packet, translation.ends);
    if (isDiverting(rule)) return this.parts.divert.send(packet, rule);
    return rules.routeKind === undefined ? PASS : this.routeByRule(packet);
  }

  /** The first packet of a connection waits until the peers of this machine know of it: as it came, and comes again. */
  private isDeferred(packet: Descriptor): boolean {
    const { sync, rules } = this.parts;
    const { packet: frame } = packet;
    if (sync.target === undefined || frame.state < 0 || !sync.target.defers(frame.state, frame)) return false;
    rules.translation.undo(packet);
    sync.target.hold(frame.state, frame, packet.on, packet.direction);
    return true;
  }

  private countTables(packet: Descriptor, passed: boolean): void {
    const { rule } = this.parts.rules;
    if (!rule.hasTables) return;
    const column = columnOf(packet, passed);
    rule.countInTables(
      this.parts.tables,
      packet.family,
      packet.source,
      packet.destination,
      column,
      packet.length,
    );
  }

  private isForSynproxy(packet: Descriptor): boolean {
    const { rule } = this.parts.rules;
    return (
      rule.rule.state?.keep === 'synproxy' &&
      packet.packet.state >= 0 &&
      packet.protocol === PROTOCOL_TCP &&
      (packet.tcpFlags & (tcp.FLAG_SYN | tcp.FLAG_ACK)) === tcp.FLAG_SYN
    );
  }

  private routeByRule(packet: Descriptor): number {
    const { rules, routeTo } = this.parts;
    if (rules.routeKind === 'reply-to') return PASS;
    const address = this.addresses[this.depth - 1]!;
    address.set(rules.routeAddress);
    return rules.routeKind === 'dup-to'
      ? routeTo.duplicate(packet, address, rules.routeOn)
      : routeTo.send(packet, address, rules.routeOn);
  }

  // Time.

  private everySecond(): void {
    const { sourceNodes, settings, syncookies } = this.parts;
    syncookies.tick();
    if (++this.sinceSweep >= settings.timeouts[timeouts.INTERVAL]!) {
      this.sinceSweep = 0;
      sourceNodes.purge();
    }
    this.second.set(SECOND);
  }
}

function columnOf(packet: Descriptor, passed: boolean): number {
  return (packet.direction === DIRECTION_OUT ? COLUMN_OUT : 0) + (passed ? COLUMN_PASS : COLUMN_BLOCK);
}
