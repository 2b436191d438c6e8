// SPDX-License-Identifier: ISC
//
// Neighbour discovery: the five messages and their options, malformed ones among them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as ethernet from '../../appliance/wire/ethernet.ts';
import * as icmp6 from '../../appliance/wire/icmp6.ts';
import * as ipv6 from '../../appliance/wire/ipv6.ts';
import * as nd6 from '../../appliance/wire/nd6.ts';
import { na, ns, ra, redirect6, rs } from '../support/frames.ts';
import { guard } from '../support/guard.ts';

/** Where the ICMPv6 message begins in the frames. */
const AT = 54;

test('a solicitation is read, and built to the byte', () => {
  assert.ok(nd6.valid(ns, AT, ns.length));
  assert.equal(nd6.flags(ns, AT), 0);
  assert.equal(nd6.targetWord(ns, AT, 0), 0x20010db8);
  assert.equal(nd6.targetWord(ns, AT, 3), 0xfd);
  const option = nd6.findOption(ns, AT, ns.length, nd6.OPTION_SOURCE_LLADDR);
  assert.equal(ethernet.addressHigh(ns, nd6.lladdrAt(option)), 0x0200);
  assert.equal(ethernet.addressLow(ns, nd6.lladdrAt(option)), 1);
  assert.equal(nd6.findOption(ns, AT, ns.length, nd6.OPTION_TARGET_LLADDR), -1);

  const bytes = ns.slice().fill(0xff, AT);
  nd6.writeNeighbor(bytes, AT, icmp6.TYPE_NEIGHBOR_SOLICITATION, 0, ns, nd6.targetAt(AT));
  const end = nd6.writeLladdrOption(bytes, AT + 24, nd6.OPTION_SOURCE_LLADDR, 0x0200, 1);
  icmp6.fillChecksum(bytes, 14, AT, end);
  assert.deepEqual(bytes, ns);
});

test('an advertisement has its three flags', () => {
  assert.ok(nd6.valid(na, AT, na.length));
  assert.equal(nd6.flags(na, AT), nd6.FLAG_ROUTER | nd6.FLAG_SOLICITED | nd6.FLAG_OVERRIDE);
});

test('a router advertisement is read, and built to the byte', () => {
  assert.ok(nd6.valid(ra, AT, ra.length));
  assert.equal(nd6.currentHopLimit(ra, AT), 64);
  assert.equal(nd6.routerFlags(ra, AT), nd6.FLAG_OTHER);
  assert.equal(nd6.routerLifetime(ra, AT), 1800);
  assert.equal(nd6.reachableTime(ra, AT), 30_000);
  assert.equal(nd6.retransmitTimer(ra, AT), 1000);
  assert.equal(nd6.optionMtu(ra, nd6.findOption(ra, AT, ra.length, nd6.OPTION_MTU)), 1500);
  const prefix = nd6.findOption(ra, AT, ra.length, nd6.OPTION_PREFIX);
  assert.equal(nd6.prefixLength(ra, prefix), 64);
  assert.equal(nd6.prefixFlags(ra, prefix), nd6.PREFIX_ON_LINK | nd6.PREFIX_AUTONOMOUS);
  assert.equal(nd6.prefixValidLifetime(ra, prefix), 86_400);
  assert.equal(nd6.prefixPreferredLifetime(ra, prefix), 14_400);

  const bytes = ra.slice().fill(0xff, AT);
  nd6.writeRouterAdvertisement(bytes, AT, 64, nd6.FLAG_OTHER, 1800, 30_000, 1000);
  let at = nd6.writeLladdrOption(bytes, AT + 16, nd6.OPTION_SOURCE_LLADDR, 0x0200, 1);
  at = nd6.writeMtuOption(bytes, at, 1500);
  const from = nd6.prefixAddressAt(prefix);
  at = nd6.writePrefixOption(bytes, at, 64, 0xc0, 86_400, 14_400, ra, from);
  icmp6.fillChecksum(bytes, 14, AT, at);
  assert.deepEqual(bytes, ra);
});

test('a router solicitation is read, and built to the byte', () => {
  assert.ok(nd6.valid(rs, AT, rs.length));
  const bytes = rs.slice().fill(0xff, AT);
  nd6.writeRouterSolicitation(bytes, AT);
  icmp6.fillChecksum(bytes, 14, AT, nd6.writeLladdrOption(bytes, AT + 8, 1, 0x0200, 1));
  assert.deepEqual(bytes, rs);
});

test('a redirect is read, and quotes whole units of eight', () => {
  assert.ok(nd6.valid(redirect6, AT, redirect6.length));
  assert.equal(nd6.targetWord(redirect6, AT, 0), 0xfe800000 | 0);
  assert.equal(ipv6.addressWord(redirect6, nd6.redirectDestinationAt(AT), 3), 0xfd);
  const quoted = nd6.findOption(redirect6, AT, redirect6.length, nd6.OPTION_REDIRECTED);
  assert.equal(nd6.optionLength(redirect6, quoted, redirect6.length), 8 + 48); // of the packet's 49 bytes

  const bytes = redirect6.slice().fill(0xff, AT);
  const packet = redirect6.slice(quoted + 8);
  nd6.writeRedirect(bytes, AT, redirect6, nd6.targetAt(AT), redirect6, nd6.redirectDestinationAt(AT));
  const option = nd6.writeLladdrOption(bytes, AT + 40, nd6.OPTION_TARGET_LLADDR, 0x0200, 2);
  const end = nd6.writeRedirectedOption(bytes, option, Uint8Array.of(...packet, 7), 0, 49);
  icmp6.fillChecksum(bytes, 14, AT, end);
  assert.deepEqual(bytes, redirect6);
});

test('malformed options make the message invalid: RFC 4861 4.6, 6.1, 7.1', () => {
  const cases: readonly (readonly [string, number, number])[] = [
    ['length zero', AT + 25, 0],
    ['longer than the message', AT + 25, 2],
    ['code not zero', AT + 1, 1],
    ['another type of message', AT, icmp6.TYPE_ECHO],
  ];
  for (const [name, at, value] of cases) {
    const bytes = ns.slice();
    bytes[at] = value;
    assert.equal(nd6.valid(bytes, AT, bytes.length), false, name);
  }
  assert.equal(nd6.valid(ns, AT, ns.length - 1), false, 'option cut');
  assert.equal(nd6.valid(ns, AT, AT + 24), true, 'no options');
});

test('a short prefix option is malformed', () => {
  const bytes = ns.slice();
  bytes[AT + 24] = nd6.OPTION_PREFIX;
  assert.equal(nd6.valid(bytes, AT, bytes.length), false);
});

test('options of any bytes are searched within the message', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 24, maxLength: 90 }), fc.nat(6), (body, type) => {
      body[0] = icmp6.TYPE_NEIGHBOR_SOLICITATION;
      const found = nd6.findOption(guard(body, 0, body.length), 0, body.length, type);
      assert.ok(found === -1 || (found >= 24 && found < body.length));
    }),
  );
});
