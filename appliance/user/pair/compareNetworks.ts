// SPDX-License-Identifier: ISC
//
// Own addresses of a pair: in the same networks, and never the same.

import { formatAddress } from '../../abi/addressText.ts';
import type { InterfaceInfo } from '../../abi/interface.ts';
import { setAddresses } from '../rc/snapshot.ts';
import type { Finding } from './finding.ts';
import { matched } from './match.ts';
import type { Member } from './member.ts';
import { networksOf } from './networks.ts';

export function compareNetworks(a: Member, b: Member): readonly Finding[] {
  const { both, single } = matched(a, b, ({ type }) => type === 'ethernet' || type === 'vlan');
  return [
    ...single.map(({ on, other }) => ({ about: on.name, text: `${other.label} has no such interface` })),
    ...both.flatMap(([ours, theirs]) => [
      ...sharedAddresses(ours, theirs),
      ...lacking(ours, a, theirs, b),
      ...lacking(theirs, b, ours, a),
    ]),
  ];
}

function sharedAddresses(ours: InterfaceInfo, theirs: InterfaceInfo): readonly Finding[] {
  const others = setAddresses(theirs).map(formatAddress);
  return setAddresses(ours)
    .map(formatAddress)
    .filter((text) => others.includes(text))
    .map((text) => ({
      about: ours.name,
      text: `both have ${text}; shared addresses belong on a carp interface`,
    }));
}

function lacking(
  ours: InterfaceInfo,
  owner: Member,
  theirs: InterfaceInfo,
  other: Member,
): readonly Finding[] {
  const there = networksOf(theirs);
  return networksOf(ours)
    .filter((network) => !there.includes(network))
    .map((network) => ({
      about: ours.name,
      text: `${owner.label} has an address in ${network}, ${other.label} has none`,
    }));
}
