// SPDX-License-Identifier: ISC
//
// Prints a carp advertisement.

import * as carp from '../../wire/carp.ts';
import { captured, type Frame, hex } from './frame.ts';

/** As far as the fields that are printed. */
const PRINTED_LENGTH = 6;

/** `hops` is the TTL or hop limit it came with; `length` the bytes from `at` on. */
export function printCarp(frame: Frame, at: number, length: number, hops: number): string {
  const { bytes } = frame;
  if (!captured(frame, at, 1)) return '[|carp]';
  const version = carp.version(bytes, at);
  const advertisement = carp.type(bytes, at) === carp.TYPE_ADVERTISEMENT;
  if (captured(frame, at, carp.HEADER_LENGTH)) frame.options.found?.('carp', at, length, -1);
  const head = `CARPv${version}-${advertisement ? 'advertise' : 'unknown'} ${length}: `;
  const warning = hops === carp.TTL ? '' : `[ttl=${hops}!] `;
  if (version !== carp.VERSION || !advertisement) return head + warning;
  if (!captured(frame, at, PRINTED_LENGTH)) return `${head}${warning}[|carp]`;
  return head + warning + printFields(frame, at) + printChecksum(frame, at);
}

function printFields(frame: Frame, at: number): string {
  const { bytes } = frame;
  const base = `vhid=${carp.vhid(bytes, at)} advbase=${carp.advbase(bytes, at)}`;
  return `${base} advskew=${carp.advskew(bytes, at)} demote=${carp.demote(bytes, at)}`;
}

function printChecksum(frame: Frame, at: number): string {
  if (frame.options.verbose === 0 || !captured(frame, at, carp.HEADER_LENGTH)) return '';
  if (carp.checksumValid(frame.bytes, at)) return '';
  return ` (bad carp cksum ${hex(carp.checksum(frame.bytes, at), 1)}!)`;
}
