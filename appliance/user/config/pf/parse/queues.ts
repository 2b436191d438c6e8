// SPDX-License-Identifier: ISC
//
// `queue …` of today (pf.conf(5), "QUEUEING").

import type { Parsing } from '../parsing.ts';
import { parseInterfaces } from './criteria.ts';
import { endStatement } from './filterRule.ts';

const MAX_QUEUE_NAME = 63;
const MAX_FLOWS = 32767;

interface Curve {
  readonly rate: number;
  readonly burst?: { readonly rate: number; readonly milliseconds: number };
}

interface Node {
  parent?: string;
  bandwidth?: Curve;
  min?: Curve;
  max?: Curve;
  isDefault?: boolean;
  qlimit?: number;
  flows?: number;
  quantum?: number;
}

/** One queue; `queue` has been taken. */
export function parseQueue(p: Parsing): void {
  const { cursor, config } = p;
  const name = cursor.string('queue');
  const interfaces = parseInterfaces(p);
  const node: Node = {};
  while (parseQueueOption(p, node));
  endStatement(p);
  if (interfaces === undefined && node.parent === undefined) cursor.fail('root queue without interface');
  if (node.bandwidth === undefined && node.flows === undefined) {
    cursor.fail('no bandwidth or flow specification');
  }
  if (name.length > MAX_QUEUE_NAME) cursor.fail('queuename too long');
  for (const entry of interfaces ?? [undefined]) {
    config.queues.specs.push({
      name,
      interface: entry?.name,
      parent: node.parent,
      bandwidth: node.bandwidth?.rate ?? 0,
      isDefault: node.isDefault ?? false,
      hasFlows: node.flows !== undefined,
      text: queueText(name, entry?.name, node),
    });
  }
}

function parseQueueOption(p: Parsing, node: Node): boolean {
  const { cursor } = p;
  if (cursor.accept('bandwidth')) {
    const bandwidth = parseCurve(p);
    if (node.bandwidth !== undefined) cursor.fail('bandwidth cannot be respecified');
    node.bandwidth = bandwidth;
    parseBounds(p, node);
  } else if (cursor.accept('parent')) {
    const parent = cursor.string('queue');
    if (node.parent !== undefined) cursor.fail('parent cannot be respecified');
    node.parent = parent;
  } else if (cursor.accept('default')) {
    if (node.isDefault) cursor.fail('default cannot be respecified');
    node.isDefault = true;
  } else if (cursor.accept('qlimit')) {
    node.qlimit = bounded(p, 'qlimit', node.qlimit, 65535);
  } else if (cursor.accept('flows')) {
    node.flows = bounded(p, 'number of flows', node.flows, MAX_FLOWS);
  } else if (cursor.accept('quantum')) {
    node.quantum = bounded(p, 'quantum', node.quantum, 65535);
  } else return false;
  return true;
}

/** `min` and `max` behind the bandwidth, in either order. */
function parseBounds(p: Parsing, node: Node): void {
  const { cursor } = p;
  for (;;) {
    const comma = cursor.acceptOperator(',');
    if (node.min === undefined && cursor.accept('min')) node.min = parseCurve(p);
    else if (node.max === undefined && cursor.accept('max')) node.max = parseCurve(p);
    else if (comma) cursor.syntaxError();
    else return;
  }
}

function bounded(p: Parsing, name: string, previous: number | undefined, limit: number): number {
  const value = p.cursor.number();
  if (previous !== undefined) p.cursor.fail(`${name} cannot be respecified`);
  if (value < 0 || value > limit) p.cursor.fail(`${name} out of range: max ${limit}`);
  return value;
}

function parseCurve(p: Parsing): Curve {
  const { cursor } = p;
  const rate = parseBandwidth(p);
  if (!cursor.accept('burst')) return { rate };
  const burst = parseBandwidth(p);
  cursor.require('for');
  const text = cursor.string('time');
  const match = /^(\d+)ms$/.exec(text);
  if (match === null) return cursor.fail('time in scspec must be in ms');
  return { rate, burst: { rate: burst, milliseconds: Number(match[1]) } };
}

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, K: 1e3, M: 1e6, G: 1e9 };

/** Bits per second: a number with K, M or G, and `b`, `bit` and the like behind it. */
function parseBandwidth(p: Parsing): number {
  const { cursor } = p;
  if (cursor.atNumber()) {
    const rate = cursor.number();
    if (rate < 0) cursor.fail('bandwidth number too big');
    return rate;
  }
  const text = cursor.string('bandwidth');
  const [, digits = '', written = ''] = /^(\d*\.?\d*)(.*)$/.exec(text)!;
  const unit = /^(.)(?:Bit|B|bit|b)$/.exec(written)?.[1] ?? written;
  if (unit === '%') {
    if (Number(digits) > 100) cursor.fail('bandwidth spec out of range');
    cursor.fail('no bandwidth in % yet');
  }
  if (!Object.hasOwn(UNITS, unit)) cursor.fail(`unknown unit "${unit}"`);
  return Math.trunc(Number(digits) * UNITS[unit]!);
}

function queueText(name: string, on: string | undefined, node: Node): string {
  let text = `queue ${name}`;
  if (node.parent !== undefined) text += ` parent ${node.parent}`;
  else if (on !== undefined) text += ` on ${on}`;
  if (node.flows !== undefined) text += ` flows ${node.flows}`;
  if (node.quantum) text += ` quantum ${node.quantum}`;
  if (node.bandwidth?.rate) {
    text += ` bandwidth ${curveText(node.bandwidth)}`;
    if (node.min?.rate) text += `, min ${curveText(node.min)}`;
    if (node.max?.rate) text += `, max ${curveText(node.max)}`;
  }
  if (node.isDefault) text += ' default';
  if (node.qlimit) text += ` qlimit ${node.qlimit}`;
  return text;
}

function curveText(curve: Curve): string {
  const { burst } = curve;
  const tail = burst?.milliseconds ? ` burst ${rateText(burst.rate)} for ${burst.milliseconds}ms` : '';
  return rateText(curve.rate) + tail;
}

function rateText(rate: number): string {
  let scaled = rate;
  let unit = 0;
  while (scaled >= 1000 && unit < 3 && scaled % 1000 === 0) {
    scaled /= 1000;
    unit++;
  }
  return `${scaled}${['', 'K', 'M', 'G'][unit]}`;
}
