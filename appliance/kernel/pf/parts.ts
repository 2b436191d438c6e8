// SPDX-License-Identifier: ISC
//
// The parts of pf, made and connected here; each knows only those that it is given.

import type { Clock } from '../clock.ts';
import type { PacketFilter } from '../filter.ts';
import type { Ipv4 } from '../inet/ipv4.ts';
import type { Ipv6 } from '../inet6/ipv6.ts';
import type { Captures } from '../link/capture.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { Memory } from '../memory.ts';
import type { PacketPool } from '../packet.ts';
import type { Random } from '../random.ts';
import type { Routes } from '../route/routes.ts';
import type { Timeouts } from '../timeout.ts';
import { AfTo } from './afTo.ts';
import { StateMaker } from './createState.ts';
import { Divert } from './divert.ts';
import { Evaluator } from './evaluate.ts';
import { Fingerprints } from './fingerprints.ts';
import { IcmpErrorTest } from './icmpErrors.ts';
import { Kifs } from './kifs.ts';
import { PfLog } from './log.ts';
import { NewEnds } from './newEnds.ts';
import { Normalizer } from './normalize.ts';
import { Pools } from './pools.ts';
import { Ports } from './ports.ts';
import { Replies } from './replies.ts';
import { RouteTo } from './route.ts';
import { RowMatch } from './rowMatch.ts';
import { RuleSlots } from './ruleSlots.ts';
import { Rulesets } from './rulesets.ts';
import { makeDefaultRule, RuleTest } from './ruleTest.ts';
import { Settings } from './settings.ts';
import { SourceLimits } from './sourceLimits.ts';
import { SourceNodes } from './sourceNodes.ts';
import { StateLife } from './stateLife.ts';
import { States } from './states.ts';
import { StateTest } from './stateTest.ts';
import { Statistics } from './statistics.ts';
import { Sticky } from './sticky.ts';
import { SyncPort } from './sync.ts';
import { Syncookies } from './syncookies.ts';
import { Synproxy } from './synproxy.ts';
import { Tables } from './tables.ts';
import { Tags } from './tags.ts';
import { Translation } from './translation.ts';

/** What pf needs of the kernel. */
export interface PfGround {
  readonly clock: Clock;
  readonly timeouts: Timeouts;
  readonly random: Random;
  readonly interfaces: Interfaces;
  readonly routes: Routes;
  readonly ipv4: Ipv4;
  readonly ipv6: Ipv6;
  readonly pool: PacketPool;
  readonly captures: Captures;
  /** Seconds since the epoch. */
  readonly bootTime: number;
  /** For the state table; absent: memory like any other. */
  readonly memory?: Memory;
}

export type PfParts = ReturnType<typeof makeParts>;

/** Makes the parts. `filter` is what routed packets are shown to on their way out. */
export function makeParts(ground: PfGround, filter: PacketFilter) {
  const { clock, random, interfaces } = ground;
  const settings = new Settings(clock, random.word() >>> 0);
  const statistics = new Statistics();
  const kifs = new Kifs(interfaces);
  const tables = new Tables({
    tables: () => settings.limits.tables!,
    entries: () => settings.limits['table-entries']!,
  });
  const tags = new Tags();
  const rulesets = new Rulesets();
  const states = new States(random.word(), (ground.bootTime + settings.seconds) | 0, ground.memory);
  settings.listen(() => states.reserve(settings.maximumStates));
  const slots = new RuleSlots();
  const sourceNodes = new SourceNodes(settings);
  const sync = new SyncPort();
  const fingerprints = new Fingerprints();
  const common = {
    ...ground,
    settings,
    statistics,
    kifs,
    tags,
    tables,
    rulesets,
    states,
    slots,
    sourceNodes,
    sync,
    fingerprints,
  };
  const evaluator = new Evaluator({ ...common, rows: new RowMatch(common) });
  const pools = new Pools(common);
  const sticky = new Sticky({ pools, sourceNodes });
  const ports = new Ports(common);
  const newEnds = new NewEnds({ pools, ports });
  const translation = new Translation({ evaluator, pools, ports, sticky, newEnds });
  const log = new PfLog(common);
  const defaultRule = makeDefaultRule();
  const rules = new RuleTest({ ...common, evaluator, translation, pools, sticky, log, defaultRule });
  const life = new StateLife({ ...common, pools });
  const sourceLimits = new SourceLimits({ ...common, life });
  const replies = new Replies(common);
  const synproxy = new Synproxy({ ...common, replies, sourceLimits, life });
  const icmpErrors = new IcmpErrorTest(common);
  return {
    ...common,
    defaultRule,
    evaluator,
    log,
    rules,
    life,
    replies,
    synproxy,
    syncookies: new Syncookies({ ...common, replies, synproxy }),
    sourceLimits,
    maker: new StateMaker({ ...common, life, sourceLimits }),
    stateTest: new StateTest({ ...common, life, icmpErrors, replies, sourceLimits, synproxy }),
    normalizer: new Normalizer({ ...common, evaluator, log }),
    afTo: new AfTo({ ...common, replies, icmpErrors }),
    divert: new Divert(settings),
    routeTo: new RouteTo({ ...common, filter, replies }),
  };
}
