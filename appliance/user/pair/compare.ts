// SPDX-License-Identifier: ISC
//
// What two machines must agree on, and what must differ, so that one can take over from the other.

import { diffLines } from '../rc/lineDiff.ts';
import { compareCarp } from './compareCarp.ts';
import { compareNetworks } from './compareNetworks.ts';
import { comparePfsync } from './comparePfsync.ts';
import type { Finding } from './finding.ts';
import type { Member } from './member.ts';

/** Everything that keeps the two from being a pair; empty when they are one. */
export function comparePair(a: Member, b: Member): readonly Finding[] {
  return [
    ...[a, b].flatMap(({ label, problems }) => problems.map((text) => ({ about: label, text }))),
    ...compareNames(a, b),
    ...compareNetworks(a, b),
    ...compareCarp(a, b),
    ...comparePfsync(a, b),
    ...compareSettings(a, b),
    ...compareFilters(a, b),
    ...compareRelayd(a, b),
  ];
}

function compareNames(a: Member, b: Member): readonly Finding[] {
  if (a.name !== b.name) return [];
  return [{ about: 'myname', text: `both are called ${a.name}: prompts and logs do not tell them apart` }];
}

function compareSettings(a: Member, b: Member): readonly Finding[] {
  const one: Readonly<Record<string, number | undefined>> = a.snapshot.settings;
  const other: Readonly<Record<string, number | undefined>> = b.snapshot.settings;
  return Object.keys({ ...one, ...other })
    .filter((name) => one[name] !== other[name])
    .map((name) => ({
      about: 'sysctl.conf',
      text: `${name} is ${one[name]} on ${a.label}, ${other[name]} on ${b.label}`,
    }));
}

function compareFilters(a: Member, b: Member): readonly Finding[] {
  if (a.snapshot.filtering !== b.snapshot.filtering) {
    const [on, off] = a.snapshot.filtering ? [a, b] : [b, a];
    return [{ about: 'rc.conf.local', text: `${on.label} filters packets, ${off.label} does not (pf=YES)` }];
  }
  const loose = 'states that come from the peer find no rule: their timeouts and limits are lost';
  return [
    ...compareListings(
      a,
      b,
      'pf.conf',
      `the translation rules differ: ${loose}`,
      (one) => one.snapshot.translation,
    ),
    ...compareListings(a, b, 'pf.conf', `the rules differ: ${loose}`, (one) => one.snapshot.rules),
    ...compareListings(
      a,
      b,
      'pf.conf',
      'limits or timeouts differ: states end at other times',
      (one) => one.snapshot.options,
    ),
  ];
}

function compareRelayd(a: Member, b: Member): readonly Finding[] {
  const texts = compareListings(a, b, 'relayd.conf', 'it does not say the same on both', (one) => one.relayd);
  if (texts.length > 0) return texts;
  const started = (one: Member) => one.snapshot.redirects;
  return compareListings(a, b, 'rc.conf.local', 'relayd redirects on one only', started);
}

/** Two lists of lines that should be the same, with the first line that is not. */
function compareListings(
  a: Member,
  b: Member,
  about: string,
  text: string,
  lines: (one: Member) => readonly string[],
): readonly Finding[] {
  const differing = diffLines(lines(a), lines(b)).find(({ sign }) => sign !== ' ');
  if (differing === undefined) return [];
  const only = differing.sign === '-' ? a : b;
  return [{ about, text: `${text} (only ${only.label} has: ${differing.text.trim()})` }];
}
