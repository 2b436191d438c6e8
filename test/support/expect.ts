// SPDX-License-Identifier: ISC
//
// Comparing frames and counters: a difference is shown as both packets in tcpdump's words, with the bytes that differ.

import assert from 'node:assert/strict';
import { dissect } from '../../appliance/user/dissect/dissect.ts';
import * as pcap from '../../appliance/wire/pcap.ts';

/** A frame in one line, as `tcpdump -nevvS` prints it. */
export function describe(frame: Uint8Array): string {
  return dissect(pcap.LINK_ETHERNET, frame, 0, frame.length, { numeric: true, ethernet: true, verbose: 2 });
}

/** Exactly these frames, in this order. */
export function expectFrames(got: readonly Uint8Array[], want: readonly Uint8Array[]): void {
  const same = got.length === want.length && got.every((frame, i) => equal(frame, want[i]!));
  if (same) return;
  const lines: string[] = [];
  for (let i = 0; i < Math.max(got.length, want.length); i++) lines.push(...compare(got[i], want[i], i));
  assert.fail(lines.join('\n'));
}

/** As important as the others: nothing came out. */
export function expectNothing(got: readonly Uint8Array[]): void {
  expectFrames(got, []);
}

function compare(got: Uint8Array | undefined, want: Uint8Array | undefined, index: number): string[] {
  if (got !== undefined && want !== undefined && equal(got, want)) return [`${index} same: ${describe(got)}`];
  return [
    `${index} got:  ${got === undefined ? 'nothing' : describe(got)}`,
    `${index} want: ${want === undefined ? 'nothing' : describe(want)}`,
    ...(got === undefined || want === undefined ? [] : differences(got, want)),
  ];
}

function differences(got: Uint8Array, want: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < Math.max(got.length, want.length); at += 16) {
    const left = got.subarray(at, at + 16);
    const right = want.subarray(at, at + 16);
    if (equal(left, right)) continue;
    const offset = at.toString(16).padStart(4, '0');
    lines.push(`  0x${offset} got:  ${digits(left)}`, `         want: ${digits(right)}`);
  }
  return lines;
}

function digits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Counters by group and name, as the call `system.statistics` answers them. */
export type Statistics = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** What moved between two readings, and by how much. */
export function moved(before: Statistics, after: Statistics): Statistics {
  const result: Record<string, Record<string, number>> = {};
  for (const [group, counters] of Object.entries(after)) {
    for (const [name, value] of Object.entries(counters)) {
      const difference = value - (before[group]?.[name] ?? 0);
      if (difference === 0) continue;
      const changed = result[group] ?? {};
      changed[name] = difference;
      result[group] = changed;
    }
  }
  return result;
}
