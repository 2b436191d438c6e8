// SPDX-License-Identifier: ISC
//
// `router name { … }`: routes that exist as long as their gateways are well.

import { block, bounded, boundedName, complete, type Parsing, placeOf, prefix } from '../parsing.ts';
import type { RouterStatement } from '../syntax.ts';
import { tableUse } from './tables.ts';

const NAME_SIZE = 64;
const LABEL_SIZE = 32;
const MAX_RTABLE = 255;

type Draft = { -readonly [K in keyof RouterStatement]: RouterStatement[K] } & {
  routes: RouterStatement['routes'][number][];
};

/** The word `router` has been taken. */
export function parseRouter(p: Parsing): void {
  const { cursor } = p;
  const place = placeOf(p);
  const name = boundedName(p, 'router name', NAME_SIZE);
  if (p.statements.some((one) => one.kind === 'router' && one.name === name)) {
    cursor.error(`router ${name} defined twice`);
  }
  const draft: Draft = { kind: 'router', name, routes: [], disabled: false, place };
  if (!block(p, () => routerOption(p, draft))) return;
  const families = new Set(draft.routes.map((one) => one.prefix.family));
  const whole = complete(
    p,
    draft.routes.length === 0 && `router ${name} without routes`,
    draft.use === undefined && `router ${name} has no table`,
    draft.use !== undefined && draft.use.check === undefined && `table ${draft.use.table} has no check`,
    families.size > 1 && `router ${name} address family mismatch`,
  );
  if (whole) p.statements.push(draft);
}

function routerOption(p: Parsing, draft: Draft): void {
  const { cursor } = p;
  if (cursor.accept('route')) {
    const place = placeOf(p);
    draft.routes.push({ prefix: prefix(p), place });
  } else if (cursor.accept('forward')) {
    cursor.require('to');
    if (draft.use !== undefined) cursor.fail(`router ${draft.name} has a table already`);
    draft.use = tableUse(p, undefined);
  } else if (cursor.accept('rtable')) draft.rtable = bounded(p, 0, MAX_RTABLE, 'invalid rtable id');
  else if (cursor.accept('rtlabel')) draft.label = boundedName(p, 'route label', LABEL_SIZE);
  else if (cursor.accept('disable')) draft.disabled = true;
  else cursor.syntaxError();
}
