// SPDX-License-Identifier: ISC
//
// A rule's `state limiter` and `source limiter` (pf.conf(5) of today's OpenBSD and FreeBSD).

import type { Limiter } from '../../../../abi/rule.ts';
import type { Parsing } from '../parsing.ts';
import type { FilterOptions } from '../syntax.ts';

/** `state limiter "NAME" [(no-match)]` of a rule, by name or as `id N`; `state` or `source` has been taken. */
export function parseRuleLimiter(p: Parsing, kind: Limiter['kind'], options: FilterOptions): void {
  const { cursor, config } = p;
  cursor.requireWord('limiter');
  const name = cursor.string('name');
  const byId = name === 'id' && cursor.atNumber() ? cursor.number() : undefined;
  const fits = (one: { readonly name: string; readonly id: number }) =>
    byId === undefined ? one.name === name : one.id === byId;
  const found = config.limiters.find((one) => one.kind === kind && fits(one));
  if (found === undefined) return cursor.fail(`${kind} limiter ${byId ?? name} is not defined`);
  const limiter: Limiter = { kind, id: found.id, beyond: parseAction(p) };
  if (options.limiters?.some((one) => one.kind === kind)) cursor.fail(`cannot respecify ${kind} limiter`);
  options.limiters = [...(options.limiters ?? []), limiter];
}

/** What becomes of a packet beyond the limit. */
function parseAction(p: Parsing): Limiter['beyond'] {
  const { cursor } = p;
  if (!cursor.acceptOperator('(')) return 'block';
  const isBlock = cursor.accept('block');
  if (!isBlock) cursor.requireWord('no-match');
  cursor.requireOperator(')');
  return isBlock ? 'block' : 'no-match';
}
