// SPDX-License-Identifier: ISC
//
// Which addresses are balanced with `observed` states: by this machine, as its rules say, and by others, as they tell.

import { maskWord } from '../../abi/address.ts';
import { PROTOCOLS } from '../../abi/names.ts';
import type { NumberMatch, Rule } from '../../abi/rule.ts';
import { i32 } from '../../wire/bytes.ts';
import * as pfsync from '../../wire/pfsync.ts';
import * as wire from '../../wire/pfsyncObservation.ts';
import type { Rulesets } from '../pf/rulesets.ts';
import type { Settings } from '../pf/settings.ts';
import type { Assembler } from './assembler.ts';

/** Addresses of other machines that are remembered. */
const MOST = 256;
/** Seconds after which what is told no more is forgotten. */
const SILENCE = 30;
const LAST_PORT = 0xffff;

interface Told extends wire.Balanced {
  readonly hostId: number;
  second: number;
}

export class Balancers {
  private readonly settings: Settings;
  private own: readonly wire.Balanced[] = [];
  private told: Told[] = [];

  constructor(settings: Settings) {
    this.settings = settings;
  }

  /** Other rules are in force. */
  read(rulesets: Rulesets): void {
    this.own = [...rulesets.rules()].flatMap(({ rule }) => balancedBy(rule));
  }

  get ownCount(): number {
    return this.own.length;
  }

  /** Somebody else balances. */
  get hasOthers(): boolean {
    return this.told.length > 0;
  }

  /** Adds what this machine balances from number `from` on, as far as there is room; answers the number of the next one. */
  write(packet: Assembler, from: number): number {
    let next = from;
    for (; next < this.own.length; next++) {
      if (!packet.hasRoom(pfsync.ACTION_BALANCED, wire.BALANCED_LENGTH)) break;
      const at = packet.add(pfsync.ACTION_BALANCED, wire.BALANCED_LENGTH);
      wire.writeBalanced(packet.bytes, at, this.settings.hostId | 0, this.own[next]!);
    }
    return next;
  }

  /** Another machine tells of one. What makes no sense is passed over. */
  hear(bytes: Uint8Array, at: number): void {
    const hostId = i32(bytes, at);
    const family = wire.balancedFamily(bytes, at);
    const length = wire.prefixLength(bytes, at);
    if (hostId === (this.settings.hostId | 0) || length > (family === 4 ? 32 : 128)) return;
    if (family !== 4 && family !== 6) return;
    const words = Int32Array.from({ length: 4 }, (_, i) => i32(bytes, at + wire.BALANCED_ADDRESS + 4 * i));
    const low = wire.lowPort(bytes, at);
    const high = wire.highPort(bytes, at);
    const known = this.told.find(
      (one) =>
        one.hostId === hostId &&
        one.family === family &&
        one.length === length &&
        one.low === low &&
        one.high === high &&
        one.words.every((word, i) => word === words[i]),
    );
    if (known !== undefined) known.second = this.settings.seconds;
    else if (this.told.length < MOST) {
      this.told.push({ hostId, second: this.settings.seconds, family, words, length, low, high });
    }
  }

  /** Forgets what has not been told for long. */
  expire(): void {
    this.told = this.told.filter(({ second }) => this.settings.seconds - second < SILENCE);
  }

  /** Whether another machine, and not this one, balances the address. */
  isOthers(family: number, words: Int32Array, port: number): boolean {
    return !covers(this.own, family, words, port) && covers(this.told, family, words, port);
  }

  /** Whether the machine `creator` may have states of this address here: both balance it, or neither. */
  agree(creator: number, family: number, words: Int32Array, port: number): boolean {
    const own = covers(this.own, family, words, port);
    for (const one of this.told) {
      if (one.hostId === creator && isIn(one, family, words, port)) return own;
    }
    return !own;
  }
}

function covers(list: readonly wire.Balanced[], family: number, words: Int32Array, port: number): boolean {
  for (let i = 0; i < list.length; i++) if (isIn(list[i]!, family, words, port)) return true;
  return false;
}

function isIn(one: wire.Balanced, family: number, words: Int32Array, port: number): boolean {
  if (one.family !== family || port < one.low || port > one.high) return false;
  for (let i = 0; i < (family === 4 ? 1 : 4); i++) {
    if (((one.words[i]! ^ words[i]!) & maskWord(one.length, i)) !== 0) return false;
  }
  return true;
}

/** What a rule asks to be observed: the addresses and ports it is for, or all where it names them in another way. */
function balancedBy(rule: Rule): wire.Balanced[] {
  const { state, destination, protocol } = rule;
  if (state?.options.observed !== true || protocol !== PROTOCOLS.tcp) return [];
  const [low, high] = portsOf(destination.port);
  const { address } = destination;
  if (address.kind === 'prefix' && !destination.negated) {
    const { family, length, words } = address.prefix;
    return [{ family, length, words: Int32Array.from({ length: 4 }, (_, i) => words[i] ?? 0), low, high }];
  }
  const families = rule.family === undefined ? [4, 6] : [rule.family];
  return families.map((family) => ({ family, length: 0, words: new Int32Array(4), low, high }));
}

function portsOf(match: NumberMatch | undefined): readonly [number, number] {
  if (match?.operator === '=') return [match.low, match.low];
  if (match?.operator === ':') return [match.low, match.high];
  return [0, LAST_PORT];
}
