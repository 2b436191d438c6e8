// SPDX-License-Identifier: ISC
//
// Scrub options: of the scrub rules of 2008, and in the parentheses of today's `scrub ( … )` (pf.conf(5), "TRAFFIC
// NORMALIZATION").

import type { ScrubOptions } from '../../../../abi/rule.ts';
import type { Parsing } from '../parsing.ts';
import { parseRtable, parseTos } from './criteria.ts';

type Draft = { -readonly [K in keyof ScrubOptions]: ScrubOptions[K] };

/** What a scrub rule of 2008 says behind its hosts. */
export interface ScrubRuleOptions {
  readonly scrub: ScrubOptions;
  readonly rtable?: number;
  readonly tagged?: { readonly name: string; readonly negated: boolean };
}

/** Options up to the closing parenthesis; the opening one has been taken. */
export function parseScrubList(p: Parsing): ScrubOptions {
  const draft: Draft = {};
  p.cursor.parenthesized(() => {
    if (!parseCommonOption(p, draft) && !(p.traits.classicRules && parseSetTos(p, draft)))
      p.cursor.syntaxError();
  });
  return draft;
}

export function parseScrubRuleOptions(p: Parsing): ScrubRuleOptions {
  const { cursor } = p;
  const draft: Draft = {};
  let rtable: number | undefined;
  let tagged: ScrubRuleOptions['tagged'];
  for (;;) {
    if (parseCommonOption(p, draft) || parseClassicOption(p, draft)) continue;
    if (cursor.accept('rtable')) rtable = parseRtable(p);
    else if (cursor.accept('tagged')) tagged = { name: cursor.strings(), negated: false };
    else if (cursor.acceptOperator('!')) {
      cursor.require('tagged');
      tagged = { name: cursor.strings(), negated: true };
    } else return { scrub: draft, rtable, tagged };
  }
}

function parseCommonOption(p: Parsing, draft: Draft): boolean {
  const { cursor } = p;
  if (cursor.accept('no-df')) {
    if (draft.noDf) cursor.fail('no-df cannot be respecified');
    draft.noDf = true;
  } else if (cursor.accept('random-id')) {
    if (draft.randomId) cursor.fail('random-id cannot be respecified');
    draft.randomId = true;
  } else if (cursor.accept('min-ttl')) {
    draft.minTtl = parseBounded(p, 'min-ttl', draft.minTtl, 255);
  } else if (cursor.accept('max-mss')) {
    draft.maxMss = parseBounded(p, 'max-mss', draft.maxMss, 65535);
  } else if (cursor.accept('reassemble')) {
    const what = cursor.string('tcp');
    if (what.toLowerCase() !== 'tcp') cursor.fail(`scrub reassemble supports only tcp, not '${what}'`);
    if (draft.reassembleTcp) cursor.fail('reassemble tcp cannot be respecified');
    draft.reassembleTcp = true;
  } else return false;
  return true;
}

function parseBounded(p: Parsing, name: string, previous: number | undefined, limit: number): number {
  const value = p.cursor.number();
  if (previous !== undefined) p.cursor.fail(`${name} cannot be respecified`);
  if (value < 0 || value > limit) p.cursor.fail(`illegal ${name} value ${value}`);
  return value;
}

function parseFragmentMode(p: Parsing): NonNullable<ScrubOptions['fragment']> {
  const { cursor } = p;
  if (cursor.at('no')) {
    if (!p.traits.todaysRules) {
      p.freebsdSeen = true;
      cursor.syntaxError();
    }
    cursor.take();
    cursor.require('reassemble');
    return 'no';
  }
  return (
    (['reassemble', 'crop', 'drop-ovl'] as const).find((word) => cursor.accept(word)) ?? cursor.syntaxError()
  );
}

function parseClassicOption(p: Parsing, draft: Draft): boolean {
  const { cursor } = p;
  if (parseSetTos(p, draft)) return true;
  if (!cursor.accept('fragment')) return false;
  const mode = parseFragmentMode(p);
  if (draft.fragment !== undefined) cursor.fail('fragcache cannot be respecified');
  draft.fragment = mode;
  return true;
}

function parseSetTos(p: Parsing, draft: Draft): boolean {
  if (!p.cursor.accept('set-tos')) return false;
  const tos = parseTos(p);
  if (draft.setTos !== undefined) p.cursor.fail('set-tos cannot be respecified');
  draft.setTos = tos;
  return true;
}
