// SPDX-License-Identifier: ISC
//
// The statements of a pf.conf(5), one a line: which word begins which, what is skipped after an error.

import { Abandoned } from '../cursor.ts';
import type { Parsing } from '../parsing.ts';
import { CLASSIC_ONLY, FREEBSD_ONLY } from '../words.ts';
import { parseAltq } from './altq.ts';
import { parseClassicQueue } from './altqQueue.ts';
import { parseAnchor, parseLoadAnchor, parseTranslationAnchor } from './anchors.ts';
import { parseAntispoof } from './antispoof.ts';
import { parseEther } from './etherRule.ts';
import { endStatement, parseFilterRule } from './filterRule.ts';
import { parseLimiter } from './limiters.ts';
import { parseOption } from './options.ts';
import { parseQueue } from './queues.ts';
import { parseScrubRule } from './scrubRule.ts';
import { parseTable } from './tables.ts';
import { parseBinatRule, parseNatRule } from './translationRule.ts';

/** Files that may include each other at once, and how often any may be included. */
const MAX_INCLUDES = 32;
const MAX_INCLUDED = 1_000;

/** Reads all statements. */
export function parseStatements(p: Parsing): void {
  const { cursor } = p;
  if (cursor.atOperator('{')) attempt(p, () => parseBracedFile(p));
  while (!cursor.atEnd()) attempt(p, () => parseLine(p));
}

/** One statement; after an error what is left of its line is skipped. */
function attempt(p: Parsing, parse: () => void): void {
  const { depth } = p.config;
  try {
    parse();
  } catch (error) {
    if (!(error instanceof Abandoned)) throw error;
    p.config.unwind(depth);
    const { kind, text } = p.cursor.peek();
    if (kind === 'string') noteWord(p, text);
    p.cursor.recover();
  }
}

/** A word that did not fit may be one of another language. */
function noteWord(p: Parsing, text: string): void {
  if (CLASSIC_ONLY.has(text)) p.classicSeen = true;
  if (FREEBSD_ONLY.has(text)) p.freebsdSeen = true;
}

function parseLine(p: Parsing): void {
  const { cursor } = p;
  if (!cursor.atNewline()) parseStatement(p);
  if (cursor.atNewline()) cursor.take();
  else if (!cursor.atEnd()) cursor.syntaxError();
}

function parseStatement(p: Parsing): void {
  const { cursor } = p;
  if (cursor.atString('macro')) parseMacro(p);
  else if (parseRule(p)) return;
  else if (p.traits.limiters && cursor.accept('state')) parseNamedLimiter(p, 'state');
  else if (cursor.accept('set')) parseOption(p);
  else if (cursor.accept('table')) parseTable(p);
  else if (cursor.accept('include')) parseInclude(p);
  else if (cursor.accept('load')) parseLoadAnchor(p);
  else if (cursor.accept('antispoof')) parseAntispoof(p);
  else if (p.traits.classicRules) parseClassicStatement(p);
  else if (cursor.accept('queue')) parseQueue(p);
  else {
    // Words of today's language that begin a statement in 2008 only.
    if (cursor.at('no') || cursor.at('scrub')) p.classicSeen = true;
    cursor.syntaxError();
  }
}

/** Rules that may also stand in the body of an anchor. */
function parseRule(p: Parsing): boolean {
  const { cursor } = p;
  if (cursor.accept('pass')) parseFilterRule(p, 'pass');
  else if (cursor.accept('block')) parseFilterRule(p, 'block');
  else if (p.traits.todaysRules && cursor.accept('match')) parseFilterRule(p, 'match');
  else if (cursor.accept('anchor')) parseAnchor(p, parseAnchorBody);
  else return false;
  return true;
}

function parseClassicStatement(p: Parsing): void {
  const { cursor } = p;
  if (parseTranslation(p)) return;
  if (cursor.accept('scrub')) parseScrubRule(p, false);
  else if (cursor.accept('ether')) parseEther(p);
  else if (cursor.accept('altq')) parseAltq(p);
  else if (cursor.accept('queue')) parseClassicQueue(p);
  else cursor.syntaxError();
}

