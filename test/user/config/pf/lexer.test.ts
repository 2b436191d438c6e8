// SPDX-License-Identifier: ISC
//
// Tokens: every short text over a small alphabet ends, and the cases that the manual and the originals decide.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dialect } from '../../../../appliance/abi/rule.ts';
import { Diagnostics } from '../../../../appliance/user/config/pf/diagnostics.ts';
import { traitsOf } from '../../../../appliance/user/config/pf/dialect.ts';
import { Lexer, type Token } from '../../../../appliance/user/config/pf/lexer.ts';

const DIALECTS: readonly Dialect[] = ['openbsd-2008', 'openbsd', 'freebsd', 'freebsd-15'];

/** What makes lexing branch: quotes, escapes, joins, comments, macros, signs, pairs, digits and letters. */
const ALPHABET = ['a', '1', '-', '>', '<', '!', '=', '"', '\\', '\n', '#', '$', ' ', '.'];
const LONGEST = 4;

function lex(text: string, dialect: Dialect, macros: Readonly<Record<string, string>> = {}) {
  const diagnostics = new Diagnostics();
  const lexer = new Lexer(text, 'pf.conf', traitsOf(dialect), diagnostics);
  for (const [name, value] of Object.entries(macros)) lexer.defineMacro(name, value);
  const tokens: Token[] = [];
  const lines: number[] = [];
  // More tokens than characters would be one without end.
  while (tokens.length <= 2 * text.length + 20) {
    const token = lexer.next();
    tokens.push(token);
    lines.push(lexer.line);
    if (token.kind === 'end') break;
  }
  return { tokens, lines, errors: diagnostics.errors };
}

function texts(
  text: string,
  dialect: Dialect = 'openbsd',
  macros?: Readonly<Record<string, string>>,
): string[] {
  return lex(text, dialect, macros)
    .tokens.filter((token) => token.kind !== 'newline' && token.kind !== 'end')
    .map((token) => (token.kind === 'operator' ? token.text : `${token.kind}:${token.text}`));
}

function* shortTexts(length: number): Generator<string> {
  if (length === 0) {
    yield '';
    return;
  }
  for (const rest of shortTexts(length - 1)) for (const char of ALPHABET) yield rest + char;
}

for (const dialect of DIALECTS) {
  test(`${dialect}: every text of up to ${LONGEST} characters is read to its end, lines never go back`, () => {
    for (let length = 0; length <= LONGEST; length++) {
      for (const text of shortTexts(length)) {
        const { tokens, lines } = lex(text, dialect);
        assert.equal(tokens.at(-1)?.kind, 'end', JSON.stringify(text));
        const newlines = text.split('\n').length - 1;
        for (let i = 1; i < lines.length; i++) assert.ok(lines[i]! >= lines[i - 1]!, JSON.stringify(text));
        assert.ok(lines.at(-1)! <= newlines + 2, JSON.stringify(text));
      }
    }
  });
}

test('words, numbers, operators', () => {
  assert.deepEqual(texts('pass in 80 8080:8081 10.0.0.1'), [
    'keyword:pass',
    'keyword:in',
    'number:80',
    'string:8080:8081',
    'string:10.0.0.1',
  ]);
  assert.deepEqual(texts('{<t>,!x}'), ['{', '<', 'string:t', '>', ',', '!', 'string:x', '}']);
  assert.deepEqual(texts('a<>b a><b'), ['string:a', '<>', 'string:b', 'string:a', '><', 'string:b']);
  assert.deepEqual(texts('-5'), ['number:-5']);
  assert.deepEqual(texts('x -> y', 'openbsd-2008'), ['string:x', '->', 'string:y']);
});

test('quotes hold blanks and keywords; a comment ends with its line; a backslash joins lines', () => {
  assert.deepEqual(texts('"pass in"'), ['string:pass in']);
  assert.deepEqual(texts('a # b\nc'), ['string:a', 'string:c']);
  assert.deepEqual(texts('a \\\n b'), ['string:a', 'string:b']);
});

test('a macro is read as text, and its own dollars are not macros', () => {
  assert.deepEqual(texts('on $if', 'openbsd', { if: '{ vr0 vr1 }' }), [
    'keyword:on',
    '{',
    'string:vr0',
    'string:vr1',
    '}',
  ]);
  assert.equal(lex('$nothing\n', 'openbsd').errors, 1);
});

test('a quote that is not closed is one error', () => {
  assert.equal(lex('pass "in', 'openbsd').errors, 1);
});
