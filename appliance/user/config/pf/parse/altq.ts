// SPDX-License-Identifier: ISC
//
// `altq on …` and `queue …` of 2008 (pf.conf(5) of OpenBSD 4.4, "QUEUEING").

import { CURVES, schedulerText, writtenBandwidth } from '../build/altqText.ts';
import {
  type AltqInterface,
  type Bandwidth,
  type Curve,
  type CurveName,
  formatRate,
  type Scheduler,
  type SchedulerNode,
} from '../build/queues.ts';
import type { Parsing } from '../parsing.ts';
import type { InterfaceNode } from '../syntax.ts';
import { parseInterfaces } from './criteria.ts';
import { checkOrder, endStatement } from './filterRule.ts';

export const DEFAULT_QLIMIT = 50;
export const MAX_QUEUE_NAME = 63;
const MAX_TBRSIZE = 65535;

/** Flags of each scheduler in the order they are printed; ecn means red as well. `codel` and fairq are FreeBSD's. */
const FLAGS: Readonly<Record<Scheduler, readonly string[]>> = {
  cbq: ['red', 'ecn', 'rio', 'codel', 'borrow', 'default'],
  priq: ['red', 'ecn', 'rio', 'codel', 'default'],
  hfsc: ['red', 'ecn', 'rio', 'codel', 'default'],
  fairq: ['red', 'ecn', 'rio', 'codel', 'default'],
};

/** Schedulers whose queues lie side by side, without a root. */
const FLAT: ReadonlySet<Scheduler> = new Set(['priq', 'fairq']);

export interface QueueOptions {
  bandwidth?: Bandwidth;
  priority?: number;
  qlimit?: number;
  tbrsize?: number;
  scheduler?: SchedulerNode;
}

export const WHOLE: Bandwidth = { absolute: 0, percent: 100 };

/** One `altq on`; `altq` has been taken. */
export function parseAltq(p: Parsing): void {
  const { cursor } = p;
  const interfaces = parseInterfaces(p) ?? [];
  const options = parseQueueOptions(p);
  cursor.require('queue');
  const children = parseChildren(p);
  endStatement(p);
  checkOrder(p, 'queue');
  const { scheduler } = options;
  if (scheduler === undefined) p.cursor.fail('no scheduler specified!');
  if (children.length === 0) cursor.fail('no child queues specified');
  if (!p.config.parts.queues) return;
  for (const entry of interfaces) addInterface(p, entry, scheduler, options, children);
}

export function parseQueueOptions(p: Parsing): QueueOptions {
  const options: QueueOptions = {};
  while (parseQueueOption(p, options));
  return options;
}

function parseQueueOption(p: Parsing, options: QueueOptions): boolean {
  const { cursor } = p;
  if (cursor.accept('bandwidth')) {
    const bandwidth = parseBandwidth(p);
    if (options.bandwidth !== undefined) cursor.fail('bandwidth cannot be respecified');
    options.bandwidth = bandwidth;
  } else if (cursor.accept('priority')) {
    options.priority = bounded(p, 'priority', options.priority, 255, 'priority out of range: max 255');
  } else if (cursor.accept('qlimit')) {
    options.qlimit = bounded(p, 'qlimit', options.qlimit, 65535, 'qlimit out of range: max 65535');
  } else if (cursor.accept('tbrsize')) {
    options.tbrsize = bounded(p, 'tbrsize', options.tbrsize, MAX_TBRSIZE, 'tbrsize too big: max 65535');
  } else {
    const scheduler = parseScheduler(p);
    if (scheduler === undefined) return false;
    if (options.scheduler !== undefined) cursor.fail('scheduler cannot be respecified');
    options.scheduler = scheduler;
  }
  return true;
}

function bounded(
  p: Parsing,
  name: string,
  previous: number | undefined,
  limit: number,
  text: string,
): number {
  const value = p.cursor.number();
  if (previous !== undefined) p.cursor.fail(`${name} cannot be respecified`);
  if (value < 0 || value > limit) p.cursor.fail(text);
  return value;
}

const UNITS: Readonly<Record<string, number>> = { b: 1, Kb: 1e3, Mb: 1e6, Gb: 1e9 };

function parseBandwidth(p: Parsing): Bandwidth {
  const { cursor } = p;
  if (cursor.atNumber()) {
    const absolute = cursor.number();
    if (absolute < 0 || absolute > 0xffffffff) cursor.fail('bandwidth number too big');
    return { absolute, percent: 0 };
  }
  const text = cursor.string('bandwidth');
  const [, digits = '', unit = ''] = /^(\d*\.?\d*)(.*)$/.exec(text)!;
  const number = Number(digits);
  if (unit === '%') {
    if (number > 100) cursor.fail('bandwidth spec out of range');
    return { absolute: 0, percent: Math.trunc(number) };
  }
  if (!Object.hasOwn(UNITS, unit)) cursor.fail(`unknown unit ${unit}`);
  return { absolute: Math.trunc(number * UNITS[unit]!), percent: 0 };
}

