// SPDX-License-Identifier: ISC
//
// `rhine pair`: what was found, in plain words or as JSON.

import type { Finding } from './finding.ts';
import type { Member } from './member.ts';

/** Lines to be shown. */
export function describePair(a: Member, b: Member, findings: readonly Finding[]): readonly string[] {
  if (findings.length > 0) {
    return [
      ...findings.map(({ about, text }) => `${about}: ${text}`),
      `${a.label} and ${b.label} are no pair: ${findings.length} ${findings.length === 1 ? 'thing is' : 'things are'} wrong`,
    ];
  }
  const carps = a.snapshot.interfaces.flatMap(({ name, carp }) =>
    (carp?.nodes ?? []).map(({ vhid, advskew }) => {
      const theirs = b.snapshot.interfaces
        .find((on) => on.name === name)!
        .carp!.nodes.find((node) => node.vhid === vhid)!;
      return `${name} vhid ${vhid}: ${advskew < theirs.advskew ? a.label : b.label} goes first`;
    }),
  );
  return [...carps, `${a.label} and ${b.label} are a pair`];
}

/** One value that says the same. */
export function pairValue(a: Member, b: Member, findings: readonly Finding[]): object {
  return { members: [a.label, b.label], pair: findings.length === 0, findings };
}
