// SPDX-License-Identifier: ISC
//
// IPv4 addresses in IPv6 ones: the table of RFC 6052 2.4, both ways, and any address behind any prefix.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as embedded4 from '../../appliance/wire/embedded4.ts';
import { word4, words6 } from '../support/packets.ts';

const EXAMPLES = [
  [32, '2001:db8::', '2001:db8:c000:221::'],
  [40, '2001:db8:100::', '2001:db8:1c0:2:21::'],
  [48, '2001:db8:122::', '2001:db8:122:c000:2:2100::'],
  [56, '2001:db8:122:300::', '2001:db8:122:3c0:0:221::'],
  [64, '2001:db8:122:344::', '2001:db8:122:344:c0:2:2100::'],
  [96, '2001:db8:122:344::', '2001:db8:122:344::c000:221'],
] as const;

test('the examples of RFC 6052', () => {
  for (const [length, prefix, written] of EXAMPLES) {
    const into = new Int32Array(4);
    embedded4.embed(Int32Array.from(words6(prefix)), length, word4('192.0.2.33'), into);
    assert.deepEqual([...into], words6(written), String(length));
    assert.equal(embedded4.extract(into, length), word4('192.0.2.33'));
  }
});

test('what is put in comes out, and the octet at bit 64 stays zero', () => {
  const word = fc.integer();
  fc.assert(
    fc.property(
      fc.constantFrom(32, 40, 48, 56, 64),
      fc.tuple(word, word, word, word),
      word,
      (length, prefix, address) => {
        const into = new Int32Array(4);
        embedded4.embed(Int32Array.from(prefix), length, address, into);
        assert.equal(embedded4.extract(into, length), address);
        assert.equal(into[2]! >>> 24, 0);
      },
    ),
  );
});
