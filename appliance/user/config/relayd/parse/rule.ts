// SPDX-License-Identifier: ISC
//
// Filter rules of protocols: `match request header set "Connection" value "close"`.

import { bounded, boundedName, name, type Parsing, prefix } from '../parsing.ts';
import {
  type ProtocolRule,
  RULE_KEYS,
  RULE_VERBS,
  type RuleKey,
  type RuleOption,
  type RuleText,
} from '../syntax.ts';
import { digest, tableName } from './tables.ts';

const TAG_SIZE = 64;
const ACTIONS = ['pass', 'block', 'match'] as const;

export function atRule(p: Parsing): boolean {
  return ACTIONS.some((action) => p.cursor.at(action));
}

export function parseRule(p: Parsing): ProtocolRule {
  const { cursor } = p;
  const action = ACTIONS.find((one) => cursor.accept(one)) ?? cursor.syntaxError();
  const direction = (['request', 'response'] as const).find((one) => cursor.accept(one));
  const quick = cursor.accept('quick');
  const family = (['inet', 'inet6'] as const).find((one) => cursor.accept(one));
  const from = cursor.accept('from') ? prefix(p) : undefined;
  const to = cursor.accept('to') ? prefix(p) : undefined;
  const options: RuleOption[] = [];
  while (!cursor.atNewline() && !cursor.atOperator('}')) options.push(ruleOption(p));
  return {
    kind: 'rule',
    action,
    ...(direction && { direction }),
    quick,
    ...(family && { family }),
    ...(from && { from }),
    ...(to && { to }),
    options,
  };
}

function ruleOption(p: Parsing): RuleOption {
  const { cursor } = p;
  const key = RULE_KEYS.find((one) => cursor.accept(one));
  if (key !== undefined) return keyOption(p, key);
  if (cursor.accept('method')) return { kind: 'method', name: name(p, 'method') };
  if (cursor.accept('forward')) {
    cursor.require('to');
    return { kind: 'forward', name: tableName(p) };
  }
  if (cursor.accept('tagged')) return { kind: 'tagged', name: boundedName(p, 'tag', TAG_SIZE) };
  if (cursor.accept('tag')) return { kind: 'tag', name: boundedName(p, 'tag', TAG_SIZE) };
  if (cursor.accept('label')) return { kind: 'label', name: name(p, 'label') };
  if (cursor.accept('file')) {
    const path = name(p, 'file');
    return { kind: 'file', path, ...(cursor.accept('value') ? { value: name(p, 'value') } : {}) };
  }
  cursor.require('no');
  if (cursor.accept('tag')) return { kind: 'tag' };
  cursor.require('label');
  return { kind: 'label' };
}

function keyOption(p: Parsing, key: RuleKey): RuleOption {
  const { cursor } = p;
  if (key === 'path' && cursor.accept('strip'))
    return { kind: 'strip', count: bounded(p, 1, 255, 'invalid strip count') };
  const verb = RULE_VERBS.find((one) => cursor.accept(one));
  const option = { kind: 'key', key, ...(verb && { verb }) } as const;
  if (key === 'url' && cursor.accept('digest')) return { ...option, digest: digest(p), ...ruleValue(p) };
  if (!cursor.at('pattern') && !cursor.atString('name')) return option;
  return { ...option, name: ruleText(p), ...ruleValue(p) };
}

function ruleValue(p: Parsing): { value?: RuleText } {
  return p.cursor.accept('value') ? { value: ruleText(p) } : {};
}

function ruleText(p: Parsing): RuleText {
  const pattern = p.cursor.accept('pattern');
  return { text: p.cursor.string('text'), pattern };
}
