// SPDX-License-Identifier: ISC
//
// carp(4) interfaces of a pair: alike in everything that an advertisement's digest covers, different in who goes first.

import { sameAddress } from '../../abi/address.ts';
import { formatAddress } from '../../abi/addressText.ts';
import type { CarpInfo } from '../../abi/carp.ts';
import type { InterfaceInfo } from '../../abi/interface.ts';
import { addressText, setAddresses } from '../rc/snapshot.ts';
import type { Finding } from './finding.ts';
import { matched } from './match.ts';
import type { Member } from './member.ts';

const BOTH_MASTERS = 'neither takes the advertisements of the other, and both will be master';

export function compareCarp(a: Member, b: Member): readonly Finding[] {
  const { both, single } = matched(a, b, ({ type }) => type === 'carp');
  if (both.length + single.length === 0) {
    return [{ about: 'carp', text: 'neither machine has a carp interface: they share no address' }];
  }
  return [
    ...single.map(({ on, owner, other }) => ({
      about: on.name,
      text: `${other.label} has none: nobody takes over the addresses that ${owner.label} has there`,
    })),
    ...both.flatMap(([ours, theirs]) =>
      new Comparison(a, b, ours, theirs).findings.map((text) => ({ about: ours.name, text })),
    ),
  ];
}

class Comparison {
  private readonly a: Member;
  private readonly b: Member;
  private readonly ours: InterfaceInfo;
  private readonly theirs: InterfaceInfo;

  constructor(a: Member, b: Member, ours: InterfaceInfo, theirs: InterfaceInfo) {
    this.a = a;
    this.b = b;
    this.ours = ours;
    this.theirs = theirs;
  }

  get findings(): readonly string[] {
    return [
      ...this.parents(),
      ...this.nodes(),
      ...this.passphrases(),
      ...this.addresses(),
      ...this.timing(),
      ...this.peers(),
    ];
  }

  private get carps(): readonly [CarpInfo, CarpInfo] {
    return [this.ours.carp!, this.theirs.carp!];
  }

  private parents(): readonly string[] {
    const [one, other] = this.carps;
    return [[this.a, one] as const, [this.b, other] as const].flatMap(([{ label }, { parent }]) =>
      parent === undefined ? [`${label} names no carpdev for it`] : [],
    );
  }

  private nodes(): readonly string[] {
    const [one, other] = this.carps;
    const list = ({ nodes }: CarpInfo) => nodes.map(({ vhid }) => vhid).join(', ') || 'none';
    if (list(one) !== list(other)) {
      return [
        `its vhid is ${list(one)} on ${this.a.label}, ${list(other)} on ${this.b.label}: ${BOTH_MASTERS}`,
      ];
    }
    return one.nodes
      .filter(({ advskew }, i) => advskew === other.nodes[i]!.advskew)
      .map(({ vhid, advskew }) => `both have advskew ${advskew} (vhid ${vhid}): nobody is meant to go first`);
  }

  private passphrases(): readonly string[] {
    const [one, other] = [this.a, this.b].map(({ passphrases }) => passphrases.get(this.ours.name) ?? '');
    if (one !== other) return [`the passphrases (pass) differ: ${BOTH_MASTERS}`];
    return one === '' ? ['there is no passphrase (pass): anybody on the segment can take its addresses'] : [];
  }

  private addresses(): readonly string[] {
    const texts = (on: InterfaceInfo) => setAddresses(on).map(addressText);
    const [ours, theirs] = [texts(this.ours), texts(this.theirs)];
    if (ours.length + theirs.length === 0) return ['it has no address'];
    const lacking = (own: readonly string[], label: string, from: readonly string[]) =>
      from.filter((text) => !own.includes(text)).map((text) => `${label} lacks ${text}: ${BOTH_MASTERS}`);
    return [...lacking(ours, this.a.label, theirs), ...lacking(theirs, this.b.label, ours)];
  }

  private timing(): readonly string[] {
    const [one, other] = this.carps;
    const told = (what: string, ours: string | number, theirs: string | number) =>
      ours === theirs ? [] : [`${what} is ${ours} on ${this.a.label}, ${theirs} on ${this.b.label}`];
    return [
      ...told('advbase', one.advbase, other.advbase),
      ...told('balancing', one.balancing, other.balancing),
    ];
  }

  private peers(): readonly string[] {
    const [one, other] = this.carps;
    return [
      ...this.wrongPeer(this.a, one, this.b, other.parent),
      ...this.wrongPeer(this.b, other, this.a, one.parent),
    ];
  }

  /** A unicast peer must be an address that the other one has of its own, on the interface below. */
  private wrongPeer(
    { label }: Member,
    { peer }: CarpInfo,
    other: Member,
    parent: string | undefined,
  ): readonly string[] {
    if (peer === undefined) return [];
    const below = other.snapshot.interfaces.find(({ name }) => name === parent);
    if (below?.addresses.some((address) => sameAddress(address, peer))) return [];
    return [
      `carppeer of ${label} is ${formatAddress(peer)}, which ${parent ?? 'no interface'} of ${other.label} does not have`,
    ];
  }
}
