// SPDX-License-Identifier: ISC
//
// The walk over IPv6 extension headers, their options, the fragment header.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as extension6 from '../../appliance/wire/extension6.ts';
import * as fragment6 from '../../appliance/wire/fragment6.ts';
import * as ipv6 from '../../appliance/wire/ipv6.ts';
import { frag6, mld1, tcp6 } from '../support/frames.ts';
import { guard } from '../support/guard.ts';
import { fromHex, toHex } from '../support/hex.ts';

/** A fixed header that names `next`, followed by these bytes. */
function packet(next: number, rest: string): Uint8Array {
  const body = fromHex(rest);
  const bytes = new Uint8Array(40 + body.length);
  ipv6.write(bytes, 0, 0, 0, body.length, next, 64);
  bytes.set(body, 40);
  return bytes;
}

const OPTIONS = '0000 0104 00000000'; // next header to be put in front: length 8, one PadN

interface Row {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly answer: number;
  readonly protocol: number;
  readonly transport: number;
}

const ROWS: readonly Row[] = [
  { name: 'none at all', bytes: tcp6.slice(14), answer: extension6.OK, protocol: 6, transport: 40 },
  {
    name: 'router alert in front of MLD',
    bytes: mld1.slice(14),
    answer: extension6.OK,
    protocol: 58,
    transport: 48,
  },
  {
    name: 'a later fragment ends the walk',
    bytes: frag6.slice(14),
    answer: extension6.OK,
    protocol: 17,
    transport: 48,
  },
  {
    name: 'a later fragment of options is not taken for options',
    bytes: packet(44, '3c00 04d0 00000001 ffff'),
    answer: extension6.OK,
    protocol: 60,
    transport: 48,
  },
  {
    name: 'a first fragment is walked through',
    bytes: packet(44, `3c00 0001 00000001 3a${OPTIONS.slice(2)} 8000`),
    answer: extension6.OK,
    protocol: 58,
    transport: 56,
  },
  {
    name: 'authentication header, in words',
    bytes: packet(51, `0604 0000 ${'00'.repeat(20)} 0400`),
    answer: extension6.OK,
    protocol: 6,
    transport: 64,
  },
  {
    name: 'ESP is where one stops',
    bytes: packet(50, '00'),
    answer: extension6.OK,
    protocol: 50,
    transport: 40,
  },
  {
    name: 'hop-by-hop elsewhere than first',
    bytes: packet(60, `00${OPTIONS.slice(2)} 3a${OPTIONS.slice(2)}`),
    answer: extension6.MISPLACED,
    protocol: 0,
    transport: 48,
  },
  {
    name: 'cut within the first eight bytes',
    bytes: packet(60, '3a00 0104 0000'),
    answer: extension6.TOO_SHORT,
    protocol: 60,
    transport: 40,
  },
  {
    name: 'longer than the packet',
    bytes: packet(43, '3a02 0000 00000000 00000000'),
    answer: extension6.TOO_SHORT,
    protocol: 43,
    transport: 40,
  },
  {
    name: 'two fragment headers',
    bytes: packet(44, '2c00 0000 00000001 3a00 0000 00000001'),
    answer: extension6.TOO_MANY,
    protocol: 44,
    transport: 48,
  },
  {
    name: 'twenty of them',
    bytes: packet(60, `3c${OPTIONS.slice(2)}`.repeat(20)),
    answer: extension6.TOO_MANY,
    protocol: 60,
    transport: 192,
  },
];

for (const { name, bytes, answer, protocol, transport } of ROWS) {
  test(`walk: ${name}`, () => {
    const found = new extension6.Walk();
    assert.equal(extension6.walk(guard(bytes, 0, bytes.length), 0, bytes.length, found), answer);
    assert.equal(found.protocol, protocol);
    assert.equal(found.transport, transport);
    assert.equal(bytes[found.nextHeaderAt], protocol);
  });
}

test('walk: what it met is noted, and forgotten by the next walk', () => {
  const found = new extension6.Walk();
  const bytes = packet(
    0,
    `2b${OPTIONS.slice(2)} 2c00 0000 00000000 3c00 0001 00000007 3b${OPTIONS.slice(2)}`,
  );
  assert.equal(extension6.walk(bytes, 0, bytes.length, found), extension6.OK);
  assert.deepEqual(
    [found.hopByHop, found.routing, found.fragment, found.destinationOptions, found.laterFragment],
    [40, 48, 56, 64, false],
  );
  assert.equal(found.protocol, ipv6.NEXT_NONE);
  assert.equal(extension6.routingType(bytes, found.routing), extension6.ROUTING_TYPE_SOURCE);
  extension6.walk(tcp6, 14, tcp6.length, found);
  assert.deepEqual(
    [found.hopByHop, found.routing, found.fragment, found.destinationOptions],
    [-1, -1, -1, -1],
  );
});

test('walk: any bytes, never outside, never more than the bound', () => {
  const kinds = fc.constantFrom(0, 43, 44, 51, 60, 6);
  fc.assert(
    fc.property(kinds, fc.array(fc.oneof(kinds, fc.nat(3)), { maxLength: 120 }), (next, body) => {
      const bytes = packet(next, toHex(Uint8Array.from(body)));
      const found = new extension6.Walk();
      extension6.walk(guard(bytes, 0, bytes.length), 0, bytes.length, found);
      assert.ok(found.transport >= 40 && found.transport <= bytes.length);
    }),
  );
});

test('options are walked and say what to do with them', () => {
  const bytes = fromHex('3a00 0502 0000 0100');
  assert.equal(extension6.optionsAt(0), 2);
  assert.equal(extension6.optionType(bytes, 2), extension6.OPTION_ROUTER_ALERT);
  assert.equal(extension6.optionLength(bytes, 2, 8), 4);
  assert.equal(extension6.optionLength(bytes, 6, 8), 2);
  assert.equal(extension6.optionLength(fromHex('00'), 0, 1), 1);
  assert.equal(extension6.optionLength(fromHex('05'), 0, 1), 0);
  assert.equal(extension6.optionLength(fromHex('050300'), 0, 3), 0);
  assert.equal(extension6.optionAction(fromHex('c2'), 0), extension6.ACTION_REPORT_UNICAST);
  assert.equal(extension6.optionAction(fromHex('05'), 0), extension6.ACTION_SKIP);
});

test('the router alert of MLD is built to the byte', () => {
  const bytes = new Uint8Array(8).fill(0xff);
  extension6.writeRouterAlert(bytes, 0, 58);
  assert.deepEqual(bytes, mld1.slice(54, 62));
});

test('a fragment header comes back as it was written', () => {
  fc.assert(
    fc.property(fc.nat(255), fc.nat(8191), fc.boolean(), fc.integer(), (next, eights, more, id) => {
      const bytes = new Uint8Array(8).fill(0xff);
      fragment6.write(bytes, 0, next, 8 * eights, more, id);
      assert.equal(fragment6.nextHeader(bytes, 0), next);
      assert.equal(fragment6.fragmentOffset(bytes, 0), 8 * eights);
      assert.equal(fragment6.moreFragments(bytes, 0), more);
      assert.equal(fragment6.isAtomic(bytes, 0), eights === 0 && !more);
      assert.equal(fragment6.identification(bytes, 0), id);
    }),
  );
});
