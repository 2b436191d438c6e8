// SPDX-License-Identifier: ISC
//
// `overload <table> flush`: the states of a source that has gone over a limit are killed, a part of the table at a time, so that who goes
// over limits again and again does not hold up everybody else.

import type { Family } from '../../abi/address.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import type { ActiveRule } from './activeRule.ts';
import type { StateLife } from './stateLife.ts';
import { FLAG_DIRECTION, FLAGS, KIND, STACK, WIRE } from './stateRecord.ts';
import { readAddress, type States } from './states.ts';
import { LIMIT_OVERLOAD_FLUSH, type Statistics } from './statistics.ts';

/** Records looked at in one go, and microseconds between two. */
const PART = 4_096;
const PAUSE = 2_000;

interface Flush {
  readonly family: Family;
  readonly address: Int32Array;
  /** Only states of this rule; undefined: of every rule. */
  readonly rule: ActiveRule | undefined;
  place: number;
}

export class Flushes {
  private readonly states: States;
  private readonly life: StateLife;
  private readonly statistics: Statistics;
  private readonly waiting: Flush[] = [];
  private readonly next: Timeout;
  private readonly words = new Int32Array(4);

  constructor(parts: { states: States; life: StateLife; statistics: Statistics; timeouts: Timeouts }) {
    this.states = parts.states;
    this.life = parts.life;
    this.statistics = parts.statistics;
    this.next = new Timeout(parts.timeouts, () => this.goOn());
  }

  /** Kills the states that an address has begun, the first of them at once. */
  begin(family: Family, address: Int32Array, rule: ActiveRule | undefined): void {
    if (this.waiting.some((one) => one.rule === rule && this.isSame(one, family, address))) return;
    this.waiting.push({ family, address: address.slice(), rule, place: 0 });
    if (!this.next.armed) this.goOn();
  }

  private isSame(flush: Flush, family: Family, address: Int32Array): boolean {
    return flush.family === family && flush.address.every((word, i) => word === address[i]);
  }

  private goOn(): void {
    const [flush] = this.waiting;
    if (flush === undefined) return;
    const end = Math.min(this.states.end, flush.place + PART);
    for (; flush.place < end; flush.place++) this.kill(flush, flush.place);
    if (end === this.states.end) this.waiting.shift();
    if (this.waiting.length > 0) this.next.set(PAUSE);
  }

  private kill(flush: Flush, state: number): void {
    if (!this.states.isUsed(state) || !this.isFrom(state, flush)) return;
    if (flush.rule !== undefined && this.life.ruleOf(state) !== flush.rule) return;
    this.life.remove(state);
    this.statistics.countLimit(LIMIT_OVERLOAD_FLUSH);
  }

  /** Whether the connection was begun by the address. */
  private isFrom(state: number, { family, address }: Flush): boolean {
    const records = this.states.records(state);
    const at = this.states.at(state);
    if (records[at + WIRE + KIND]! >>> 8 !== family) return false;
    const isIn = (records[at + FLAGS]! & FLAG_DIRECTION) === 1;
    readAddress(records, at, isIn ? WIRE : STACK, isIn ? 0 : 1, this.words);
    const width = family === 4 ? 1 : 4;
    for (let i = 0; i < width; i++) if (this.words[i] !== address[i]) return false;
    return true;
  }
}
