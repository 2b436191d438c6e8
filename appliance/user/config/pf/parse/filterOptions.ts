// SPDX-License-Identifier: ISC
//
// What may stand behind the hosts of a filter rule, in any order (pf.conf(5), "PARAMETERS"). Which of them exist is
// said by the dialect.

import { INET, INET6 } from '../../../../abi/address.ts';
import type { Parsing } from '../parsing.ts';
import type { DivertNode, FilterOptions } from '../syntax.ts';
import {
  parseFlags,
  parseIcmpList,
  parseInterfaceItem,
  parseOwners,
  parseProbability,
  parseRtable,
  parseTos,
} from './criteria.ts';
import { parseAfTo, parseDivertPort, parseDivertTo, setNat, setRoute } from './filterTargets.ts';
import { parseRedirection } from './pools.ts';
import { parseRuleLimiter } from './ruleLimiter.ts';
import { parseScrubList } from './scrub.ts';
import { parseState } from './stateOptions.ts';

type OptionParser = (p: Parsing, options: FilterOptions) => void;

const MAX_PRIO = 7;
const MAX_UNSIGNED = 0xffffffff;
const MAX_PACKET = 65535;
const MAX_DUMMYNET = 65535;
/** PF_RULE_MAX_LABEL_COUNT. */
const MAX_LABELS = 5;

/** Reads options until something else comes; `allowed` are those there may be, all that the dialect has unless given. */
export function parseFilterOptions(p: Parsing, allowed = p.traits.filterOptions): FilterOptions {
  const options: FilterOptions = { set: {} };
  for (;;) {
    const token = p.cursor.peek();
    // `source` is a word that only `source limiter` uses, and no keyword.
    const isSource = token.kind === 'string' && token.text === 'source';
    const known = token.kind === 'keyword' || isSource || (token.kind === 'operator' && token.text === '!');
    if (!known || !allowed.has(token.text)) {
      p.cursor.alsoFits(allowed);
      return options;
    }
    p.cursor.take();
    PARSERS[token.text]!(p, options);
  }
}

