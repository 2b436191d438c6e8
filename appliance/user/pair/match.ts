// SPDX-License-Identifier: ISC
//
// The interfaces of two machines, side by side.

import type { InterfaceInfo } from '../../abi/interface.ts';
import type { Member } from './member.ts';

/** The interfaces of a kind that both have, and those that only one has. */
export function matched(
  a: Member,
  b: Member,
  isMeant: (on: InterfaceInfo) => boolean,
): {
  readonly both: readonly (readonly [InterfaceInfo, InterfaceInfo])[];
  readonly single: readonly { readonly on: InterfaceInfo; readonly owner: Member; readonly other: Member }[];
} {
  const [ours, theirs] = [a, b].map(({ snapshot }) => snapshot.interfaces.filter(isMeant)) as [
    InterfaceInfo[],
    InterfaceInfo[],
  ];
  const lacking = (list: readonly InterfaceInfo[], from: readonly InterfaceInfo[]) =>
    list.filter(({ name }) => !from.some((one) => one.name === name));
  return {
    both: ours.flatMap((on) =>
      theirs.filter(({ name }) => name === on.name).map((peer) => [on, peer] as const),
    ),
    single: [
      ...lacking(ours, theirs).map((on) => ({ on, owner: a, other: b })),
      ...lacking(theirs, ours).map((on) => ({ on, owner: b, other: a })),
    ],
  };
}
