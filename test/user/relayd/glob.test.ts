// SPDX-License-Identifier: ISC
//
// Shell patterns as fnmatch(3) reads them without flags.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesGlob, unescapePattern } from '../../../appliance/user/relayd/glob.ts';

const CASES: readonly (readonly [string, string, boolean])[] = [
  ['', '', true],
  ['', 'a', false],
  ['abc', 'abc', true],
  ['abc', 'abcd', false],
  ['*', '', true],
  ['*', 'a\nb', true],
  ['a*c', 'abbbc', true],
  ['a*c', 'abbbd', false],
  ['*a*b*', 'xxaxxbxx', true],
  ['?', '', false],
  ['a?c', 'abc', true],
  ['[abc]x', 'bx', true],
  ['[!abc]x', 'bx', false],
  ['[a-f0-9]', '7', true],
  ['[]]', ']', true],
  ['[a', '[a', true],
  ['[a-]', '-', true],
  ['\\*', '*', true],
  ['\\*', 'x', false],
  ['a\\', 'a\\', true],
  ['[\\]]', ']', true],
];

for (const [pattern, text, expected] of CASES) {
  test(`${JSON.stringify(pattern)} ${expected ? 'covers' : 'does not cover'} ${JSON.stringify(text)}`, () => {
    assert.equal(matchesGlob(pattern, text), expected);
  });
}

test('a pattern made to be slow is not', () => {
  assert.equal(matchesGlob(`${'*a'.repeat(40)}b`, 'a'.repeat(5_000)), false);
});

test('escapes of expect', () => {
  assert.equal(unescapePattern('a\\r\\n\\x41\\x2a\\*'), 'a\r\nA\\*\\*');
});
