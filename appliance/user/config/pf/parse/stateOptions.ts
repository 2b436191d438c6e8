// SPDX-License-Identifier: ISC
//
// `keep state`, `modulate state`, `synproxy state`, `no state`, with the options in parentheses (pf.conf(5), "STATEFUL
// TRACKING OPTIONS").

import { TIMEOUTS } from '../../../../abi/names.ts';
import type { Parsing } from '../parsing.ts';
import type { StateNode, StateOptionNode } from '../syntax.ts';
import { MAX_TABLE_NAME } from './hosts.ts';

const MAX_UNSIGNED = 0xffffffff;

/** The parentheses behind `keep state`; an empty list without them. `keep` and `state` have been taken. */
export function parseStateParentheses(p: Parsing): StateOptionNode[] {
  return p.cursor.acceptOperator('(') ? p.cursor.parenthesized(() => parseStateOption(p)) : [];
}

/** `keep|modulate|synproxy state [(…)]`, or `no state`; the first word has been taken. */
export function parseState(p: Parsing, word: 'keep' | 'modulate' | 'synproxy' | 'no'): StateNode {
  p.cursor.require('state');
  if (word === 'no') return { options: [] };
  return { keep: word, options: parseStateParentheses(p) };
}

const COUNTED = ['max', 'max-src-states', 'max-src-conn', 'max-src-nodes'] as const;

/** One option of a state, as it may also stand in `set state-defaults`. */
export function parseStateOption(p: Parsing): StateOptionNode {
  const { cursor } = p;
  for (const kind of COUNTED) if (cursor.accept(kind)) return { kind, value: parsePositive(p) };
  if (cursor.accept('max-src-conn-rate')) return parseRate(p);
  if (cursor.accept('no-sync')) return { kind: 'no-sync' };
  if (cursor.accept('source-track')) return { kind: 'source-track', by: parseTracking(p) };
  if (cursor.accept('overload')) return parseOverload(p);
  if (cursor.accept('if-bound')) return { kind: 'lock', ifBound: true };
  if (cursor.accept('floating')) return { kind: 'lock', ifBound: false };
  if (cursor.accept('sloppy')) return { kind: 'sloppy' };
  if (cursor.accept('observed')) return { kind: 'observed' };
  if (p.traits.todaysRules && cursor.accept('pflow')) return { kind: 'pflow' };
  if (p.traits.etherRules && cursor.acceptWord('allow-related')) {
    p.config.unenforced.add('allow-related');
    return { kind: 'allow-related' };
  }
  return parseStateTimeout(p);
}

function parsePositive(p: Parsing): number {
  const value = p.cursor.number();
  if (value < 0 || value > MAX_UNSIGNED) p.cursor.fail('only positive values permitted');
  return value;
}

function parseRate(p: Parsing): StateOptionNode {
  const limit = p.cursor.number();
  p.cursor.requireOperator('/');
  const seconds = p.cursor.number();
  if (Math.min(limit, seconds) < 0 || Math.max(limit, seconds) > MAX_UNSIGNED) {
    p.cursor.fail('only positive values permitted');
  }
  return { kind: 'max-src-conn-rate', limit, seconds };
}

function parseTracking(p: Parsing): 'rule' | 'global' | undefined {
  if (p.cursor.accept('global')) return 'global';
  return p.cursor.accept('rule') ? 'rule' : undefined;
}

function parseOverload(p: Parsing): StateOptionNode {
  const { cursor } = p;
  cursor.requireOperator('<');
  const table = cursor.string('table');
  cursor.requireOperator('>');
  const flush = cursor.accept('flush');
  const global = flush && cursor.accept('global');
  if (table.length > MAX_TABLE_NAME) cursor.fail(`table name '${table}' too long`);
  return { kind: 'overload', table, flush, global };
}

function parseStateTimeout(p: Parsing): StateOptionNode {
  const name = p.cursor.string('timeout');
  const value = parsePositive(p);
  if (!TIMEOUTS.some((timeout) => timeout.name === name)) p.cursor.fail(`illegal timeout name ${name}`);
  if (!name.includes('.')) p.cursor.fail(`illegal state timeout ${name}`);
  return { kind: 'timeout', name, value };
}
