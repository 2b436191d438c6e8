// SPDX-License-Identifier: ISC
//
// pfsync(4) of a pair: each tells its states where the other one listens.

import { sameAddress } from '../../abi/address.ts';
import { formatAddress } from '../../abi/addressText.ts';
import { IFF_UP, type InterfaceInfo } from '../../abi/interface.ts';
import type { PfsyncInfo } from '../../abi/pfsync.ts';
import type { Finding } from './finding.ts';
import type { Member } from './member.ts';
import { sharesNetwork } from './networks.ts';

const ABOUT = 'pfsync0';

export function comparePfsync(a: Member, b: Member): readonly Finding[] {
  return findings(a, b).map((text) => ({ about: ABOUT, text }));
}

function findings(a: Member, b: Member): readonly string[] {
  const without = [a, b].filter((one) => pfsyncOf(one) === undefined).map(({ label }) => label);
  if (without.length > 0) {
    return [
      `${without.join(' and ')} ${without.length === 1 ? 'has' : 'have'} none: connections end when the other takes over`,
    ];
  }
  const [one, other] = [pfsyncOf(a)!, pfsyncOf(b)!];
  const [ours, theirs] = [deviceOf(a, one), deviceOf(b, other)];
  return [
    ...down(a),
    ...down(b),
    ...(ours === undefined ? [`${a.label} names no syncdev that it has`] : []),
    ...(theirs === undefined ? [`${b.label} names no syncdev that it has`] : []),
    ...(ours === undefined || theirs === undefined ? [] : joined(a, b, ours, theirs)),
    ...wrongPeer(a, one, b, theirs),
    ...wrongPeer(b, other, a, ours),
    ...keys(a, b),
    ...(one.defer === other.defer ? [] : [`${one.defer ? a.label : b.label} defers, the other one does not`]),
  ];
}

function keys(a: Member, b: Member): readonly string[] {
  if (a.syncKey === b.syncKey) return [];
  const deaf = 'neither takes what the other one tells';
  if (a.syncKey !== undefined && b.syncKey !== undefined) return [`the keys (pfsync.key) differ: ${deaf}`];
  return [`only ${(a.syncKey === undefined ? b : a).label} has a key (pfsync.key): ${deaf}`];
}

function pfsyncOf({ snapshot }: Member): PfsyncInfo | undefined {
  return snapshot.interfaces.find(({ pfsync }) => pfsync !== undefined)?.pfsync;
}

function deviceOf({ snapshot }: Member, { syncDevice }: PfsyncInfo): InterfaceInfo | undefined {
  return snapshot.interfaces.find(({ name }) => name === syncDevice);
}

function down({ label, snapshot }: Member): readonly string[] {
  const on = snapshot.interfaces.find(({ pfsync }) => pfsync !== undefined)!;
  return (on.flags & IFF_UP) === 0 ? [`it is down on ${label} (up)`] : [];
}

function joined(a: Member, b: Member, ours: InterfaceInfo, theirs: InterfaceInfo): readonly string[] {
  if (sharesNetwork(ours, theirs)) return [];
  return [
    `its syncdev is ${ours.name} on ${a.label} and ${theirs.name} on ${b.label}, which have no IPv4 network in common`,
  ];
}

function wrongPeer(
  { label }: Member,
  { peer }: PfsyncInfo,
  other: Member,
  device: InterfaceInfo | undefined,
): readonly string[] {
  const theirs = pfsyncOf(other)!.peer;
  if (peer === undefined) {
    return theirs === undefined
      ? []
      : [`${label} tells the group (no syncpeer), ${other.label} only ${formatAddress(theirs)}`];
  }
  if (device?.addresses.some((address) => sameAddress(address, peer))) return [];
  return [
    `syncpeer of ${label} is ${formatAddress(peer)}, which ${device?.name ?? 'the syncdev'} of ${other.label} does not have`,
  ];
}
