// SPDX-License-Identifier: ISC
//
// Actions of 2008's protocols, read as today's rules that do the same: `header append "V" to "K"` is
// `match request header append "K" value "V"`. Only `expect` has no such rule and stays what it is.

import { bounded, name, type Parsing } from '../parsing.ts';
import { type ExpectAction, type ProtocolRule, RULE_KEYS, type RuleKey, type RuleOption } from '../syntax.ts';
import { digest } from './tables.ts';

const MAX_MARK = 65534;

type Direction = 'request' | 'response';

export function atAction(p: Parsing): boolean {
  const { cursor } = p;
  return ['request', 'response', 'label', 'no', ...RULE_KEYS].some((word) => cursor.at(word));
}

export function parseAction(p: Parsing): readonly (ProtocolRule | ExpectAction)[] {
  const { cursor } = p;
  if (cursor.accept('label')) return labels(name(p, 'label'));
  if (cursor.accept('no')) {
    cursor.require('label');
    return labels(undefined);
  }
  const direction = cursor.accept('response') ? 'response' : 'request';
  if (direction === 'request') cursor.accept('request');
  const key = RULE_KEYS.find((one) => cursor.accept(one)) ?? cursor.syntaxError();
  return keyAction(p, direction, key);
}

/** A label counted for the actions of both directions that follow. */
function labels(text: string | undefined): ProtocolRule[] {
  const option: RuleOption = { kind: 'label', ...(text === undefined ? {} : { name: text }) };
  return [rule('match', 'request', [option]), rule('match', 'response', [option])];
}

function rule(action: 'match' | 'block', direction: Direction, options: readonly RuleOption[]): ProtocolRule {
  return { kind: 'rule', action, direction, quick: action === 'block', options };
}

const plain = (text: string) => ({ text, pattern: false });

function keyAction(p: Parsing, direction: Direction, key: RuleKey): readonly (ProtocolRule | ExpectAction)[] {
  const { cursor } = p;
  if (cursor.accept('expect')) return [expectAction(p, direction, key)];
  if (cursor.accept('filter')) return filter(p, direction, key);
  if (cursor.accept('mark')) return mark(p, direction, key);
  const change = changeOption(p, key);
  const marked = markedOption(p);
  const rules = [rule('match', direction, [change, ...marked])];
  return cursor.accept('log') ? [...rules, logged(direction, key, change, marked)] : rules;
}

type KeyOption = Extract<RuleOption, { kind: 'key' }>;

/** Key and value change places: `append VALUE to KEY`, `change KEY to VALUE`. */
function changeOption(p: Parsing, key: RuleKey): KeyOption {
  const { cursor } = p;
  const pair = () => {
    const first = name(p, 'text');
    cursor.require('to');
    return [first, name(p, 'text')] as const;
  };
  if (cursor.accept('append')) {
    const [value, text] = pair();
    return { kind: 'key', key, verb: 'append', name: plain(text), value: plain(value) };
  }
  if (cursor.accept('change')) {
    const [text, value] = pair();
    return { kind: 'key', key, verb: 'set', name: plain(text), value: plain(value) };
  }
  const verb = (['remove', 'hash', 'log'] as const).find((one) => cursor.accept(one)) ?? cursor.syntaxError();
  return { kind: 'key', key, verb, name: plain(name(p, 'name')) };
}

function markedOption(p: Parsing): RuleOption[] {
  return p.cursor.accept('marked') ? [{ kind: 'tagged', name: markNumber(p) }] : [];
}

function markNumber(p: Parsing): string {
  return String(bounded(p, 1, MAX_MARK, 'invalid mark'));
}

function logged(
  direction: Direction,
  key: RuleKey,
  option: KeyOption,
  marked: readonly RuleOption[],
): ProtocolRule {
  return rule('match', direction, [{ kind: 'key', key, verb: 'log', name: option.name }, ...marked]);
}

/** `VALUE from KEY`, the key alone, or a digest. */
function source(p: Parsing): { value: string; from?: string; digest: boolean } {
  const { cursor } = p;
  if (cursor.accept('digest')) return { value: digest(p), digest: true };
  const value = name(p, 'text');
  return { value, ...(cursor.accept('from') ? { from: name(p, 'name') } : {}), digest: false };
}

function sourceOption(key: RuleKey, found: ReturnType<typeof source>): KeyOption {
  if (found.digest) return { kind: 'key', key, digest: found.value };
  if (found.from === undefined) return { kind: 'key', key, name: plain(found.value) };
  return { kind: 'key', key, name: plain(found.from), value: plain(found.value) };
}

function filter(p: Parsing, direction: Direction, key: RuleKey): ProtocolRule[] {
  const option = sourceOption(key, source(p));
  const marked = markedOption(p);
  const rules = [rule('block', direction, [option, ...marked])];
  return p.cursor.accept('log') ? [logged(direction, key, option, marked), ...rules] : rules;
}

function expectAction(p: Parsing, direction: Direction, key: RuleKey): ExpectAction {
  const found = source(p);
  const marked = p.cursor.accept('marked') ? { marked: markNumber(p) } : {};
  return { kind: 'expect', direction, key, ...found, ...marked, log: p.cursor.accept('log') };
}

function mark(p: Parsing, direction: Direction, key: RuleKey): ProtocolRule[] {
  const option = sourceOption(key, source(p));
  p.cursor.require('with');
  const rules = [rule('match', direction, [option, { kind: 'tag', name: markNumber(p) }])];
  return p.cursor.accept('log') ? [...rules, logged(direction, key, option, [])] : rules;
}
