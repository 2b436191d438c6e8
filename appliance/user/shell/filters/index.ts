// SPDX-License-Identifier: ISC
//
// The table of filters.

import { wc } from './count.ts';
import { head, tail } from './ends.ts';
import type { Filter } from './filter.ts';
import { grep } from './grep.ts';
import { cat, less, more } from './page.ts';
import { sort } from './sort.ts';

export const FILTERS: Readonly<Record<string, Filter>> = { cat, grep, head, less, more, sort, tail, wc };

export function findFilter(name: string): Filter | undefined {
  return Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
}
