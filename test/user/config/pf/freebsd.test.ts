// SPDX-License-Identifier: ISC
//
// What FreeBSD's language has beyond that of 2008: each statement as its pfctl(8) prints it, and what a load says of what this
// kernel does not do.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Dialect } from '../../../../appliance/abi/rule.ts';
import { formatDiagnostic } from '../../../../appliance/user/config/pf/diagnostics.ts';
import { bareFacts } from '../../../../appliance/user/config/pf/facts.ts';
import { listRules } from '../../../../appliance/user/config/pf/listing.ts';
import { parsePfConf } from '../../../../appliance/user/config/pf/pfConf.ts';
import { type Outcome, runPfctl } from '../../../support/pfctlOffline.ts';
import { PfMemory } from '../../../support/pfMemory.ts';

const FACTS = bareFacts();

function read(text: string, dialect: Dialect) {
  return parsePfConf(text, 'pf.conf', { dialect, facts: FACTS, optimization: 'none' });
}

function printed(text: string, dialect: Dialect): string[] {
  const parsed = read(text, dialect);
  assert.equal(parsed.errors, 0, parsed.diagnostics.map(formatDiagnostic).join('\n'));
  return [...parsed.echo, ...listRules(parsed, { facts: FACTS, numbered: false })];
}

/** What is written and what is printed, which reads as itself. */
const STATEMENTS: Readonly<Record<string, string>> = {
  'scrub in on vr0 fragment no reassemble': 'scrub in on vr0 all fragment no reassemble',
  'match out on vr0 scrub (max-mss 1400, no-df)': 'match out on vr0 all scrub (no-df max-mss 1400)',
  'match in log (matches, to pflog2) proto gre': 'match in log (matches, to pflog2) proto gre all',
  'pass out on vr0 from 10.9.0.1 ! received-on vr1 no state':
    'pass out on vr0 inet from 10.9.0.1 to any ! received-on vr1 no state',
  'pass out received-on any': 'pass out all received-on any flags S/SA keep state',
  'block out label "a" label "b $if" ridentifier 77 dnpipe (3, 4)':
    'block drop out all label "a" label "b any" ridentifier 77 dnpipe(3, 4)',
  'pass in dnqueue 9 tag T': 'pass in all flags S/SA keep state dnqueue 9 tag T',
  'pass in proto udp max-pkt-rate 5/2 max-pkt-size 512':
    'pass in proto udp all max-pkt-rate 5/2 max-pkt-size 512 keep state',
  'pass in proto sctp to port 7777 keep state (allow-related)':
    'pass in proto sctp from any to any port = 7777 keep state (allow-related)',
  'pass out on vr0 inet from 10.9.0.0/16 nat-to { 198.51.100.7, 198.51.100.8 } sticky-address':
    'pass out on vr0 inet from 10.9.0.0/16 to any flags S/SA keep state nat-to { 198.51.100.7, 198.51.100.8 } round-robin sticky-address',
  'pass in on vr0 inet6 to 64:ff9b::/96 af-to inet from (vr1)':
    'pass in on vr0 inet6 from any to 64:ff9b::/96 flags S/SA keep state af-to inet from (vr1)',
  'pass in on vr0 route-to (vr1 198.51.100.9) inet6 to 64:ff9b::/96 af-to inet from 198.51.100.7':
    'pass in on vr0 route-to (vr1 198.51.100.9) inet6 from any to 64:ff9b::/96 flags S/SA keep state af-to inet from 198.51.100.7',
  'pass in on vr0 route-to (vr1 2001:db8::9) prefer-ipv6-nexthop inet once':
    'pass in on vr0 route-to (vr1 2001:db8::9) prefer-ipv6-nexthop inet all flags S/SA keep state once',
  'nat on vr0 inet from 10.9.0.0/16 to any -> (vr0) endpoint-independent':
    'nat on vr0 inet from 10.9.0.0/16 to any -> (vr0) round-robin endpoint-independent',
  'nat on vr0 from 10.9.0.0/16 to any -> 198.51.100.7 map-e-portset 4/8/0x1f':
    'nat on vr0 inet from 10.9.0.0/16 to any -> 198.51.100.7 map-e-portset 4/8/31',
  'nat on vr0 from 10.9.0.0/16 to any -> <pool> random':
    'nat on vr0 from 10.9.0.0/16 to any -> <pool> random',
  'ether block in quick on { vr0 vr1 } proto 0x806 from 2:0:0:0:0:1':
    'ether block in quick on vr0 proto 0x0806 from 02:00:00:00:00:01 l3 all',
  'set fail-policy return': 'set fail-policy return',
  'set keepcounters': 'set keepcounters',
  'set timeout { sctp.closed 5 udp.first 6 }': 'set timeout sctp.closed 5',
  'set reassemble yes no-df': 'set reassemble yes no-df',
};

describe('FreeBSD: statements as they are printed', () => {
  for (const [text, line] of Object.entries(STATEMENTS)) {
    test(text, () => {
      for (const dialect of ['freebsd', 'freebsd-15'] as const) {
        const lines = printed(`${text}\n`, dialect);
        // Families come from the first address that has one.
        assert.equal(
          lines[0],
          line.replace('vr0 from 10.9.0.0/16 to any -> <', 'vr0 inet from 10.9.0.0/16 to any -> <'),
        );
        assert.deepEqual(printed(`${lines.join('\n')}\n`, dialect), lines);
      }
    });
  }
});

