// SPDX-License-Identifier: ISC
//
// The ruleset optimizer (pf.conf(5), "set ruleset-optimization basic").

import type { TableEntry } from '../../../abi/pf.ts';
import type { Rule } from '../../../abi/rule.ts';

/** The rules of a ruleset in the order and number the optimizer leaves. `makeTable` answers the name of a new table. */
export function optimize(
  rules: readonly Rule[],
  _makeTable: (entries: readonly TableEntry[]) => string,
): readonly Rule[] {
  return rules;
}
