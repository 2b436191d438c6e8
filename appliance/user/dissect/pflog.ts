// SPDX-License-Identifier: ISC
//
// Prints a packet from pflog(4): with -e which rule did what, and why; then the packet.

import { REASONS } from '../../abi/names.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as pflog from '../../wire/pflog.ts';
import { actionName } from './actions.ts';
import { address4, address6, captured, type Frame, printable } from './frame.ts';
import { printIpv4 } from './ipv4.ts';
import { printIpv6 } from './ipv6.ts';

export function printPflog(frame: Frame, offset: number, length: number): string {
  const { bytes } = frame;
  if (!captured(frame, offset, 1)) return '[|pflog]';
  if (bytes[offset]! < pflog.MINIMUM_LENGTH) return '[pflog: invalid header length!]';
  if (!pflog.valid(bytes, offset, frame.end)) return '[|pflog]';
  frame.options.found?.('pflog', offset, length, -1);
  const prefix = frame.options.ethernet ? printHeader(frame, offset) : '';
  const at = pflog.payloadAt(bytes, offset);
  return prefix + printPacket(frame, offset, at, length - (at - offset));
}

/** The numbers of address families differ from system to system; the packet's version does not. */
function printPacket(frame: Frame, offset: number, at: number, length: number): string {
  if (!captured(frame, at, 1)) return '[|ip]';
  const version = ipv6.version(frame.bytes, at);
  if (version === 4) return printIpv4(frame, at, length);
  if (version === 6) return printIpv6(frame, at, length);
  return `unknown-af ${pflog.family(frame.bytes, offset)}`;
}

/** `rule 7/(match) block in on vr0: `. */
export function printHeader(frame: Frame, at: number): string {
  const { bytes } = frame;
  const verbose = frame.options.verbose > 0;
  const reason = pflog.reason(bytes, at);
  const way = pflog.direction(bytes, at) === pflog.DIRECTION_OUT ? 'out' : 'in';
  return (
    `rule ${printRule(frame, at)}/(${REASONS[reason] ?? `unkn ${reason}`}) ` +
    (verbose ? owner(pflog.ruleUid(bytes, at), pflog.rulePid(bytes, at)) : '') +
    `${actionName(pflog.action(bytes, at))} ${way} on ${name(frame, pflog.interfaceAt(at))}: ` +
    (verbose && pflog.pid(bytes, at) !== pflog.NO_PID
      ? owner(pflog.uid(bytes, at), pflog.pid(bytes, at))
      : '') +
    (verbose ? printOriginal(frame, at) : '')
  );
}

/** Number in the main ruleset; with an anchor its name and the number in there. */
function printRule(frame: Frame, at: number): string {
  const { bytes } = frame;
  if (pflog.rule(bytes, at) === pflog.NONE) return 'def';
  const rule = String(pflog.rule(bytes, at) >>> 0);
  const anchor = name(frame, pflog.rulesetAt(at));
  if (anchor === '') return rule;
  const subrule = pflog.subrule(bytes, at);
  return `${rule}.${anchor}.${subrule === pflog.NONE ? 'def' : subrule >>> 0}`;
}

function owner(uid: number, pid: number): string {
  return `[uid ${uid >>> 0}, pid ${pid >>> 0}] `;
}

function name(frame: Frame, at: number): string {
  let end = at;
  while (end < at + pflog.NAME_LENGTH && frame.bytes[end] !== 0) end++;
  return printable(frame.bytes, at, end);
}

/** What the packet was before translation. */
function printOriginal(frame: Frame, at: number): string {
  const { bytes } = frame;
  if (!pflog.hasOriginal(bytes, at) || !pflog.rewritten(bytes, at)) return '';
  const address = pflog.newFamily(bytes, at) === pflog.AF_INET ? address4 : address6;
  const source = `${address(frame, pflog.originalSourceAt(at))}:${pflog.originalSourcePort(bytes, at)}`;
  const destination = address(frame, pflog.originalDestinationAt(at));
  return `[rewritten: src ${source}, dst ${destination}:${pflog.originalDestinationPort(bytes, at)}] `;
}
