// SPDX-License-Identifier: ISC
//
// Capture filters: which frames pass, and what is said about mistakes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileFilter, FilterError } from '../../../appliance/user/dissect/filter.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as pcap from '../../../appliance/wire/pcap.ts';
import * as pflog from '../../../appliance/wire/pflog.ts';
import * as frames from '../../support/frames.ts';

function tagged(frame: Uint8Array, vlan: number): Uint8Array {
  const room = new Uint8Array(4 + frame.length);
  room.set(frame, 4);
  ethernet.insertTag(room, 4, vlan, 0);
  return room;
}

const CAPTURE: Readonly<Record<string, Uint8Array>> = {
  arp: frames.arpRequest,
  syn: frames.syn,
  sack: frames.sack,
  udp: frames.udp,
  echo: frames.echo,
  unreach: frames.unreachPort,
  igmp: frames.igmp2,
  tcp6: frames.tcp6,
  udp6: frames.udp6,
  ns: frames.ns,
  mld: frames.mld2,
  frag6: frames.frag6,
  carp: frames.carp,
  vsyn: tagged(frames.syn, 5),
  vvudp: tagged(tagged(frames.udp, 7), 6),
};

function passing(text: string): string {
  const filter = compileFilter(text);
  return Object.entries(CAPTURE)
    .filter(([, frame]) => filter(pcap.LINK_ETHERNET, frame, 0, frame.length, frame.length))
    .map(([name]) => name)
    .join(' ');
}

/** Checked against libpcap 1.10, which answers the same for each but `icmp6`: it does not look behind extension headers. */
const CASES: readonly (readonly [string, string])[] = [
  ['tcp', 'syn sack tcp6'],
  ['tcp port 80', 'syn sack tcp6'],
  ['tcp dst port 80', 'syn tcp6'],
  ['tcp dst port 80 or 1024', 'syn sack tcp6'],
  ['port domain', 'udp6'],
  ['tcp port https or www', 'syn sack tcp6'],
  ['udp portrange 5000-6000', 'udp'],
  ['src or dst port 53', 'udp6'],
  ['src and dst port 53', 'udp6'],
  ['host 192.0.2.1 and not tcp', 'arp udp echo unreach igmp'],
  ['arp host 192.0.2.253', 'arp'],
  ['ip host 192.0.2.253', 'syn sack udp echo unreach'],
  ['src 192.0.2.1 and dst 192.0.2.253 and udp', 'udp'],
  ['192.0.2.253 and udp', 'udp'],
  ['src net 192.0.2 and icmp', 'echo unreach'],
  ['dst net 224.0.0.0/4', 'igmp carp'],
  ['net 10.99 mask 255.255.0.0', 'carp'],
  ['src and dst net 192.0.2.0/24', 'arp syn sack udp echo unreach'],
  ['ip6 host 2001:db8::1', 'tcp6 udp6 frag6'],
  ['net 2001:db8::/32', 'tcp6 udp6 frag6'],
  ['icmp6', 'ns mld'],
  ['icmp or igmp', 'echo unreach igmp'],
  ['ip proto \\udp', 'udp'],
  ['proto 17', 'udp udp6 frag6'],
  ['ip6 proto 17', 'udp6 frag6'],
  ['carp', 'carp'],
  ['ether proto \\arp', 'arp'],
  ['ether proto 0x86dd', 'tcp6 udp6 ns mld frag6'],
  ['ether src 00:00:5e:00:00:07', 'carp'],
  ['ether host 0:0:5e:0:0:7', 'carp'],
  ['ether multicast', 'carp'],
  ['ip multicast', 'igmp carp'],
  ['ip6 multicast', 'ns mld'],
  ['broadcast', ''],
  ['less 42', 'arp igmp'],
  ['greater 90', 'sack mld'],
  ['len > 90', 'sack'],
  ['vlan', 'vsyn vvudp'],
  ['vlan 5', 'vsyn'],
  ['vlan and tcp', 'vsyn'],
  ['vlan and vlan 7 and udp port 5000', 'vvudp'],
  ['tcp[13] & 2 != 0', 'syn'],
  ['(tcp[tcpflags] & (tcp-syn|tcp-ack)) = tcp-syn', 'syn'],
  ['ip[6:2] & 0x1fff = 0 and ip[8] < 2', 'igmp'],
  ['ip[2:2] - 20 > 30', 'syn sack unreach carp'],
  ['icmp[icmptype] = icmp-echo', 'echo'],
  ['udp[4:2] == 13', 'udp'],
  ['ip[(ip[0] & 0xf) * 4 - 4] = 192', 'udp echo unreach syn sack'],
  ['! tcp && ! udp && ! icmp', 'arp igmp ns mld carp vsyn vvudp'],
  ['not (tcp or udp or icmp or icmp6)', 'arp igmp carp vsyn vvudp'],
  ['udp or tcp and port 53', 'udp6'],
  ['udp or (tcp and port 1024)', 'syn sack udp tcp6 udp6 frag6'],
];