const PARSERS: Readonly<Record<string, OptionParser>> = {
  user: (p, options) => {
    options.users = [...parseOwners(p, 'user'), ...(options.users ?? [])];
  },
  group: (p, options) => {
    options.groups = [...parseOwners(p, 'group'), ...(options.groups ?? [])];
  },
  flags: (p, options) => {
    const flags = parseFlags(p);
    if (options.flags !== undefined) p.cursor.fail('flags cannot be redefined');
    options.flags = flags;
  },
  'icmp-type': (p, options) => setIcmp(p, options, parseIcmpList(p, INET)),
  'icmp6-type': (p, options) => setIcmp(p, options, parseIcmpList(p, INET6)),
  tos: (p, options) => {
    const tos = parseTos(p);
    if (options.tos !== undefined) p.cursor.fail('tos cannot be redefined');
    options.tos = tos;
  },
  no: (p, options) => setState(p, options, 'no'),
  keep: (p, options) => setState(p, options, 'keep'),
  modulate: (p, options) => setState(p, options, 'modulate'),
  synproxy: (p, options) => setState(p, options, 'synproxy'),
  fragment: (_p, options) => {
    options.fragment = true;
  },
  'allow-opts': (_p, options) => {
    options.allowOptions = true;
  },
  label: setLabel,
  ridentifier: (p, options) => {
    const number = p.cursor.number();
    if (options.ridentifier !== undefined) p.cursor.fail('ridentifier cannot be redefined');
    if (number < 0 || number > MAX_UNSIGNED) p.cursor.fail('only positive values permitted');
    options.ridentifier = number;
  },
  dnpipe: (p, options) => setDummynet(p, options, 'dnpipe'),
  dnqueue: (p, options) => setDummynet(p, options, 'dnqueue'),
  queue: (p, options) => setQueue(p, options),
  tag: (p, options) => {
    options.tag = p.cursor.strings();
  },
  tagged: (p, options) => {
    options.tagged = { name: p.cursor.strings(), negated: false };
  },
  '!': parseNegatedOption,
  probability: (p, options) => {
    const fraction = parseProbability(p);
    const scaled = Math.floor(fraction * MAX_UNSIGNED + 0.5);
    if (!(scaled >= 0 && scaled <= MAX_UNSIGNED)) {
      p.cursor.fail(`invalid probability: ${probabilityText(p, fraction, scaled)}`);
    }
    options.probability = Math.max(1, scaled);
  },
  rtable: (p, options) => {
    options.rtable = parseRtable(p);
  },
  'divert-to': (p, options) => setDivert(p, options, parseDivertTo(p)),
  'divert-reply': (p, options) => setDivert(p, options, { kind: 'reply' }),
  'divert-packet': (p, options) => {
    p.cursor.require('port');
    setDivert(p, options, { kind: 'packet', port: parseDivertPort(p) });
    // With reassembly on, TCP is reassembled for the receiver's sake (pf.conf(5), divert-packet).
    if (p.config.reassemble) options.scrub = { ...options.scrub, reassembleTcp: true };
  },
  prio: (p, options) => {
    const prio = parsePrio(p);
    if (options.prio !== undefined) p.cursor.fail('prio cannot be redefined');
    options.prio = prio;
  },
  set: (p, options) => {
    if (p.cursor.acceptOperator('(')) p.cursor.parenthesized(() => parseSetOption(p, options));
    else parseSetOption(p, options);
  },
  scrub: (p, options) => {
    p.cursor.requireOperator('(');
    options.scrub = { ...options.scrub, ...parseScrubList(p) };
  },
  'nat-to': (p, options) => setNat(p, options, false),
  'binat-to': (p, options) => setNat(p, options, true),
  'rdr-to': (p, options) => {
    const target = parseRedirection(p);
    if (options.rdr !== undefined) p.cursor.fail('cannot respecify rdr-to');
    options.rdr = target;
  },
  'af-to': parseAfTo,
  'route-to': (p, options) => setRoute(p, options, 'route-to'),
  'reply-to': (p, options) => setRoute(p, options, 'reply-to'),
  'dup-to': (p, options) => setRoute(p, options, 'dup-to'),
  'received-on': (p, options) => setReceivedOn(p, options, false),
  once: (_p, options) => {
    options.once = true;
  },
  'max-pkt-rate': parseMaxPacketRate,
  state: (p, options) => parseRuleLimiter(p, 'state', options),
  source: (p, options) => parseRuleLimiter(p, 'source', options),
  'max-pkt-size': (p, options) => {
    const size = p.cursor.number();
    if (size < 1 || size > MAX_PACKET) p.cursor.fail(`max-pkt-size must be 1 - ${MAX_PACKET}`);
    if (options.maxPacketSize !== undefined) p.cursor.fail('cannot respecify max-pkt-size');
    options.maxPacketSize = size;
  },
};

function setLabel(p: Parsing, options: FilterOptions): void {
  const label = p.cursor.string('label');
  if (options.label === undefined) {
    options.label = label;
    return;
  }
  if (!p.traits.severalLabels) p.cursor.fail('label cannot be redefined');
  if ((options.moreLabels?.length ?? 0) + 1 >= MAX_LABELS)
    p.cursor.fail(`too many labels, max ${MAX_LABELS}`);
  options.moreLabels = [...(options.moreLabels ?? []), label];
}

/** `dnpipe N`, `dnpipe (N, M)`; the word has been taken. */
function setDummynet(p: Parsing, options: FilterOptions, kind: 'dnpipe' | 'dnqueue'): void {
  const { cursor } = p;
  const numbers = cursor.acceptOperator('(')
    ? cursor.parenthesized(() => cursor.number())
    : [cursor.number()];
  if (numbers.length > 2) cursor.syntaxError();
  if (numbers.some((number) => number < 0 || number > MAX_DUMMYNET))
    cursor.fail(`${kind} must be 0 - ${MAX_DUMMYNET}`);
  if (options.dummynet !== undefined) cursor.fail('cannot respecify dnpipe or dnqueue');
  options.dummynet = { kind, numbers: numbers.length === 1 ? [numbers[0]!] : [numbers[0]!, numbers[1]!] };
  p.config.unenforced.add('dnpipe and dnqueue');
}

function setIcmp(p: Parsing, options: FilterOptions, icmp: NonNullable<FilterOptions['icmp']>): void {
  if (options.icmp !== undefined) p.cursor.fail('icmp-type cannot be redefined');
  options.icmp = icmp;
}

