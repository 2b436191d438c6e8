// SPDX-License-Identifier: ISC
//
// Passive OS fingerprints: SYNs as systems send them against the fingerprints that come with rhine, rules by name, and the file's grammar.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OBSERVED } from '../../../appliance/user/config/pf/fingerprints/observed.ts';
import { listFingerprints, parsePfOs } from '../../../appliance/user/config/pf/fingerprints/pfOs.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { ip4, ip6, type Network, tcpSegment } from '../../support/packets.ts';
import { LEFT, RIGHT, Router } from '../../support/router.ts';
import { endpoint, TcpUser } from '../transport/userland.ts';
import { DirectPf } from './direct.ts';
import { loadOf } from './filter.ts';

const { list } = parsePfOs(OBSERVED, 'observed');
const MSS = [2, 4, 5, 0xb4];
const MSS6 = [2, 4, 5, 0xa0];
const SACK = [4, 2];
const STAMP = [8, 10, 1, 2, 3, 4, 0, 0, 0, 0];

function syn(
  window: number,
  options: readonly number[],
  header: { ttl?: number; fragment?: number } = {},
): Network {
  const segment = tcpSegment({
    from: 1024,
    to: 80,
    flags: tcp.FLAG_SYN,
    window,
    options: Uint8Array.from(options),
  });
  return ip4({ source: LEFT, destination: RIGHT, ...header }, segment);
}

const DF = { fragment: ipv4.FRAGMENT_DF };
const LINUX = syn(64240, [...MSS, ...SACK, ...STAMP, 1, 3, 3, 7], { ...DF, ttl: 63 });
const LINUX6 = ip6(
  { source: '2001:db8::1', destination: '2001:db8::2' },
  tcpSegment({
    from: 1,
    to: 80,
    flags: tcp.FLAG_SYN,
    window: 64800,
    options: Uint8Array.from([...MSS6, ...SACK, ...STAMP, 1, 3, 3, 7]),
  }),
);

/** Which of the names match a packet. */
function named(network: Network, names: readonly string[]): string[] {
  return names.filter((name) => {
    const pf = new DirectPf();
    pf.load({ ...loadOf(`block all\npass in proto tcp from any os "${name}"\n`), fingerprints: list });
    return pf.test(network, pf.vr0, 1) === 0;
  });
}

const NAMES = [
  'Linux',
  'Linux 6.x',
  'Linux 6.x notimestamps',
  'rhine',
  'NMAP',
  'NMAP syn scan',
  'hping',
  'unknown',
];

test('systems by their SYN', () => {
  assert.deepEqual(named(LINUX, NAMES), ['Linux', 'Linux 6.x']);
  assert.deepEqual(named(LINUX6, NAMES), ['Linux', 'Linux 6.x']);
  const plain = syn(64240, [...MSS, 1, 1, ...SACK, 1, 3, 3, 7], DF);
  assert.deepEqual(named(plain, NAMES), ['Linux', 'Linux 6.x', 'Linux 6.x notimestamps']);
  assert.deepEqual(named(syn(1024, MSS, { ttl: 41 }), NAMES), ['NMAP', 'NMAP syn scan']);
  assert.deepEqual(named(syn(512, []), NAMES), ['hping']);
});

test('a segment size lowered on the way does not hide a system', () => {
  const lowered = syn(64240, [2, 4, 5, 0x78, ...SACK, ...STAMP, 1, 3, 3, 7], DF);
  assert.deepEqual(named(lowered, ['Linux']), ['Linux']);
});

test('one thing different, and it is unknown', () => {
  const options = [...MSS, ...SACK, ...STAMP, 1, 3, 3, 7];
  const cases = {
    window: syn(64241, options, DF),
    'do not fragment': syn(64240, options),
    'too far away': syn(64240, options, { ...DF, ttl: 23 }),
    'more hops than it is sent with': syn(64240, options, { ...DF, ttl: 65 }),
    'timestamp zero': syn(64240, [...MSS, ...SACK, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7], DF),
    order: syn(64240, [...SACK, ...MSS, ...STAMP, 1, 3, 3, 7], DF),
    'an option less': syn(64240, [...MSS, ...SACK, ...STAMP, 0, 0, 0, 0], DF),
  };
  for (const [what, network] of Object.entries(cases))
    assert.deepEqual(named(network, NAMES), ['unknown'], what);
});

test("rhine's own TCP is what the list says it is", () => {
  const router = new Router();
  TcpUser.connect(router.host, endpoint(LEFT, 80));
  router.world.run(1000);
  const frame = router.left.take().find((bytes) => ethernet.type(bytes, 0) === ethernet.TYPE_IPV4);
  const network = { type: ethernet.TYPE_IPV4, bytes: frame!.subarray(ethernet.HEADER_LENGTH) };
  assert.deepEqual(named(network, NAMES), ['rhine'], Buffer.from(network.bytes).toString('hex'));
});

test('a name that nothing is of is refused, with its line', () => {
  const pf = new DirectPf();
  const message = 'pf.conf:2: unknown OS fingerprint "Lnux"; the rules in force stay';
  const load = { ...loadOf('pass\nblock in proto tcp from any os Lnux\n'), fingerprints: list };
  assert.throws(() => pf.load(load), { code: 'EINVAL', message });
  pf.load({ ...loadOf('block in proto tcp from any os Linux\n'), fingerprints: list });
  pf.load(loadOf('block in proto tcp from any os Linux\n'));
});

test('the file: what it says, what is wrong with it, how it is listed', () => {
  const { list: read, diagnostics } = parsePfOs(
    '%8192:128:1:0:M%4,N,W0,T0:@Windows:XP:SP1:x # comment\nT4:64:0:*:.:*Plan 9:::Plan 9\n\nS3:300:1:40:.:x:::\n1:2:3\n1:64:1:40:Q:x:::\n',
    'pf.os',
  );
  assert.deepEqual(read, [
    {
      window: { kind: 'multiple', value: 8192 },
      ttl: 128,
      dontFragment: true,
      size: { kind: 'any' },
      options: [
        { letter: 'M', quantity: { kind: 'multiple', value: 4 } },
        { letter: 'N', quantity: { kind: 'any' } },
        { letter: 'W', quantity: { kind: 'is', value: 0 } },
        { letter: '0', quantity: { kind: 'any' } },
      ],
      class: 'Windows',
      version: 'XP',
      subtype: 'SP1',
    },
    {
      window: { kind: 'packets', value: 4 },
      ttl: 64,
      dontFragment: false,
      size: { kind: 'any' },
      options: [],
      class: 'Plan 9',
      version: '',
      subtype: '',
    },
  ]);
  assert.deepEqual(
    diagnostics.list.map(({ place, text }) => `${place?.line}: ${text}`),
    [
      '4: 300 is no number up to 255',
      '5: a fingerprint has nine fields, with colons between them',
      '6: unknown TCP option Q',
    ],
  );
  assert.deepEqual(listFingerprints(read), [
    'Class\tVersion\tSubtype(subversion)',
    '-----\t-------\t-------------------',
    'Plan 9\t',
    'Windows\t',
    'Windows\tXP\t',
    'Windows\tXP\tSP1\t',
  ]);
});
