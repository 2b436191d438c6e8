// SPDX-License-Identifier: ISC
//
// Interfaces that pf's rules name and that the machine has not: pf takes them, as they may come later, but most are slips of the hand.

import type { Snapshot } from './snapshot.ts';

/** Behind action, direction and flags; labels and tags come later in a rule. */
const ON = /^(?:pass|block|match|anchor|nat|rdr|binat|scrub|no|antispoof)\b[^"]*? on (?:! )?([A-Za-z]\w*)/;
/** `(vr0)`, `(vr0:network)`, `(egress:0)/24`. */
const DYNAMIC = /\(([A-Za-z]\w*)(?::[\w:]+)?\)/g;
/** Means every interface. */
const ANY = 'any';

/** A sentence for each. */
export function strangers({ interfaces, rules, translation }: Snapshot): readonly string[] {
  const known = new Set([ANY, ...interfaces.flatMap(({ name, groups }) => [name, ...groups])]);
  const named = new Set([...translation, ...rules].flatMap(namesOf));
  const there = interfaces.map(({ name }) => name).join(', ');
  return [...named]
    .filter((name) => !known.has(name))
    .map(
      (name) =>
        `/etc/pf.conf: warning: there is no interface or group ${name} (there are ${there}): what is said of it matches nothing`,
    );
}

function namesOf(rule: string): readonly string[] {
  const on = ON.exec(rule)?.[1];
  const dynamic = [...rule.matchAll(DYNAMIC)].map((match) => match[1]!);
  return [...(on === undefined ? [] : [on]), ...dynamic];
}