test('FreeBSD: Ethernet rules, with anchors and lists', () => {
  const text = [
    'ether anchor "lan" on vr0 {',
    '  ether pass from { 02:00:00:00:00:01, ! 02:00:00:00:00:00/24 } bridge-to vr1',
    '}',
    '',
  ].join('\n');
  assert.ok(read(text, 'freebsd').errors > 0, 'bridge-to stands before the addresses');
  const right = text.replace(' bridge-to vr1', '').replace('pass from', 'pass out bridge-to vr1 from');
  assert.deepEqual(printed(right, 'freebsd'), [
    'ether anchor "lan" on vr0 l3 all {',
    '  ether pass out bridge-to vr1 from 02:00:00:00:00:01 l3 all',
    '  ether pass out bridge-to vr1 from ! 02:00:00:00:00:00/24 l3 all',
    '}',
  ]);
  assert.ok(read('ether block from 02:00:00\n', 'freebsd').errors > 0);
  assert.ok(read('ether block in\n', 'openbsd-2008').errors > 0);
});

test('FreeBSD: fairq and codel', () => {
  const text =
    'altq on lo0 fairq bandwidth 2Mb tbrsize 1500 queue { a }\nqueue a fairq(codel default hogs 1Mb)\n';
  assert.deepEqual(printed(text, 'freebsd'), [
    'altq on lo0 fairq bandwidth 2Mb tbrsize 1500 queue { a }',
    'queue a fairq( codel default hogs 1Mb ) ',
  ]);
  assert.ok(read(text, 'openbsd-2008').errors > 0);
});

test('limiters of states and sources, in FreeBSD and today', () => {
  const definitions = [
    'state limiter web id 3 limit 500 rate 9/2',
    'source limiter web id 3 entries 20 limit 30 inet mask 24 inet6 mask 64 table <flood> above 20 below 5',
  ];
  const rules =
    'pass in state limiter "web" source limiter web (no-match)\npass out state limiter id 3 (block)\n';
  const today = printed(`source = "10.9.0.1"\n${definitions.join('\n')}\n${rules}`, 'openbsd');
  assert.deepEqual(today.slice(1, 3), definitions);
  assert.deepEqual(today.slice(3), [
    'pass in all flags S/SA state limiter id 3 source limiter id 3 (no-match)',
    'pass out all flags S/SA state limiter id 3',
  ]);
  const lines = printed(`${definitions.join('\n')}\n${rules}`, 'freebsd-15');
  assert.equal(lines[3], 'pass out all flags S/SA keep state state limiter id 3');
  assert.deepEqual(printed(`${lines.join('\n')}\n`, 'freebsd-15'), lines);
  const said = (text: string) => read(text, 'openbsd').diagnostics.map(formatDiagnostic);
  assert.deepEqual(said('pass state limiter "web"\n'), ['pf.conf:1: state limiter web is not defined']);
  assert.ok(said(`${definitions[0]}\n${definitions[0]}\n`)[0]?.endsWith('already exists'));
  assert.ok(read(`${definitions[0]}\n`, 'openbsd-2008').errors > 0);
});

const MISTAKES: Readonly<Record<string, string>> = {
  'rdr on vr0 proto tcp to 10.9.0.1 -> 10.9.0.2 endpoint-independent':
    "the 'endpoint-independent' option is only valid with nat rules",
  'nat on vr0 from 10.9.0.1 -> 198.51.100.7 port 9 map-e-portset 4/8/1':
    "the 'map-e-portset' option can't be used when specifying a port range",
  'nat on vr0 from 10.9.0.1 -> 198.51.100.7 map-e-portset 4/8/256':
    'map-e-portset: identifier does not fit into its length',
  'nat on vr0 from 10.9.0.1 -> <pool> bitmask': 'tables are not supported by pool type',
  'nat on vr0 from 10.9.0.1 -> (vr1) bitmask': 'interface (vr1) is not supported by pool type',
  'block in route-to (vr0 10.9.0.1)': 'route-to, reply-to and dup-to are not supported on block rules',
  'pass in on vr0 route-to (vr1 2001:db8::9) inet': 'no routing address with matching address family found.',
  'pass in proto tcp from any port 90:80': 'invalid port range',
  'pass in proto gre to port 80': 'port only applies to tcp/udp/sctp',
  'match in keep state': 'keep state is great, but only for pass rules',
  'pass all nat-to 10.9.0.1': 'nat-to and rdr-to require a direction',
};

test('FreeBSD: mistakes are called as it calls them', () => {
  for (const [text, message] of Object.entries(MISTAKES)) {
    const said = read(`${text}\n`, 'freebsd').diagnostics.map(formatDiagnostic);
    assert.ok(said.includes(`pf.conf:1: ${message}`), `${text}: ${said.join(' / ')}`);
  }
});

test('FreeBSD 12 lists the tails of anchors, FreeBSD 15 their paths', () => {
  const text = 'anchor "a/b"\nanchor "c/*"\n';
  assert.deepEqual(printed(text, 'freebsd'), ['anchor "/b" all', 'anchor "/*" all']);
  assert.deepEqual(printed(text, 'freebsd-15'), ['anchor "a/b" all', 'anchor "c/*" all']);
});

function load(text: string): Promise<Outcome> {
  const words = ['--dialect', 'freebsd-15', '-o', 'none', '-f', '-'];
  return runPfctl(words, { stdin: text, kernel: new PfMemory(FACTS) });
}

test('FreeBSD: Ethernet rules are refused with their line', async () => {
  const { status, stderr } = await load('pass\nether block in\n');
  assert.equal(status, 1);
  assert.match(stderr, /stdin:2: ether rules are not supported; the rules in force stay/);
});

test('FreeBSD: what is only shaped or kept is loaded, and said not to be', async () => {
  const { status, stderr } = await load('set keepcounters\npass in dnpipe 1\npass out dnqueue 2\n');
  assert.equal(status, 0, stderr);
  assert.equal(stderr, 'not enforced: keepcounters, dnpipe and dnqueue\n');
});