/** nat, rdr, binat, their anchors, and `no` before one of them (or before scrub). */
function parseTranslation(p: Parsing): boolean {
  const { cursor } = p;
  const no = cursor.accept('no');
  if (cursor.accept('nat')) parseNatRule(p, 'nat', no);
  else if (cursor.accept('rdr')) parseNatRule(p, 'rdr', no);
  else if (cursor.accept('binat')) parseBinatRule(p, no);
  else if (no && cursor.accept('scrub')) parseScrubRule(p, true);
  else if (no) cursor.syntaxError();
  else if (cursor.accept('nat-anchor')) parseTranslationAnchor(p, 'nat');
  else if (cursor.accept('rdr-anchor')) parseTranslationAnchor(p, 'rdr');
  else if (cursor.accept('binat-anchor')) parseTranslationAnchor(p, 'binat');
  else return false;
  return true;
}

/** Characters of a macro; each reference to macros in its value multiplies them. */
const MAXIMUM_MACRO = 65_536;

/** Words that a line may begin with. */
const BEGINNINGS = [
  ...['pass', 'block', 'match', 'anchor', 'load', 'antispoof', 'set', 'table', 'include', 'queue'],
  ...['nat', 'rdr', 'binat', 'nat-anchor', 'rdr-anchor', 'binat-anchor', 'scrub', 'altq', 'no'],
];

/** `limiter NAME …`; `state` or `source` has been taken. */
function parseNamedLimiter(p: Parsing, kind: 'state' | 'source'): void {
  p.cursor.requireWord('limiter');
  parseLimiter(p, kind);
}

/** `name = value …`. */
function parseMacro(p: Parsing): void {
  const { cursor } = p;
  const name = cursor.take().text;
  if (name === 'source' && p.traits.limiters && cursor.atString('limiter'))
    return parseNamedLimiter(p, 'source');
  if (!cursor.atOperator('=')) noteWord(p, name);
  if (!cursor.acceptOperator('=')) cursor.syntaxError({ found: name, expected: BEGINNINGS });
  const values = [parseMacroWord(p)];
  while (cursor.atString() || cursor.atNumber()) values.push(cursor.take().text);
  const value = values.join(' ');
  if (value.length > MAXIMUM_MACRO) cursor.fail('macro value too long');
  p.config.echo.push(`${name} = "${value}"`);
  if (!p.traits.classicRules && /\s/.test(name)) cursor.fail('macro name cannot contain whitespace');
  p.lexer.defineMacro(name, value);
}

function parseMacroWord(p: Parsing): string {
  if (p.cursor.atString('value') || p.cursor.atNumber()) return p.cursor.take().text;
  return p.cursor.syntaxError();
}

function parseInclude(p: Parsing): void {
  const file = p.cursor.string('file');
  const fits = p.lexer.depth < MAX_INCLUDES && p.config.included++ < MAX_INCLUDED;
  const content = fits ? p.readFile(file) : { error: 'Too many open files' };
  if ('error' in content) {
    p.diagnostics.note(`pfctl: ${file}: ${content.error}`);
    p.cursor.fail(`failed to include file ${file}`);
  }
  p.lexer.pushFile(content.text, file);
}

/** Statements up to the closing brace of an inline anchor. */
function parseAnchorBody(p: Parsing): void {
  const { cursor } = p;
  while (!cursor.acceptOperator('}')) {
    if (cursor.atNewline()) {
      cursor.take();
      continue;
    }
    parseBodyStatement(p);
    if (!cursor.atNewline()) cursor.syntaxError();
    cursor.take();
  }
}

function parseBodyStatement(p: Parsing): void {
  const { cursor } = p;
  if (parseRule(p)) return;
  if (p.traits.tablesInAnchors && cursor.accept('table')) parseTable(p);
  else if (p.traits.tablesInAnchors && cursor.accept('include')) parseInclude(p);
  else cursor.syntaxError();
}

/** A file that is one block in braces: the rules of the anchor it is loaded into. */
function parseBracedFile(p: Parsing): void {
  const { cursor } = p;
  cursor.take();
  while (!cursor.acceptOperator('}')) {
    if (cursor.atEnd()) cursor.syntaxError();
    attempt(p, () => parseBracedLine(p));
  }
  endStatement(p);
}

function parseBracedLine(p: Parsing): void {
  const { cursor } = p;
  const parsed = cursor.atNewline() || parseRule(p) || (p.traits.classicRules && parseTranslation(p));
  if (!parsed || !cursor.atNewline()) cursor.syntaxError();
  cursor.take();
}
