// SPDX-License-Identifier: ISC
//
// Normalization before rules and states see a packet (pf_norm.c): fragments are put together, headers cleaned. In 2008 as scrub rules
// say, in two looks; today every fragment, and the rest as rules and states ask for it (ScrubSettings).

import * as ipv4 from '../../wire/ipv4.ts';
import * as pflog from '../../wire/pflog.ts';
import { SECOND } from '../clock.ts';
import { DIRECTION_IN, DIRECTION_OUT } from '../filter.ts';
import { COMPLETE, Fragments, HELD, NO_SPACE } from '../inet/fragments.ts';
import { Fragments6 } from '../inet6/fragments6.ts';
import type { Random } from '../random.ts';
import type { Timeouts } from '../timeout.ts';
import type { ActiveRule } from './activeRule.ts';
import { type Descriptor, PROTOCOL_TCP, READ_OK } from './descriptor.ts';
import { type Evaluator, LOOK_AT_ALL, LOOK_AT_HEADERS, type RuleVisitor } from './evaluate.ts';
import { applyScrub, clearDontFragment, clearFragmentBits, normalizeTcp } from './headers.ts';
import type { PfLog } from './log.ts';
import { ScrubSettings } from './scrubSettings.ts';
import type { Settings } from './settings.ts';
import {
  REASON_FRAGMENT,
  REASON_MEMORY,
  REASON_NORMALIZE,
  REASON_SHORT,
  type Statistics,
} from './statistics.ts';
import * as timeouts from './timeouts.ts';

export const NORMAL = 0;
/** A fragment that waits for the others. */
export const WAITING = 1;
export const REFUSED = 2;

/** The first scrub rule that matches. */
class FirstScrub implements RuleVisitor {
  readonly decisions = 0;
  readonly rewrites = 0;
  rule: ActiveRule | undefined;

  matched(rule: ActiveRule): boolean {
    this.rule = rule;
    return false;
  }
}

export class Normalizer {
  private readonly evaluator: Evaluator;
  private readonly settings: Settings;
  private readonly statistics: Statistics;
  private readonly random: Random;
  private readonly log: PfLog;
  private readonly fragments4: Fragments;
  private readonly fragments6: Fragments6;
  private readonly first = new FirstScrub();
  private readonly scrub = new ScrubSettings();

  constructor(parts: {
    evaluator: Evaluator;
    settings: Settings;
    statistics: Statistics;
    random: Random;
    log: PfLog;
    timeouts: Timeouts;
  }) {
    this.evaluator = parts.evaluator;
    this.settings = parts.settings;
    this.statistics = parts.statistics;
    this.random = parts.random;
    this.log = parts.log;
    const dropped = (count: number) => {
      for (let i = 0; i < count; i++) this.statistics.count(REASON_FRAGMENT);
    };
    const limits = {
      fragments: () => this.settings.limits.frags!,
      lifetime: () => this.settings.timeouts[timeouts.FRAGMENT]! * SECOND,
    };
    this.fragments4 = new Fragments({ timeouts: parts.timeouts, limits, expired: dropped, dropped });
    this.fragments6 = new Fragments6({ timeouts: parts.timeouts, limits, expired: dropped, dropped });
  }

  /** Fragments held now. */
  get held(): number {
    return this.fragments4.count + this.fragments6.count;
  }

  /** Normalizes a packet; on NORMAL it may be another one, put together, and has been read again. */
  normalize(packet: Descriptor): number {
    return this.settings.isToday ? this.today(packet) : this.byRules(packet);
  }

  // Today.

  private today(packet: Descriptor): number {
    if (!packet.isFragment) return NORMAL;
    const { reassemble } = this.settings.options;
    if (reassemble?.enabled === false || packet.direction === DIRECTION_OUT) return NORMAL;
    return this.reassemble(packet, reassemble?.noDf ?? false);
  }

  private reassemble(packet: Descriptor, noDf: boolean): number {
    const { packet: frame } = packet;
    if (packet.family === 4 && !noDf && ipv4.dontFragment(frame.bytes, frame.network)) {
      return this.refuse(REASON_FRAGMENT);
    }
    const outcome = packet.family === 4 ? this.fragments4.add(frame) : this.fragments6.add(frame);
    if (outcome === HELD) return WAITING;
    if (outcome === NO_SPACE) return this.refuse(REASON_MEMORY);
    if (outcome !== COMPLETE) return this.refuse(REASON_FRAGMENT);
    if (packet.read(frame, packet.on, packet.direction, this.settings.isToday) !== READ_OK) {
      return this.refuse(REASON_SHORT);
    }
    if (noDf && packet.family === 4) clearDontFragment(packet);
    return NORMAL;
  }

  private refuse(reason: number): number {
    this.statistics.count(reason);
    return REFUSED;
  }

  // 2008.

  private byRules(packet: Descriptor): number {
    // FreeBSD: `set reassemble yes` does it where no scrub rule has a say.
    if (!this.evaluator.has('scrub')) {
      return this.settings.options.reassemble?.enabled === true ? this.today(packet) : NORMAL;
    }
    const rule = this.find(packet, LOOK_AT_HEADERS);
    if (rule !== undefined && rule.rule.no !== true) {
      const outcome = this.headers(packet, rule);
      if (outcome !== NORMAL) return outcome;
    }
    if (packet.protocol !== PROTOCOL_TCP || packet.isFragment) return NORMAL;
    const second = this.find(packet, LOOK_AT_ALL);
    return second === undefined || second.rule.no === true ? NORMAL : this.tcp(packet, second);
  }

  private find(packet: Descriptor, look: number): ActiveRule | undefined {
    const { first } = this;
    first.rule = undefined;
    this.evaluator.walk('scrub', packet, first, look);
    const rule = first.rule as ActiveRule | undefined;
    rule?.count(packet.direction === DIRECTION_OUT ? 1 : 0, packet.length);
    return rule;
  }

  private headers(packet: Descriptor, rule: ActiveRule): number {
    const scrub = rule.rule.scrub ?? {};
    if (packet.isFragment && packet.family === 4 && scrub.fragment !== 'no') {
      if (packet.direction !== DIRECTION_IN) return NORMAL;
      const outcome = this.reassemble(packet, scrub.noDf ?? false);
      if (outcome !== NORMAL) return outcome;
    }
    // States then insist on resets being in place (5.6 of pf's description).
    packet.isReassembled = true;
    this.scrub.clear();
    this.scrub.take({ ...scrub, maxMss: 0 }, undefined);
    if (packet.family === 4 && !packet.isFragment) clearFragmentBits(packet);
    applyScrub(packet, this.scrub, this.random);
    return NORMAL;
  }

  private tcp(packet: Descriptor, rule: ActiveRule): number {
    if (!normalizeTcp(packet)) {
      if (rule.rule.log !== undefined) {
        this.log.decision(packet, rule, undefined, pflog.ACTION_BLOCK, REASON_NORMALIZE, undefined);
      }
      return this.refuse(REASON_NORMALIZE);
    }
    const { maxMss, reassembleTcp } = rule.rule.scrub ?? {};
    if (reassembleTcp) packet.wantsTimestamps = true;
    if (maxMss === undefined) return NORMAL;
    this.scrub.clear();
    this.scrub.maxMss = maxMss;
    applyScrub(packet, this.scrub, this.random);
    return NORMAL;
  }
}
