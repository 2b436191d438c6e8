// SPDX-License-Identifier: ISC
//
// `pf.load` on its way to a kernel in another thread: rules are compiled here, on the caller's thread, and everything follows in steps
// that the kernel takes between packets.

import type { Answer, CallName, Request } from '../abi/client.ts';
import { headOf, type PfLoad } from '../abi/pf.ts';
import { compile } from '../kernel/pf/compile.ts';
import { LISTS } from '../kernel/pf/rulesets.ts';
import { addEntries } from './changeInSteps.ts';

/** What the kernel takes in well under a millisecond. */
const RULES = 50;

type Call = <C extends CallName>(name: C, request: Request<C>) => Promise<Answer<C>>;

export async function loadInSteps(load: PfLoad, call: Call): Promise<null> {
  const lists = load.anchors.flatMap(({ path, rules }) =>
    LISTS.map((list) => ({ anchor: path, list, rules: rules.filter((rule) => rule.list === list) })),
  );
  const filled = lists.filter(({ rules }) => rules.length > 0);
  const compiled = filled.map((one) => ({ ...one, rules: compile(one.rules) }));
  const { ticket } = await call('pf.begin', headOf(load));
  for (const { anchor, list, rules } of filled) {
    for (let from = 0; from < rules.length; from += RULES) {
      await call('pf.addRules', { ticket, anchor, list, rules: rules.slice(from, from + RULES) });
    }
  }
  for (const [table, { entries = [] }] of load.tables.entries()) {
    await addEntries(call, ticket, table, entries);
  }
  await call('pf.commit', { ticket, compiled });
  return null;
}