for (const [text, expected] of CASES) {
  test(text, () => {
    const sorted = (names: string) => names.split(' ').sort();
    assert.deepEqual(sorted(passing(text)), sorted(expected));
  });
}

test('an empty filter lets everything pass', () => {
  assert.equal(passing('  '), Object.keys(CAPTURE).join(' '));
});

test('mistakes are named, and where they are', () => {
  const cases = [
    ['foo', "unknown host 'foo'", 0],
    ['host', 'syntax error: expected a host, found the end', 4],
    ['host and tcp', "syntax error: expected a host, found 'and'", 5],
    ['tcp and', 'syntax error: expected a primitive, found the end', 7],
    ['(tcp', "syntax error: expected ')', found the end", 4],
    ['tcp )', "syntax error: expected 'and' or 'or', found ')'", 4],
    ['tcp udp', "syntax error: expected 'and' or 'or', found 'udp'", 4],
    ['port foo', "unknown port 'foo'", 5],
    ['port 65536', "unknown port '65536'", 5],
    ['portrange 1-x', "unknown port range '1-x'", 10],
    ['tcp host 1.2.3.4', "'tcp' modifier applied to host", 9],
    ['arp port 80', "'arp' modifier applied to port", 4],
    ['ip host 2001:db8::1', "'ip' modifier applied to an ip6 host", 8],
    ['net 10.0.0.1/8', "non-network bits set in '10.0.0.1/8'", 4],
    ['net 10.0.0.0 mask 255.0.255.0', "non-contiguous netmask '255.0.255.0'", 18],
    ['proto foo', "unknown ip proto 'foo'", 6],
    ['ether proto foo', "unknown ether proto 'foo'", 12],
    ['ether host 1.2.3.4', "unknown ether host '1.2.3.4'", 11],
    ['ether', "syntax error: expected 'host', 'src', 'dst' or 'proto', found the end", 5],
    ['less x', "syntax error: expected a number, found 'x'", 5],
    ['ip[0', "syntax error: expected ']', found the end", 4],
    ['ip[0:3] = 1', 'data size must be 1, 2, or 4', 5],
    ['ip[0]', 'syntax error: expected a comparison, found the end', 5],
    ['tcp # 2', "illegal character '#'", 4],
  ] as const;
  for (const [text, message, position] of cases) {
    assert.throws(
      () => compileFilter(text),
      (error: unknown) => {
        assert.ok(error instanceof FilterError);
        assert.equal(error.message, message, text);
        assert.equal(error.position, position, text);
        return true;
      },
    );
  }
});

test('names of hosts are looked up where they are handed in', () => {
  const filter = compileFilter('dst web1', {
    host: (name) => (name === 'web1' ? { family: 4, words: [0xc00002fd | 0] } : undefined),
  });
  assert.ok(filter(pcap.LINK_ETHERNET, frames.syn, 0, frames.syn.length, frames.syn.length));
  assert.ok(!filter(pcap.LINK_ETHERNET, frames.carp, 0, frames.carp.length, frames.carp.length));
});

test('what pf logged', () => {
  const bytes = new Uint8Array(160);
  pflog.write(bytes, 0, pflog.AF_INET, pflog.ACTION_BLOCK, 0, 7, 2, pflog.DIRECTION_IN);
  pflog.setName(bytes, pflog.interfaceAt(0), Uint8Array.of(0x76, 0x72, 0x30), 3);
  pflog.setName(bytes, pflog.rulesetAt(0), Uint8Array.of(0x66, 0x74, 0x70), 3);
  bytes.set(frames.syn.slice(14), 100);
  const passes = (text: string) => compileFilter(text)(pcap.LINK_PFLOG, bytes, 0, 160, 160);
  for (const text of [
    'on vr0',
    'ifname vr0 and tcp port 80',
    'rulenum 7 and srnr 2',
    'ruleset ftp',
    'reason match',
    'action block and inbound',
    'not vlan',
  ]) {
    assert.ok(passes(text), text);
  }
  for (const text of ['on vr1', 'rnr 8', 'action pass', 'outbound', 'reason short', 'ether multicast']) {
    assert.ok(!passes(text), text);
  }
});

test('any text is a filter or a FilterError', () => {
  const words = fc.constantFrom(
    ...[
      'tcp',
      'host',
      '10.0.0.1',
      'and',
      'not',
      '(',
      ')',
      'port',
      '80',
      'ip',
      '[',
      ']',
      ':',
      '&',
      '=',
      'src',
    ],
    ...['or', 'vlan', '::1', '1/2', 'net', 'len', '-', 'proto', '\\tcp', '!', 'mask', 'ether', 'on', 'less'],
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(words, { maxLength: 8 }).map((parts) => parts.join(' ')),
  );
  fc.assert(
    fc.property(text, (filter) => {
      try {
        compileFilter(filter);
      } catch (error) {
        assert.ok(error instanceof FilterError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
