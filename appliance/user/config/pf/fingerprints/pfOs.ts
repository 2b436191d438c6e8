// SPDX-License-Identifier: ISC
//
// pf.os(5): fingerprints as text, `window:ttl:df:size:options:class:version:subtype:details`, and as pfctl lists them.

import type { Fingerprint, FingerprintOption, Quantity, Window } from '../../../../abi/fingerprint.ts';
import { Diagnostics } from '../diagnostics.ts';

const FIELDS = 9;
const MAXIMUM_TTL = 255;
const LARGEST = 0xffff;

class Wrong extends Error {}

/** Reads a file of fingerprints; what is wrong with it is in `diagnostics`. `file` is what messages call it. */
export function parsePfOs(text: string, file: string): { list: Fingerprint[]; diagnostics: Diagnostics } {
  const diagnostics = new Diagnostics();
  const list: Fingerprint[] = [];
  text.split('\n').forEach((whole, i) => {
    const line = whole.replace(/#.*/, '').trim();
    if (line === '') return;
    try {
      list.push(parseLine(line));
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      diagnostics.error(file, i + 1, error.message);
    }
  });
  return { list, diagnostics };
}

function parseLine(line: string): Fingerprint {
  const fields = line.split(':');
  if (fields.length < FIELDS - 1) throw new Wrong('a fingerprint has nine fields, with colons between them');
  const [window, ttl, df, size, options, name, version, subtype] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if (df !== '0' && df !== '1') throw new Wrong(`df must be 0 or 1, not ${df}`);
  // `@` marks a generic entry, `*` one of p0f's own: neither is part of the name.
  const plain = name.replace(/^[@*]+/, '');
  if (plain === '') throw new Wrong('a fingerprint needs a class');
  return {
    window: parseWindow(window),
    ttl: number(ttl, MAXIMUM_TTL),
    dontFragment: df === '1',
    size: size === '0' ? { kind: 'any' } : parseQuantity(size),
    options: options === '.' ? [] : options.split(',').map((option) => parseOption(option.trim())),
    class: plain,
    version,
    subtype,
  };
}

function parseWindow(text: string): Window {
  const match = /^([ST])(\d+)$/.exec(text);
  if (match === null) return parseQuantity(text);
  return { kind: match[1] === 'S' ? 'segments' : 'packets', value: number(match[2]!, LARGEST) };
}

function parseQuantity(text: string): Quantity {
  if (text === '*') return { kind: 'any' };
  if (!text.startsWith('%')) return { kind: 'is', value: number(text, LARGEST) };
  const value = number(text.slice(1), LARGEST);
  if (value === 0) throw new Wrong('nothing is a multiple of 0');
  return { kind: 'multiple', value };
}

function parseOption(text: string): FingerprintOption {
  const any: Quantity = { kind: 'any' };
  if (text === 'N' || text === 'S' || text === 'T') return { letter: text, quantity: any };
  if (text === 'T0') return { letter: '0', quantity: any };
  const [, letter, value] = /^([MW])(.+)$/.exec(text) ?? [];
  if (letter === undefined) throw new Wrong(`unknown TCP option ${text}`);
  return { letter: letter === 'M' ? 'M' : 'W', quantity: parseQuantity(value!) };
}

function number(text: string, highest: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= highest)) throw new Wrong(`${text} is no number up to ${highest}`);
  return value;
}

/** `pfctl -s osfp`: classes, with their versions, with their subtypes, each in a line. */
export function listFingerprints(list: readonly Fingerprint[]): string[] {
  const lines = new Set<string>();
  for (const { class: name, version, subtype } of list) {
    lines.add(`${name}\t`);
    if (version !== '') lines.add(`${name}\t${version}\t`);
    if (subtype !== '') lines.add(`${name}\t${version}\t${subtype}\t`);
  }
  const head = ['Class\tVersion\tSubtype(subversion)', '-----\t-------\t-------------------'];
  return [...head, ...[...lines].sort((a, b) => (a < b ? -1 : 1))];
}
