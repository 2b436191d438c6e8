// SPDX-License-Identifier: ISC
//
// pflog(4): packets that rules log, with a header that says which rule, for who captures on pflog0 and its like.

import * as pflog from '../../wire/pflog.ts';
import type { Captures } from '../link/capture.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { ActiveRule } from './activeRule.ts';
import type { Descriptor } from './descriptor.ts';
import { ACTION_BLOCK, ACTION_MATCH } from './ruleRow.ts';
import { REASON_MATCH } from './statistics.ts';

/** How a packet came, for a log that shows it translated. */
export interface Original {
  readonly isTranslated: boolean;
  readonly source: Int32Array;
  readonly destination: Int32Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** af-to: what it will be; the log shows it before. */
  readonly ends: { readonly family: number };
}

export class PfLog {
  private readonly captures: Captures;
  private readonly interfaces: Interfaces;
  private readonly pool: PacketPool;
  /** Names as bytes, made once. */
  private readonly names = new Map<string, Uint8Array>();

  constructor(parts: { captures: Captures; interfaces: Interfaces; pool: PacketPool }) {
    this.captures = parts.captures;
    this.interfaces = parts.interfaces;
    this.pool = parts.pool;
  }

  /** A packet that a rule matched, whether or not it decides. */
  rule(packet: Descriptor, rule: ActiveRule, caller: ActiveRule | undefined): void {
    this.decision(packet, rule, caller, actionOf(rule), REASON_MATCH, undefined);
  }

  /** A packet that was decided on. `action` is an ACTION_* of wire/pflog.ts, `reason` a REASON_*. */
  decision(
    packet: Descriptor,
    rule: ActiveRule,
    caller: ActiveRule | undefined,
    action: number,
    reason: number,
    original: Original | undefined,
  ): void {
    const on = this.interfaces.find(`pflog${rule.rule.log?.interface ?? 0}`);
    if (on === undefined || !this.captures.watched(on)) return;
    const copy = this.pool.take();
    const { packet: frame } = packet;
    const at = copy.link;
    const start = at + pflog.HEADER_LENGTH;
    copy.bytes.set(frame.bytes.subarray(frame.network, frame.end), start);
    copy.end = start + frame.end - frame.network;
    this.writeHeader(copy, at, packet, rule, caller, action, reason);
    if (original?.isTranslated) writeOriginal(copy, at, packet, original);
    if (original !== undefined && original.ends.family !== 0) {
      pflog.setNewFamily(copy.bytes, at, original.ends.family === 4 ? pflog.AF_INET : pflog.AF_INET6);
    }
    if (frame.needsChecksum) {
      copy.needsChecksum = true;
      copy.checksumStart = start + frame.checksumStart - frame.network;
      copy.checksumField = start + frame.checksumField - frame.network;
    }
    this.captures.frame(copy, on);
    this.pool.give(copy);
  }

  private writeHeader(
    copy: Packet,
    at: number,
    packet: Descriptor,
    rule: ActiveRule,
    caller: ActiveRule | undefined,
    action: number,
    reason: number,
  ): void {
    const { bytes } = copy;
    const family = packet.family === 4 ? pflog.AF_INET : pflog.AF_INET6;
    const number = (caller ?? rule).number;
    const subrule = caller === undefined ? pflog.NONE : rule.number;
    pflog.write(bytes, at, family, action, reason, number, subrule, packet.direction);
    this.writeName(bytes, pflog.interfaceAt(at), packet.on.name);
    if (caller === undefined) return;
    this.writeName(bytes, pflog.rulesetAt(at), rule.anchor.slice(rule.anchor.lastIndexOf('/') + 1));
  }

  private writeName(bytes: Uint8Array, at: number, name: string): void {
    let encoded = this.names.get(name);
    if (encoded === undefined) {
      encoded = Uint8Array.from(name, (character) => character.charCodeAt(0));
      this.names.set(name, encoded);
    }
    pflog.setName(bytes, at, encoded, encoded.length);
  }
}

function actionOf(rule: ActiveRule): number {
  if (rule.action === ACTION_BLOCK) return pflog.ACTION_BLOCK;
  if (rule.action === ACTION_MATCH) return pflog.ACTION_MATCH;
  switch (rule.rule.action) {
    case 'nat':
      return pflog.ACTION_NAT;
    case 'binat':
      return pflog.ACTION_BINAT;
    case 'rdr':
      return pflog.ACTION_RDR;
    case 'scrub':
      return pflog.ACTION_SCRUB;
    default:
      return pflog.ACTION_PASS;
  }
}

function writeOriginal(copy: Packet, at: number, packet: Descriptor, original: Original): void {
  pflog.setOriginalPorts(copy.bytes, at, original.sourcePort, original.destinationPort);
  const { source, destination } = original;
  if (packet.family === 4) pflog.setOriginal4(copy.bytes, at, source[0]!, destination[0]!);
  else pflog.setOriginalWords6(copy.bytes, at, source, destination);
}
