// SPDX-License-Identifier: ISC
//
// Makes the index over a long list of rules (ruleIndex.ts): for each field a sweep over the edges of what its rules want.

import type { FieldIndex, RuleIndex } from '../../abi/compiledRules.ts';
import { summarize, summaryWords } from './ruleIndex.ts';
import {
  DESTINATION,
  DIRECTION,
  FAMILY,
  HOST_HIGH,
  HOST_KIND,
  HOST_LOW,
  HOST_NEGATED,
  HOST_OPERATOR,
  HOST_PORT_HIGH,
  HOST_PORT_LOW,
  HOST_PREFIX4,
  HOST_PREFIX6,
  HOST_RANGE4,
  HOST_RANGE6,
  OPERATOR_EQUAL,
  OPERATOR_GREATER,
  OPERATOR_GREATER_EQUAL,
  OPERATOR_INSIDE,
  OPERATOR_LESS,
  OPERATOR_LESS_EQUAL,
  OPERATOR_RANGE,
  PROTOCOL,
  ROW_WORDS,
  SOURCE,
} from './ruleRow.ts';

/** Shorter lists are walked. */
const WORTH_IT = 24;
/** Words of memory that a field may take for each rule; one that wants more (thousands of nested ranges) is left to the comparison. */
const BUDGET = 256;
const PORTS = 0xffff;

/** What one rule wants of a field: nothing, or values from low to high. */
interface Interval {
  readonly rule: number;
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** Builds the index over `count` rows, or answers undefined where walking is as good. */
export function buildIndex(rows: Int32Array, count: number): RuleIndex | undefined {
  if (count < WORTH_IT) return undefined;
  const words = (count + 31) >>> 5;
  const host = (at: number, prefix: number, range: number) => (row: number) =>
    addressInterval(rows, row + at, prefix, range);
  const port = (at: number) => (row: number) => portInterval(rows, row + at);
  const fields = [
    buildField(count, 1, host(SOURCE, HOST_PREFIX4, HOST_RANGE4)),
    buildField(count, 4, host(SOURCE, HOST_PREFIX6, HOST_RANGE6)),
    buildField(count, 1, host(DESTINATION, HOST_PREFIX4, HOST_RANGE4)),
    buildField(count, 4, host(DESTINATION, HOST_PREFIX6, HOST_RANGE6)),
    buildField(count, 1, port(SOURCE)),
    buildField(count, 1, port(DESTINATION)),
  ];
  return { words, fields, ...buildCommon(rows, count, words) };
}

function buildCommon(rows: Int32Array, count: number, words: number): Pick<RuleIndex, 'classes' | 'common'> {
  const classes = new Uint8Array(256);
  let last = 0;
  for (let i = 0; i < count; i++) {
    const protocol = rows[i * ROW_WORDS + PROTOCOL]! & 0xff;
    if (protocol !== 0 && classes[protocol] === 0) classes[protocol] = ++last;
  }
  const common = new Int32Array((last + 1) * 4 * words);
  for (let i = 0; i < count; i++) {
    const row = i * ROW_WORDS;
    const protocol = rows[row + PROTOCOL]! & 0xff;
    for (let one = 0; one <= last; one++) {
      if (protocol !== 0 && classes[protocol] !== one) continue;
      for (let way = 0; way < 4; way++) {
        const direction = rows[row + DIRECTION]!;
        const family = rows[row + FAMILY]!;
        if (direction !== 0 && direction !== (way >>> 1) + 1) continue;
        if (family !== 0 && family !== ((way & 1) === 1 ? 6 : 4)) continue;
        setBit(common, (one * 4 + way) * words, i);
      }
    }
  }
  return { classes, common };
}

function setBit(set: Int32Array, at: number, bit: number): void {
  set[at + (bit >>> 5)] = set[at + (bit >>> 5)]! | (1 << (bit & 31));
}

/** undefined: any value; null: none at all. */
type Wanted = { readonly low: readonly number[]; readonly high: readonly number[] } | undefined | null;

function addressInterval(rows: Int32Array, host: number, prefix: number, range: number): Wanted {
  const kind = rows[host + HOST_KIND]!;
  const otherPrefix = prefix === HOST_PREFIX4 ? HOST_PREFIX6 : HOST_PREFIX4;
  const otherRange = range === HOST_RANGE4 ? HOST_RANGE6 : HOST_RANGE4;
  if (rows[host + HOST_NEGATED] === 1) return undefined;
  if (kind === otherPrefix || kind === otherRange) return null;
  if (kind !== prefix && kind !== range) return undefined;
  const width = prefix === HOST_PREFIX4 ? 1 : 4;
  const low = Array.from(rows.subarray(host + HOST_LOW, host + HOST_LOW + width));
  const high = Array.from(rows.subarray(host + HOST_HIGH, host + HOST_HIGH + width));
  const last = kind === range ? high : low.map((word, i) => word | ~high[i]!);
  return compareValues(low, last) > 0 ? null : { low, high: last };
}

function portInterval(rows: Int32Array, host: number): Wanted {
  const low = rows[host + HOST_PORT_LOW]!;
  const high = rows[host + HOST_PORT_HIGH]!;
  switch (rows[host + HOST_OPERATOR]) {
    case OPERATOR_EQUAL:
      return numbers(low, low);
    case OPERATOR_RANGE:
      return numbers(low, high);
    case OPERATOR_LESS:
      return numbers(0, low - 1);
    case OPERATOR_LESS_EQUAL:
      return numbers(0, low);
    case OPERATOR_GREATER:
      return numbers(low + 1, PORTS);
    case OPERATOR_GREATER_EQUAL:
      return numbers(low, PORTS);
    case OPERATOR_INSIDE:
      return numbers(low + 1, high - 1);
    default:
      return undefined;
  }
}

function numbers(low: number, high: number): Wanted {
  return low > high ? null : { low: [low], high: [high] };
}

/** The index of one field, undefined where no rule cares or where the sets would be too large. */
function buildField(count: number, width: number, wanted: (row: number) => Wanted): FieldIndex | undefined {
  const careless = new Int32Array((count + 31) >>> 5);
  const intervals: Interval[] = [];
  let limited = false;
  for (let rule = 0; rule < count; rule++) {
    const wants = wanted(rule * ROW_WORDS);
    if (wants === undefined) setBit(careless, 0, rule);
    else limited = true;
    if (wants) intervals.push({ rule, ...wants });
  }
  return limited ? new Sweep(careless, width, BUDGET * count).run(intervals) : undefined;
}

/** An interval's first value, or the first one behind it. */
interface Edge {
  readonly value: readonly number[];
  readonly rule: number;
  readonly begins: boolean;
}

/** Goes over the edges in order and notes which rules are open in each interval between them. */
class Sweep {
  private readonly careless: Int32Array;
  private readonly width: number;
  private budget: number;
  private readonly open: number[] = [];
  private readonly bounds: number[] = [];
  private readonly places: number[] = [];
  private readonly sizes: number[] = [];
  private readonly dense: Int32Array[] = [];
  private readonly members: number[] = [];

