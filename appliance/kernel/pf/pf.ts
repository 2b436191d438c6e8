// SPDX-License-Identifier: ISC
//
// pf(4): the one order of things for a packet (pf_test): read, put together, state, rules, answer or route.

import { SECOND } from '../clock.ts';
import { DIRECTION_IN, DROP, PASS, type PacketFilter, TAKEN } from '../filter.ts';
import { COMPLETE, Fragments, HELD } from '../inet/fragments.ts';
import { Fragments6 } from '../inet6/fragments6.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet } from '../packet.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import { PfCore, type PfParts, REASON_FRAGMENT, REASON_SHORT } from './core.ts';
import { Descriptor, READ_OK } from './descriptor.ts';
import { Forwarder } from './forward.ts';
import { answerBlocked } from './replies.ts';
import { RuleTest, VERDICT_PASS } from './ruleTest.ts';
import {
  FLAG_DIRECTION,
  FLAG_REPLY_TO,
  FLAG_ROUTE_TO,
  FLAGS,
  ROUTE,
  ROUTE_INTERFACE,
  RULE,
  TIMEOUT,
  TOUCHED,
} from './states.ts';
import { NO_STATE, StateTest } from './stateTest.ts';
import * as timeouts from './timeouts.ts';

/** Descriptors for the packets that are being tested within one another: a packet, its error, the error's way out, … */
const NESTING = 8;
/** States looked at in one purge at least. */
const PURGE_MINIMUM = 64;

export class Pf implements PacketFilter {
  readonly core: PfCore;
  readonly stateTest: StateTest;
  private readonly ruleTests: RuleTest[] = [];
  private readonly descriptors: Descriptor[] = [];
  private readonly forwarder: Forwarder;
  private readonly fragments4: Fragments;
  private readonly fragments6: Fragments6;
  private readonly purge: Timeout;
  private readonly routeAddress = new Int32Array(4);
  private depth = 0;
  private purgePlace = 0;

  constructor(parts: PfParts & { readonly timeouts: Timeouts }) {
    this.core = new PfCore(parts);
    const { core } = this;
    this.stateTest = new StateTest(core);
    this.forwarder = new Forwarder(core, this);
    for (let i = 0; i < NESTING; i++) {
      this.descriptors.push(new Descriptor());
      this.ruleTests.push(new RuleTest(core, this.stateTest));
    }
    const dropped = (count: number) => {
      for (let i = 0; i < count; i++) core.count(REASON_FRAGMENT);
    };
    const limits = {
      fragments: () => core.limits.frags!,
      lifetime: () => core.timeouts[timeouts.FRAGMENT]! * SECOND,
    };
    this.fragments4 = new Fragments({ timeouts: parts.timeouts, limits, expired: dropped, dropped });
    this.fragments6 = new Fragments6({ timeouts: parts.timeouts, limits, expired: dropped, dropped });
    this.purge = new Timeout(parts.timeouts, () => this.purgeSome());
    this.purge.set(SECOND);
  }

  test(packet: Packet, on: Interface, direction: number): number {
    if (!this.core.enabled || on.skipFilter || packet.generated) return PASS;
    if (this.depth >= NESTING) return DROP;
    const descriptor = this.descriptors[this.depth]!;
    const rules = this.ruleTests[this.depth]!;
    this.depth++;
    const verdict = this.testPacket(descriptor, rules, packet, on, direction);
    this.depth--;
    return verdict;
  }

  private testPacket(
    descriptor: Descriptor,
    rules: RuleTest,
    packet: Packet,
    on: Interface,
    direction: number,
  ): number {
    const { core } = this;
    if (descriptor.read(packet, on, direction) !== READ_OK) return this.dropFor(REASON_SHORT);
    if (descriptor.isFragment && direction === DIRECTION_IN && this.reassembles(descriptor)) {
      const outcome = (packet.family === 4 ? this.fragments4 : this.fragments6).add(packet);
      if (outcome === HELD) return TAKEN;
      if (outcome !== COMPLETE) return this.dropFor(REASON_FRAGMENT);
      if (descriptor.read(packet, on, direction) !== READ_OK) return this.dropFor(REASON_SHORT);
    }
    const state = descriptor.isFragment ? NO_STATE : this.stateTest.test(descriptor);
    if (state >= 0) return this.routeByState(descriptor, state);
    if (state !== NO_STATE) return DROP;
    if (rules.test(descriptor) !== VERDICT_PASS) {
      answerBlocked(core, descriptor, rules.rule.rule.blockReturn);
      return DROP;
    }
    if (packet.state >= 0) return this.routeByState(descriptor, packet.state);
    if (rules.route === undefined || rules.route.kind === 'reply-to') return PASS;
    this.routeAddress.set(rules.routeAddress);
    return this.forwarder.route(descriptor, this.routeAddress, core.interfaces.find(rules.routeInterface));
  }

  /** Today whole datagrams unless `set reassemble no`; in 2008 where a scrub rule says so. */
  private reassembles(packet: Descriptor): boolean {
    if (this.core.isToday) return this.core.options.reassemble?.enabled ?? true;
    return this.core.rulesets.main.lists.scrub.some((rule) => {
      return rule.rule.no !== true && this.core.matcher.matches(rule, packet);
    });
  }

  private dropFor(reason: number): number {
    this.core.count(reason);
    return DROP;
  }

  /** The way that was chosen when the state was made, for the direction that the rule meant. */
  private routeByState(packet: Descriptor, state: number): number {
    const { states, interfaces } = this.core;
    const records = states.records(state);
    const at = states.at(state);
    const flags = records[at + FLAGS]!;
    if ((flags & (FLAG_ROUTE_TO | FLAG_REPLY_TO)) === 0) return PASS;
    const forward = packet.direction === (flags & FLAG_DIRECTION);
    if ((flags & FLAG_ROUTE_TO) !== 0 ? !forward : forward) return PASS;
    const index = records[at + ROUTE_INTERFACE]!;
    // It was routed here on the way: going out by another interface, the packet has been through this.
    if (packet.direction !== DIRECTION_IN && packet.packet.routed > 0) return PASS;
    for (let i = 0; i < 4; i++) this.routeAddress[i] = records[at + ROUTE + i]!;
    return this.forwarder.route(packet, this.routeAddress, interfaces.byIndex(index));
  }

  /** A part of the table every second, so that all of it is seen within `interval` seconds (pf_purge_expired_states). */
  private purgeSome(): void {
    const { states } = this.core;
    const share = Math.ceil(states.end / Math.max(1, this.core.timeouts[timeouts.INTERVAL]!));
    const many = Math.min(states.end, Math.max(PURGE_MINIMUM, share));
    for (let i = 0; i < many; i++) {
      if (this.purgePlace >= states.end) this.purgePlace = 0;
      const state = this.purgePlace++;
      if (states.isUsed(state) && this.expires(state) <= this.core.seconds) this.stateTest.remove(state);
    }
    this.purge.set(SECOND);
  }

  /** Second at which a state ends if nothing more comes. */
  expires(state: number): number {
    const { core } = this;
    const records = core.states.records(state);
    const at = core.states.at(state);
    const rule = core.stateRule(records[at + RULE]!);
    const timeout = records[at + TIMEOUT]!;
    const seconds = timeouts.lifetime(timeout, core.timeouts, rule.timeouts, core.states.count, rule.states);
    return records[at + TOUCHED]! + seconds;
  }

  get fragmentCount(): number {
    return this.fragments4.count + this.fragments6.count;
  }
}
