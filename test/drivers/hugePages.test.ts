// SPDX-License-Identifier: ISC
//
// Memory in large pages: all zero, nothing twice, of any size.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hugePages } from '../../drivers/hugePages.ts';

test('pieces are zero, do not overlap, and hold doubles as well', () => {
  const sizes = [2, 1 << 18, 1 << 20, 10, 1 << 23, (1 << 23) + 2, 1 << 18];
  const pieces = sizes.map((words) => hugePages(words));
  pieces.forEach((piece, i) => {
    assert.equal(piece.length, sizes[i]);
    assert.equal(piece.byteOffset % 8, 0);
    assert.ok(piece.every((word) => word === 0));
    piece.fill(i + 1);
  });
  assert.ok(pieces.every((piece, i) => piece.every((word) => word === i + 1)));
});