function setState(p: Parsing, options: FilterOptions, word: 'no' | 'keep' | 'modulate' | 'synproxy'): void {
  const state = parseState(p, word);
  if (options.state !== undefined) p.cursor.fail('modulate or keep cannot be redefined');
  options.state = state;
}

/** `queue Q`, `queue (Q)`, `queue (Q, P)`; `queue` has been taken. */
function setQueue(p: Parsing, options: FilterOptions): void {
  const { cursor } = p;
  const names = cursor.acceptOperator('(')
    ? cursor.parenthesized(() => cursor.string('queue'))
    : [cursor.string('queue')];
  if (names.length > 2) cursor.syntaxError();
  if (!p.traits.classicRules) {
    for (const name of names) {
      if (!p.config.queues.isDefined(name)) cursor.fail(`queue ${name} is not defined`);
    }
  }
  if (options.set.queue !== undefined) cursor.fail('queue cannot be redefined');
  options.set.queue = names.length === 1 ? [names[0]!] : [names[0]!, names[1]!];
}

function parseNegatedOption(p: Parsing, options: FilterOptions): void {
  if (p.traits.todaysRules && p.cursor.accept('received-on')) {
    setReceivedOn(p, options, true);
    return;
  }
  p.cursor.require('tagged');
  options.tagged = { name: p.cursor.strings(), negated: true };
}

function probabilityText(p: Parsing, fraction: number, scaled: number): string {
  return p.traits.classicRules ? scaled.toFixed(6) : `${Number((fraction * 100).toPrecision(6))}%`;
}

function setDivert(p: Parsing, options: FilterOptions, divert: DivertNode): void {
  if (options.divert !== undefined) p.cursor.fail('more than one divert option');
  options.divert = divert;
}

function parsePrio(p: Parsing): number {
  const prio = p.cursor.number();
  if (prio < 0 || prio > MAX_PRIO) p.cursor.fail(`prio must be 0 - ${MAX_PRIO}`);
  return prio;
}

function parseSetOption(p: Parsing, options: FilterOptions): void {
  const { cursor } = p;
  if (cursor.accept('prio')) {
    const prio = parsePrioPair(p);
    if (options.set.prio !== undefined) cursor.fail('prio cannot be redefined');
    options.set.prio = prio;
    return;
  }
  if (!p.traits.todaysRules) cursor.syntaxError();
  if (!p.traits.classicRules && cursor.accept('queue')) {
    setQueue(p, options);
    return;
  }
  if (cursor.accept('tos')) {
    const tos = parseTos(p);
    if (options.set.tos !== undefined) cursor.fail('tos cannot be respecified');
    options.set.tos = tos;
    return;
  }
  if (p.traits.classicRules) cursor.syntaxError();
  cursor.require('delay');
  const delay = cursor.number();
  if (options.set.delay) cursor.fail('delay cannot be respecified');
  if (delay < 0 || delay > 0xffff) cursor.fail(`illegal delay value ${delay} (0-${0xffff})`);
  options.set.delay = delay;
}

function parsePrioPair(p: Parsing): readonly [number, number] {
  const { cursor } = p;
  if (!cursor.acceptOperator('(')) {
    const prio = parsePrio(p);
    return [prio, prio];
  }
  const first = parsePrio(p);
  cursor.acceptOperator(',');
  const second = parsePrio(p);
  cursor.requireOperator(')');
  return [first, second];
}

function setReceivedOn(p: Parsing, options: FilterOptions, negated: boolean): void {
  const item = parseInterfaceItem(p);
  if (options.receivedOn !== undefined) p.cursor.fail('cannot respecify received-on');
  options.receivedOn = { name: item.name, negated };
}

function parseMaxPacketRate(p: Parsing, options: FilterOptions): void {
  const { cursor } = p;
  const limit = cursor.number();
  cursor.requireOperator('/');
  const seconds = cursor.number();
  if (Math.min(limit, seconds) < 0 || Math.max(limit, seconds) > MAX_UNSIGNED) {
    cursor.fail('only positive values permitted');
  }
  if (options.maxPacketRate?.limit) cursor.fail('cannot respecify max-pkt-rate');
  options.maxPacketRate = { limit, seconds };
}
