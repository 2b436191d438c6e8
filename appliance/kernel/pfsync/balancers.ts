// SPDX-License-Identifier: ISC
//
// Which addresses are balanced: by this machine, as its rules say, and by others, as they tell.

import { maskWord } from '../../abi/address.ts';
import { PROTOCOLS } from '../../abi/names.ts';
import type { NumberMatch } from '../../abi/rule.ts';
import { i32 } from '../../wire/bytes.ts';
import { PROTOCOL_TCP } from '../../wire/ipv4.ts';
import * as pfsync from '../../wire/pfsync.ts';
import * as wire from '../../wire/pfsyncObservation.ts';
import type { ActiveRule } from '../pf/activeRule.ts';
import type { Rulesets } from '../pf/rulesets.ts';
import type { Settings } from '../pf/settings.ts';
import type { Assembler } from './assembler.ts';

/** Addresses of other machines that are remembered. */
const MOST = 256;
/** Seconds after which what is told no more is forgotten. */
const SILENCE = 30;
const LAST_PORT = 0xffff;
/** Where relayd(8) puts its rules. */
const REDIRECTIONS = 'relayd/';

interface Told extends wire.Balanced {
  readonly hostId: number;
  second: number;
}

export class Balancers {
  private readonly settings: Settings;
  private own: readonly wire.Balanced[] = [];
  private told: Told[] = [];
  /** Another machine balances what this one does. */
  hasTwin = false;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  /** Other rules are in force; answers whether they balance what those before did not. */
  read(rulesets: Rulesets): boolean {
    const before = this.own;
    this.own = [...rulesets.rules()].flatMap(balancedBy);
    this.compare();
    return this.own.some((one) => !before.some((other) => isSame(one, other)));
  }

  get ownCount(): number {
    return this.own.length;
  }

  /** Somebody else balances, and wants to hear of the other halves. */
  get hasObserved(): boolean {
    return this.told.some((one) => one.observed);
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

  /** Another machine tells of one; answers whether that is news. What makes no sense is passed over. */
  hear(bytes: Uint8Array, at: number): boolean {
    const hostId = i32(bytes, at);
    const said = balancedIn(bytes, at);
    if (hostId === (this.settings.hostId | 0) || said === undefined) return false;
    const second = this.settings.seconds;
    const known = this.told.find((one) => one.hostId === hostId && isSame(one, said));
    if (known !== undefined) known.second = second;
    else if (this.told.length < MOST) this.told.push({ ...said, hostId, second });
    if (known === undefined) this.compare();
    return known === undefined;
  }

  /** Forgets what has not been told for long. */
  expire(): void {
    this.told = this.told.filter(({ second }) => this.settings.seconds - second < SILENCE);
    this.compare();
  }

  private compare(): void {
    this.hasTwin = this.told.some((one) => this.own.some((other) => isSame(one, other)));
  }

  /** Whether another machine, and not this one, balances the address and wants to hear of it. */
  isObserved(family: number, words: Int32Array, port: number): boolean {
    if (find(this.own, family, PROTOCOL_TCP, words, port) !== undefined) return false;
    for (let i = 0; i < this.told.length; i++) {
      const one = this.told[i]!;
      if (one.observed && isIn(one, family, PROTOCOL_TCP, words, port)) return true;
    }
    return false;
  }

  /** Which of this machine's rules balances the address, if one does; then which of another machine's. */
  ownOf(family: number, protocol: number, words: Int32Array, port: number): wire.Balanced | undefined {
    return find(this.own, family, protocol, words, port);
  }

  toldOf(family: number, protocol: number, words: Int32Array, port: number): wire.Balanced | undefined {
    return find(this.told, family, protocol, words, port);
  }
}

function find(
  list: readonly wire.Balanced[],
  family: number,
  protocol: number,
  words: Int32Array,
  port: number,
): wire.Balanced | undefined {
  for (let i = 0; i < list.length; i++) {
    if (isIn(list[i]!, family, protocol, words, port)) return list[i];
  }
  return undefined;
}

function isIn(
  one: wire.Balanced,
  family: number,
  protocol: number,
  words: Int32Array,
  port: number,
): boolean {
  if (one.family !== family || one.protocol !== protocol || port < one.low || port > one.high) return false;
  for (let i = 0; i < (family === 4 ? 1 : 4); i++) {
    if (((one.words[i]! ^ words[i]!) & maskWord(one.length, i)) !== 0) return false;
  }
  return true;
}

function isSame(one: wire.Balanced, other: wire.Balanced): boolean {
  return (
    one.family === other.family &&
    one.protocol === other.protocol &&
    one.length === other.length &&
    one.low === other.low &&
    one.high === other.high &&
    one.observed === other.observed &&
    one.words.every((word, i) => word === other.words[i])
  );
}

function balancedIn(bytes: Uint8Array, at: number): wire.Balanced | undefined {
  const family = wire.balancedFamily(bytes, at);
  const length = wire.prefixLength(bytes, at);
  if ((family !== 4 && family !== 6) || length > (family === 4 ? 32 : 128)) return undefined;
  return {
    family,
    length,
    words: Int32Array.from({ length: 4 }, (_, i) => i32(bytes, at + wire.BALANCED_ADDRESS + 4 * i)),
    protocol: wire.balancedProtocol(bytes, at),
    low: wire.lowPort(bytes, at),
    high: wire.highPort(bytes, at),
    observed: wire.isObserved(bytes, at),
  };
}

/**
 * What a rule redirects: one of relayd's, or one that asks for its states to be observed. The addresses and ports it is for; or all, where one
 * that is observed names them in another way.
 */
function balancedBy({ rule, anchor }: ActiveRule): wire.Balanced[] {
  const { state, destination, protocol } = rule;
  const observed = state?.options.observed === true && protocol === PROTOCOLS.tcp;
  const redirects = anchor.startsWith(REDIRECTIONS) && (rule.rdr ?? rule.route) !== undefined;
  if (protocol === undefined || !(observed || redirects)) return [];
  const [low, high] = portsOf(destination.port);
  const { address } = destination;
  if (address.kind === 'prefix' && !destination.negated) {
    const { family, length } = address.prefix;
    const words = Int32Array.from({ length: 4 }, (_, i) => address.prefix.words[i] ?? 0);
    return [{ family, length, words, protocol, low, high, observed }];
  }
  if (!observed) return [];
  const families = rule.family === undefined ? [4, 6] : [rule.family];
  const words = new Int32Array(4);
  return families.map((family) => ({ family, length: 0, words, protocol, low, high, observed }));
}

function portsOf(match: NumberMatch | undefined): readonly [number, number] {
  if (match?.operator === '=') return [match.low, match.low];
  if (match?.operator === ':') return [match.low, match.high];
  return [0, LAST_PORT];
}
