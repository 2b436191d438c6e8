// SPDX-License-Identifier: ISC
//
// IP options and extension headers before today's rules: who does not allow them, what is allowed all the same, what never is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DIRECTION_IN, DROP, PASS } from '../../../appliance/kernel/filter.ts';
import { REASON_IP_OPTION } from '../../../appliance/kernel/pf/statistics.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as igmp from '../../../appliance/wire/igmp.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import { icmp6Message, icmpMessage, ip4, ip6, payload, type Transport } from '../../support/packets.ts';
import { DirectPf } from './direct.ts';
import { loadOf } from './filter.ts';

type Fate = 'passes' | 'needs allow-opts' | 'goes';

/** What becomes of a packet under `pass` and under `pass allow-opts`; everything that is dropped is counted as ip-option. */
function fate(prepare: (direct: DirectPf) => ReturnType<DirectPf['prepare']>): Fate {
  const [strict, lax] = ['pass\n', 'pass allow-opts\n'].map((rules) => {
    const direct = new DirectPf();
    direct.load(loadOf(rules));
    const verdict = direct.pf.test(prepare(direct), direct.vr0, DIRECTION_IN);
    assert.ok(verdict === PASS || verdict === DROP);
    const counted = direct.pf.parts.statistics.reasons[REASON_IP_OPTION];
    assert.equal(counted, verdict === PASS ? 0 : 1);
    return verdict === PASS;
  });
  if (lax !== true) return 'goes';
  return strict === true ? 'passes' : 'needs allow-opts';
}

const ALERT = [148, 4, 0, 0];
const QUERY = payload(ipv4.PROTOCOL_IGMP, Uint8Array.of(igmp.TYPE_QUERY, 10, 0xee, 0xf5, 0, 0, 0, 0));

function four(options: number[], transport: Transport, destination = '198.51.100.9', ttl = 64): Fate {
  const header = { source: '192.0.2.9', destination, ttl, options: Uint8Array.from(options) };
  return fate((direct) => direct.prepare(ip4(header, transport)));
}

test('IPv4: options, and only padding, need allow-opts; broken ones go', () => {
  const echo = icmpMessage(8, 0, 1, 'ping');
  const cases: [number[], Fate][] = [
    [[], 'passes'],
    [[1, 1, 1, 1], 'needs allow-opts'],
    [[1, 0, 0, 0], 'needs allow-opts'],
    [ALERT, 'needs allow-opts'],
    [[3, 4, 0, 0], 'needs allow-opts'],
    [[7, 9, 4, 0], 'goes'],
    [[1, 1, 1, 7], 'goes'],
  ];
  for (const [options, expected] of cases) assert.equal(four(options, echo), expected, options.join());
});

test('IGMP: a router alert belongs there, nothing else does, and what is for all hosts stays on the link', () => {
  assert.equal(four(ALERT, QUERY, '224.0.0.1', 1), 'passes');
  assert.equal(four(ALERT, QUERY, '224.0.0.1', 2), 'goes');
  assert.equal(four([], QUERY, '224.0.0.1', 2), 'goes');
  assert.equal(four([1, 1, 1, 1], QUERY, '224.0.0.1', 1), 'needs allow-opts');
  assert.equal(four([3, 4, 0, 0], QUERY, '224.0.0.1', 1), 'needs allow-opts');
  assert.equal(four([...ALERT, 3, 4, 0, 0], QUERY, '224.0.0.1', 1), 'needs allow-opts');
});

test('IPv4: nineteen authentication headers are gone through, twenty are not', () => {
  const nested = (count: number) => {
    const bytes = new Uint8Array(count * 12 + 8);
    for (let i = 0; i < count; i++) bytes.set([i === count - 1 ? 1 : ipv6.NEXT_AH, 1], i * 12);
    return four([], payload(ipv6.NEXT_AH, bytes));
  };
  assert.deepEqual([nested(1), nested(19), nested(20)], ['passes', 'passes', 'goes']);
});

interface Six {
  readonly source?: string;
  readonly destination?: string;
  readonly hops?: number;
}

/** An ICMPv6 message behind other headers, the first of which is of the type given; their next header fields are filled in. */
function six(headers: [type: number, bytes: number[]][], message: Transport, header: Six = {}): Fate {
  const front = headers.flatMap(([, bytes], i) => [
    headers[i + 1]?.[0] ?? ipv6.NEXT_ICMP6,
    ...bytes.slice(1),
  ]);
  const packet = ip6(
    { source: '2001:db8::9', destination: '2001:db8:1::9', ...header },
    {
      protocol: headers[0]?.[0] ?? ipv6.NEXT_ICMP6,
      length: front.length + message.length,
      write: (into, at) => {
        into.set(front, at);
        message.write(into, at + front.length, 0, 6);
      },
    },
  );
  return fate((direct) => {
    const prepared = direct.prepare(packet);
    prepared.protocol = ipv6.NEXT_ICMP6;
    prepared.transport = ipv6.payloadAt(prepared.network) + front.length;
    return prepared;
  });
}

const hop = (...options: number[]): [number, number[]] => [ipv6.NEXT_HOP_BY_HOP, [0, 0, ...options]];
const ALERT6 = hop(5, 2, 0, 0, 1, 0);

test('IPv6: extension headers need allow-opts, but for authentication; broken options go', () => {
  const echo = icmp6Message(icmp6.TYPE_ECHO, 0, 1, 'ping');
  const unknown = icmp6Message(6, 0, 0, 'an error that nobody has defined');
  assert.equal(six([], echo), 'passes');
  assert.equal(six([], unknown), 'passes');
  assert.equal(six([[ipv6.NEXT_AH, [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]], echo), 'passes');
  assert.equal(six([hop(1, 4, 0, 0, 0, 0)], echo), 'needs allow-opts');
  assert.equal(six([ALERT6], echo), 'needs allow-opts');
  assert.equal(six([[ipv6.NEXT_DESTINATION_OPTIONS, [0, 0, 1, 4, 0, 0, 0, 0]]], echo), 'needs allow-opts');
  assert.equal(six([hop(3, 9, 0, 0, 0, 0)], echo), 'goes');
});

test('listener discovery: a router alert belongs there; hop limit 1 and a link-local source, but for reports, must be', () => {
  const query = icmp6Message(icmp6.TYPE_LISTENER_QUERY, 0, 0, new Uint8Array(16));
  const report = icmp6Message(icmp6.TYPE_LISTENER_REPORT, 0, 0, new Uint8Array(16));
  const link = { source: 'fe80::9', destination: 'ff02::1', hops: 1 };
  assert.equal(six([ALERT6], query, link), 'passes');
  assert.equal(six([], query, link), 'passes');
  assert.equal(six([hop(3, 4, 0, 0, 0, 0)], query, link), 'needs allow-opts');
  assert.equal(six([ALERT6], query, { ...link, hops: 2 }), 'goes');
  assert.equal(six([ALERT6], query, { ...link, source: '2001:db8::9' }), 'goes');
  assert.equal(six([ALERT6], query, { ...link, source: '::' }), 'goes');
  assert.equal(six([ALERT6], report, { ...link, source: '::' }), 'passes');
});
