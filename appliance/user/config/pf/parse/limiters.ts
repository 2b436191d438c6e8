// SPDX-License-Identifier: ISC
//
// `state limiter` and `source limiter`, defined once and named by rules (pf.conf(5) of today's OpenBSD and FreeBSD, "STATE
// LIMITERS"). They are read and printed; rules that name one are refused at load.

import type { Limiter } from '../../../../abi/rule.ts';
import type { Parsing } from '../parsing.ts';
import { endStatement } from './filterRule.ts';
import { MAX_TABLE_NAME } from './hosts.ts';

const MAX_ID = 255;
const MAX_NAME = 15;
const MAX_UNSIGNED = 0xffffffff;

/** One definition; `state limiter` or `source limiter` has been taken. */
export function parseLimiter(p: Parsing, kind: Limiter['kind']): void {
  const { cursor, config } = p;
  const name = cursor.string('name');
  cursor.requireWord('id');
  const id = bounded(p, 'id', 1, MAX_ID);
  const entries = kind === 'source' ? ` entries ${counted(p, 'entries')}` : '';
  let text = `${kind} limiter ${name} id ${id}${entries} limit ${counted(p, 'limit')}`;
  if (cursor.acceptWord('rate')) text += ` rate ${parseRate(p)}`;
  if (kind === 'source') text += parseSourceOptions(p);
  endStatement(p);
  if (name.length > MAX_NAME) cursor.fail(`${kind} limiter name too long, max ${MAX_NAME} chars`);
  const known = config.limiters.some((one) => one.kind === kind && (one.name === name || one.id === id));
  if (known) cursor.fail(`${kind} limiter ${name} id ${id} already exists`);
  config.limiters.push({ kind, name, id });
  config.echo.push(text);
}

/** `limit` is a keyword of its own, `entries` is not. */
function counted(p: Parsing, name: string): number {
  if (name === 'limit') p.cursor.require(name);
  else p.cursor.requireWord(name);
  return bounded(p, name, 1, MAX_UNSIGNED);
}

function parseRate(p: Parsing): string {
  const limit = bounded(p, 'rate', 1, MAX_UNSIGNED);
  p.cursor.requireOperator('/');
  return `${limit}/${bounded(p, 'rate', 1, MAX_UNSIGNED)}`;
}

/** `inet mask N`, `inet6 mask N`, `table <T> above N [below N]`. */
function parseSourceOptions(p: Parsing): string {
  const { cursor } = p;
  let text = '';
  for (const [family, bits] of [
    ['inet', 32],
    ['inet6', 128],
  ] as const) {
    if (!cursor.accept(family)) continue;
    cursor.requireWord('mask');
    text += ` ${family} mask ${bounded(p, 'mask', 0, bits)}`;
  }
  if (!cursor.accept('table')) return text;
  cursor.requireOperator('<');
  const table = cursor.string('table');
  cursor.requireOperator('>');
  if (table.length > MAX_TABLE_NAME) cursor.fail(`table name '${table}' too long`);
  cursor.requireWord('above');
  text += ` table <${table}> above ${bounded(p, 'above', 1, MAX_UNSIGNED)}`;
  return cursor.acceptWord('below') ? `${text} below ${bounded(p, 'below', 0, MAX_UNSIGNED)}` : text;
}

function bounded(p: Parsing, name: string, low: number, high: number): number {
  const value = p.cursor.number();
  if (value < low || value > high) p.cursor.fail(`limiter ${name} must be ${low} - ${high}`);
  return value;
}
