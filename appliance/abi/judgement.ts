// SPDX-License-Identifier: ISC
//
// What the filter makes of one packet, told in full: for `pfctl explain` and `rhine replay`. It is the filter's own run, with a recorder.

import type { Address } from './address.ts';
import type { KernelClient } from './client.ts';
import type { Rule } from './rule.ts';

export type PacketDirection = 'in' | 'out';

/** Where a packet comes from and goes to; ports of TCP and UDP, and the id of ICMP's echo as both, else 0. */
export interface PacketEnds {
  readonly source: Address;
  readonly sourcePort: number;
  readonly destination: Address;
  readonly destinationPort: number;
}

/** A rule, by its place: number in its list of an anchor's ruleset; -1 for the one that decides where none matches. */
export interface RuleReference {
  readonly anchor: string;
  readonly number: number;
  readonly rule: Rule;
}

export interface Judgement {
  readonly verdict: 'pass' | 'block';
  /**
   * What decided: a rule; a state that there was; something else, which `reason` names as `pfctl -s info` counts it; or nobody, for pf
   * is off or skips the interface.
   */
  readonly by: 'rule' | 'state' | 'reason' | 'nobody';
  readonly reason?: string;
  readonly rule?: RuleReference;
  /** The translation rule of 2008 that applied. */
  readonly translationRule?: RuleReference;
  /** `match` rules that applied, in order. */
  readonly matches: readonly RuleReference[];
  /** Every rule that was looked at, in order, and whether it matched. */
  readonly looked: readonly (RuleReference & { readonly matched: boolean })[];
  readonly before: PacketEnds;
  /** After translation. */
  readonly after: PacketEnds;
  readonly route?: { readonly kind: string; readonly address: Address; readonly interface?: string };
  /** A state was made for it. */
  readonly createsState: boolean;
}

/** A kernel that no wire reaches, to try packets in. */
export interface PacketTrial {
  /** To set it up with. */
  readonly kernel: KernelClient;
  /** It is so many microseconds since its boot; never less than before. */
  advance(now: number): void;
  /** Hands an IP packet to the filter, as it would be by an interface; undefined for bytes that are no IP packet. */
  judge(packet: Uint8Array, interfaceName: string, direction: PacketDirection): Judgement | undefined;
}

/** Makes one, with Ethernet interfaces of these names. */
export type MakePacketTrial = (interfaces: readonly string[]) => PacketTrial;