function parseScheduler(p: Parsing): SchedulerNode | undefined {
  const { cursor } = p;
  const kind = (['cbq', 'priq', 'hfsc', 'fairq'] as const).find((word) => cursor.accept(word));
  if (kind === undefined) return undefined;
  const flags = new Set<string>();
  const curves: Partial<Record<CurveName, Curve>> = {};
  const fair: FairOptions = {};
  if (cursor.acceptOperator('(')) {
    cursor.parenthesized(() => {
      if ((kind === 'hfsc' || kind === 'fairq') && parseCurve(p, curves)) return;
      const flag = cursor.string('flag');
      if (kind === 'fairq' && parseFairOption(p, flag, fair)) return;
      if (!FLAGS[kind].includes(flag) || (flag === 'codel' && !p.traits.fairQueues))
        cursor.fail(`unknown ${kind} flag "${flag}"`);
      flags.add(flag);
      if (flag === 'ecn') flags.add('red');
    });
  }
  return { kind, flags: FLAGS[kind].filter((flag) => flags.has(flag)), curves, ...fair };
}

type FairOptions = { -readonly [K in 'hogs' | 'buckets']?: SchedulerNode[K] };

function parseFairOption(p: Parsing, word: string, fair: FairOptions): boolean {
  if (word === 'hogs') fair.hogs = parseBandwidth(p);
  else if (word === 'buckets') fair.buckets = bounded(p, 'buckets', fair.buckets, 65535, 'too many buckets');
  else return false;
  return true;
}

function parseCurve(p: Parsing, curves: Partial<Record<CurveName, Curve>>): boolean {
  const { cursor } = p;
  const name = CURVES.find((word) => cursor.accept(word));
  if (name === undefined) return false;
  let curve: Curve;
  if (cursor.acceptOperator('(')) {
    const m1 = parseBandwidth(p);
    cursor.acceptOperator(',');
    const d = cursor.number();
    cursor.acceptOperator(',');
    curve = { m1, d, m2: parseBandwidth(p) };
    cursor.requireOperator(')');
    if (d < 0) cursor.fail('timing in curve out of range');
  } else curve = { d: 0, m2: parseBandwidth(p) };
  if (curves[name] !== undefined) cursor.fail(`${name} already specified`);
  curves[name] = curve;
  return true;
}

/** A queue name, or several in braces, or nothing. */
export function parseChildren(p: Parsing): string[] {
  const { cursor } = p;
  if (!cursor.atOperator('{') && !cursor.atString('queue')) return [];
  return cursor.listOf(() => {
    const name = cursor.string('queue');
    if (name.length > MAX_QUEUE_NAME)
      cursor.fail(`queue name '${name}' too long (max ${MAX_QUEUE_NAME} chars)`);
    return name;
  });
}

function addInterface(
  p: Parsing,
  entry: InterfaceNode,
  scheduler: SchedulerNode,
  options: QueueOptions,
  children: readonly string[],
): void {
  const { queues, echo } = p.config;
  if (entry.negated) p.cursor.fail('altq on ! <interface> is not supported');
  const { kind } = scheduler;
  const bandwidth = interfaceBandwidth(p, entry.name, options.bandwidth ?? WHOLE);
  const tbrsize = options.tbrsize || tokenBucketSize(p, entry.name, bandwidth);
  const altq: AltqInterface = { name: entry.name, scheduler: kind, bandwidth };
  queues.interfaces.push(altq);
  const rate = writtenBandwidth(options.bandwidth ?? WHOLE, bandwidth);
  const qlimit =
    options.qlimit !== undefined && options.qlimit !== DEFAULT_QLIMIT ? `qlimit ${options.qlimit} ` : '';
  const parts = `${schedulerText(scheduler, undefined) || `${kind} `}${rate}${qlimit}tbrsize ${tbrsize} `;
  echo.push(`altq on ${entry.name} ${parts}queue { ${children.join(' ')} }`);
  const root = FLAT.has(kind) ? undefined : `root_${entry.name}`;
  if (root !== undefined) addRootQueue(p, altq, root, scheduler);
  for (const name of children) {
    queues.announced.push({ name, interface: entry.name, parent: root, scheduler: kind });
  }
}

function interfaceBandwidth(p: Parsing, name: string, bandwidth: Bandwidth): number {
  if (bandwidth.absolute > 0) return bandwidth.absolute;
  p.diagnostics.note(`interface ${name} does not know its bandwidth, please specify an absolute bandwidth`);
  p.diagnostics.errors++;
  return p.cursor.abandon();
}

/** So many packets as the rate asks for (the heuristics of pfctl). */
function tokenBucketSize(p: Parsing, name: string, rate: number): number {
  const mtu = p.facts.interfaces.get(name)?.mtu;
  if (mtu === undefined) {
    p.diagnostics.note('pfctl: SIOCGIFMTU: Device not configured');
    p.diagnostics.errors++;
    return p.cursor.abandon();
  }
  const packets = rate <= 1e6 ? 1 : rate <= 1e7 ? 4 : rate <= 2e8 ? 8 : 24;
  return Math.min(packets * mtu, MAX_TBRSIZE);
}

/** The root queue has the interface's flags, and with cbq two of its own. */
function addRootQueue(p: Parsing, altq: AltqInterface, name: string, scheduler: SchedulerNode): void {
  const { flags: given } = scheduler;
  const isDefault = given.includes('default');
  const own = altq.scheduler === 'cbq' ? ['wrr', 'root'] : [];
  const words = [...given.filter((flag) => flag !== 'default'), ...own, ...(isDefault ? ['default'] : [])];
  const flags = words.length > 0 ? `${altq.scheduler}( ${words.join(' ')} ) ` : '';
  p.config.queues.addAltq({
    name,
    interface: altq.name,
    parent: undefined,
    bandwidth: altq.bandwidth,
    priority: 0,
    isDefault,
    text: `${name} on ${altq.name} bandwidth ${formatRate(altq.bandwidth)} priority 0 ${flags}`,
  });
}