  constructor(careless: Int32Array, width: number, budget: number) {
    this.careless = careless;
    this.width = width;
    this.budget = budget;
  }

  run(intervals: readonly Interval[]): FieldIndex | undefined {
    const edges = intervals.flatMap(edgesOf).sort((a, b) => compareValues(a.value, b.value));
    let at = this.apply(edges, 0, undefined);
    this.emit();
    while (at < edges.length && this.budget >= 0) {
      const { value } = edges[at]!;
      at = this.apply(edges, at, value);
      for (const word of value) this.bounds.push(word ^ 0x80000000);
      this.emit();
    }
    return this.budget < 0 ? undefined : this.result();
  }

  /** Opens and closes rules at the edges with this value (undefined: at zero, where the lowest interval begins). */
  private apply(edges: readonly Edge[], from: number, value: readonly number[] | undefined): number {
    let at = from;
    const isHere = (edge: Edge) =>
      value === undefined
        ? edge.value.every((word) => word === 0)
        : edge.value.every((word, i) => word === value[i]);
    for (; at < edges.length && isHere(edges[at]!); at++) {
      const { rule, begins } = edges[at]!;
      const place = lowerBound(this.open, rule);
      if (begins) this.open.splice(place, 0, rule);
      else this.open.splice(place, 1);
    }
    return at;
  }

  private emit(): void {
    const words = this.careless.length;
    if (this.open.length > words) {
      const set = this.careless.slice();
      for (const rule of this.open) setBit(set, 0, rule);
      this.dense.push(set);
      this.places.push(this.dense.length * words);
      this.sizes.push(-1);
      this.budget -= words;
    } else {
      this.places.push(this.members.length);
      this.sizes.push(this.open.length);
      for (const rule of this.open) this.members.push(rule);
      this.budget -= this.open.length;
    }
  }

  private result(): FieldIndex {
    const words = this.careless.length;
    const sets = new Int32Array((this.dense.length + 1) * words);
    sets.set(this.careless);
    this.dense.forEach((set, i) => {
      sets.set(set, (i + 1) * words);
    });
    const length = summaryWords(words);
    const summaries = new Int32Array((this.dense.length + 1) * length);
    for (let i = 0; i <= this.dense.length; i++) summarize(sets, i * words, words, summaries, i * length);
    return {
      width: this.width,
      bounds: Int32Array.from(this.bounds),
      places: Int32Array.from(this.places),
      sizes: Int32Array.from(this.sizes),
      sets,
      summaries,
      members: Int32Array.from(this.members),
    };
  }
}

function edgesOf({ rule, low, high }: Interval): Edge[] {
  const begin = { value: low, rule, begins: true };
  const behind = successor(high);
  return behind === undefined ? [begin] : [begin, { value: behind, rule, begins: false }];
}

/** The next value; undefined behind the last one. */
function successor(value: readonly number[]): readonly number[] | undefined {
  const next = [...value];
  for (let i = next.length - 1; i >= 0; i--) {
    next[i] = (next[i]! + 1) | 0;
    if (next[i] !== 0) return next;
  }
  return undefined;
}

function compareValues(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i]! >>> 0) - (b[i]! >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
