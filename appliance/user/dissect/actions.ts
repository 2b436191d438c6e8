// SPDX-License-Identifier: ISC
//
// What pf did with a logged packet, by name. A `no nat` rule and the like are named for what they except from.

import * as pflog from '../../wire/pflog.ts';

const NAMES: ReadonlyMap<number, string> = new Map([
  [pflog.ACTION_PASS, 'pass'],
  [pflog.ACTION_BLOCK, 'block'],
  [pflog.ACTION_SCRUB, 'scrub'],
  [pflog.ACTION_NO_SCRUB, 'scrub'],
  [pflog.ACTION_NAT, 'nat'],
  [pflog.ACTION_NO_NAT, 'nat'],
  [pflog.ACTION_BINAT, 'binat'],
  [pflog.ACTION_NO_BINAT, 'binat'],
  [pflog.ACTION_RDR, 'rdr'],
  [pflog.ACTION_NO_RDR, 'rdr'],
  [pflog.ACTION_MATCH, 'match'],
]);

/** Empty for those that have no name in a capture. */
export function actionName(action: number): string {
  return NAMES.get(action) ?? '';
}
