// SPDX-License-Identifier: ISC
//
// Frames and the lines that OpenBSD's tcpdump prints for them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conversations } from '../../../appliance/user/dissect/conversations.ts';
import { type DissectOptions, dissect } from '../../../appliance/user/dissect/dissect.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as pcap from '../../../appliance/wire/pcap.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import * as frames from '../../support/frames.ts';
import { fromHex } from '../../support/hex.ts';

const PLAIN: DissectOptions = { numeric: true, ethernet: false, verbose: 0 };
const VERBOSE: DissectOptions = { ...PLAIN, verbose: 1 };

function line(frame: Uint8Array, options: DissectOptions = PLAIN): string {
  return dissect(pcap.LINK_ETHERNET, frame, 0, frame.length, options);
}

/** A changed copy. */
function changed(frame: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = frame.slice();
  change(bytes);
  return bytes;
}

const {
  arpReply,
  arpRequest,
  carp,
  echo,
  echo6,
  frag6,
  igmp2,
  igmp3,
  mld1,
  mld2,
  na,
  ns,
  ra,
  redirect6,
  rs,
  sack,
  syn,
  tcp6,
  udp,
  udp6,
  unreachPort,
} = frames;

/** Frame, its line, and its line with -v. */
const FRAMES: readonly (readonly [Uint8Array, string, string])[] = [
  [arpRequest, 'arp who-has 192.0.2.253 tell 192.0.2.1', 'arp who-has 192.0.2.253 tell 192.0.2.1'],
  [
    syn,
    '192.0.2.1.1024 > 192.0.2.253.80: S 123:123(0) win 65535 <mss 1460,nop,wscale 6,sackOK,timestamp 287454020 0> (DF)',
    '192.0.2.1.1024 > 192.0.2.253.80: S [tcp sum ok] 123:123(0) win 65535 <mss 1460,nop,wscale 6,sackOK,timestamp 287454020 0> (DF) (ttl 64, id 4660, len 60)',
  ],
  [
    sack,
    '192.0.2.1.80 > 192.0.2.253.1024: P 1000:1005(5) ack 124 win 512 <nop,nop,timestamp 5 6,nop,nop,sack 2 {200:300} {400:4294967295} > (DF)',
    '192.0.2.1.80 > 192.0.2.253.1024: P [tcp sum ok] 1000:1005(5) ack 124 win 512 <nop,nop,timestamp 5 6,nop,nop,sack 2 {200:300} {400:4294967295} > (DF) (ttl 64, id 4660, len 77)',
  ],
  [
    tcp6,
    '2001:db8::1.1024 > 2001:db8::fd.80: . ack 456 win 100',
    '2001:db8::1.1024 > 2001:db8::fd.80: . [tcp sum ok] ack 456 win 100 (len 20, hlim 64)',
  ],
  [
    udp,
    '192.0.2.1.5000 > 192.0.2.253.5001: udp 5 (DF)',
    '192.0.2.1.5000 > 192.0.2.253.5001: [udp sum ok] udp 5 (DF) (ttl 64, id 4660, len 33)',
  ],
  [
    udp6,
    '2001:db8::1.53 > 2001:db8::fd.53: udp 1',
    '2001:db8::1.53 > 2001:db8::fd.53: [udp sum ok] udp 1 (len 9, hlim 64)',
  ],
  [
    echo,
    '192.0.2.1 > 192.0.2.253: icmp: echo request (DF)',
    '192.0.2.1 > 192.0.2.253: icmp: echo request (id:04d2 seq:0) [icmp cksum ok] (DF) (ttl 64, id 4660, len 36)',
  ],
  [
    unreachPort,
    '192.0.2.1 > 192.0.2.253: icmp: 192.0.2.253 udp port 5001 unreachable (DF)',
    '192.0.2.1 > 192.0.2.253: icmp: 192.0.2.253 udp port 5001 unreachable [icmp cksum ok] (DF) (ttl 64, id 4660, len 56)',
  ],
  [
    echo6,
    '2001:db8::1 > 2001:db8::fd: icmp6: echo request',
    '2001:db8::1 > 2001:db8::fd: icmp6: echo request (id:0007 seq:1) [icmp6 cksum ok] (len 12, hlim 64)',
  ],
  [
    ns,
    'fe80::ff:fe00:1 > ff02::1:ff00:fd: icmp6: neighbor sol: who has 2001:db8::fd',
    'fe80::ff:fe00:1 > ff02::1:ff00:fd: icmp6: neighbor sol: who has 2001:db8::fd(src lladdr: 02:00:00:00:00:01) [icmp6 cksum ok] (len 32, hlim 255)',
  ],
  [
    na,
    '2001:db8::fd > fe80::ff:fe00:1: icmp6: neighbor adv: tgt is 2001:db8::fd',
    '2001:db8::fd > fe80::ff:fe00:1: icmp6: neighbor adv: tgt is 2001:db8::fd(RSO)(tgt lladdr: 02:00:00:00:00:02) [icmp6 cksum ok] (len 32, hlim 255)',
  ],
  [
    ra,
    'fe80::ff:fe00:1 > ff02::1: icmp6: router advertisement',
    'fe80::ff:fe00:1 > ff02::1: icmp6: router advertisement(chlim=64, O, pref=medium, router_ltime=1800, reachable_time=30000, retrans_time=1000)(src lladdr: 02:00:00:00:00:01)(mtu: mtu=1500)(prefix info: LA valid_ltime=86400, preferred_ltime=14400, prefix=2001:db8::/64) [icmp6 cksum ok] (len 64, hlim 255)',
  ],
  [
    rs,
    'fe80::ff:fe00:1 > ff02::2: icmp6: router solicitation ',
    'fe80::ff:fe00:1 > ff02::2: icmp6: router solicitation (src lladdr: 02:00:00:00:00:01) [icmp6 cksum ok] (len 16, hlim 255)',
  ],
  [
    redirect6,
    'fe80::ff:fe00:1 > 2001:db8::1: icmp6: redirect 2001:db8::fd to fe80::ff:fe00:1',
    'fe80::ff:fe00:1 > 2001:db8::1: icmp6: redirect 2001:db8::fd to fe80::ff:fe00:1(tgt lladdr: 02:00:00:00:00:02)(redirect) [icmp6 cksum ok] (len 104, hlim 255)',
  ],
  [
    mld1,
    'fe80::ff:fe00:1 > ff02::1:ff00:fd: HBH icmp6: multicast listener report max resp delay: 0 addr: ff02::1:ff00:fd [hlim 1]',
    'fe80::ff:fe00:1 > ff02::1:ff00:fd: HBH (rtalert: 0x0000) icmp6: multicast listener report max resp delay: 0 addr: ff02::1:ff00:fd [icmp6 cksum ok] [hlim 1] (len 32)',
  ],
  [
    mld2,
    'fe80::ff:fe00:1 > ff02::16: HBH multicast listener report v2, 1 group record(s) [hlim 1]',
    'fe80::ff:fe00:1 > ff02::16: HBH (rtalert: 0x0000) multicast listener report v2, 1 group record(s) [gaddr ff02::1:ff00:fd to_ex, 0 source(s)] [icmp6 cksum ok] [hlim 1] (len 36)',
  ],
  [
    frag6,
    '2001:db8::1 > 2001:db8::fd: frag (1232|16)',
    '2001:db8::1 > 2001:db8::fd: frag (0xabcdef01:1232|16) (len 24, hlim 64)',
  ],
  [
    igmp2,
    '192.0.2.1 > 224.0.0.22: igmp nreport 224.0.0.22 [tos 0xc0] [ttl 1]',
    '192.0.2.1 > 224.0.0.22: igmp nreport 224.0.0.22 [tos 0xc0] [ttl 1] (id 1, len 28)',
  ],
  [
    igmp3,
    '192.0.2.1 > 224.0.0.22: igmp v3 report, 1 group record(s) [tos 0xc0] [ttl 1]',
    '192.0.2.1 > 224.0.0.22: igmp v3 report, 1 group record(s) [gaddr 224.0.0.18 to_ex { }] [tos 0xc0] [ttl 1] (id 1, len 36)',
  ],
  [
    carp,
    'CARPv2-advertise 36: vhid=7 advbase=1 advskew=10 demote=0 (DF) [tos 0x10]',
    'carp 10.99.7.1 > 224.0.0.18: CARPv2-advertise 36: vhid=7 advbase=1 advskew=10 demote=0 (DF) [tos 0x10] (ttl 255, id 61866, len 56)',
  ],
];

for (const [frame, plain, verbose] of FRAMES) {
  test(plain, () => {
    assert.equal(line(frame), plain);
    assert.equal(line(frame, VERBOSE), verbose);
  });
}

test('-e shows source, destination, type and length', () => {
  assert.equal(
    line(arpRequest, { ...PLAIN, ethernet: true }),
    '02:00:00:00:00:01 02:00:00:00:00:02 0806 42: arp who-has 192.0.2.253 tell 192.0.2.1',
  );
});

test('ARP: hardware addresses that are not those of the frame', () => {
  assert.equal(
    line(arpReply),
    'arp reply 192.0.2.253 (02:00:00:00:00:02) is-at 02:00:00:00:00:02 (02:00:00:00:00:01)',
  );
  const own = changed(arpReply, (bytes) => {
    ethernet.write(bytes, 0, 0x0200, 1, 0x0200, 2, ethernet.TYPE_ARP);
  });
  assert.equal(line(own), 'arp reply 192.0.2.253 is-at 02:00:00:00:00:02');
});

test('an unknown type shows its header', () => {
  const lldp = fromHex('0180c200000e 020000000001 88cc 0207');
  assert.equal(line(lldp), '02:00:00:00:00:01 01:80:c2:00:00:0e 88cc 16: ');
});

test('tags', () => {
  const room = new Uint8Array(4 + arpRequest.length);
  room.set(arpRequest, 4);
  ethernet.insertTag(room, 4, 5, 3);
  assert.equal(line(room), '802.1Q vid 5 pri 3 arp who-has 192.0.2.253 tell 192.0.2.1');
});

test('flags of TCP, no flag, urgent data', () => {
  const cases = [
    [tcp.FLAG_SYN | tcp.FLAG_ACK, 'S 123:123(0) ack 456 win 100'],
    [tcp.FLAG_FIN | tcp.FLAG_PSH | tcp.FLAG_ACK, 'FP 123:123(0) ack 456 win 100'],
    [tcp.FLAG_RST, 'R 123:123(0) win 100'],
    [tcp.FLAG_SYN | tcp.FLAG_CWR | tcp.FLAG_ECE, 'SWE 123:123(0) win 100'],
    [0, '. win 100'],
    [tcp.FLAG_URG | tcp.FLAG_ACK, '. ack 456 win 100 urg 7'],
  ] as const;
  for (const [flags, text] of cases) {
    const bytes = changed(tcp6, (copy) => {
      tcp.setFlags(copy, 54, flags);
      tcp.setUrgentPointer(copy, 54, 7);
    });
    assert.equal(line(bytes), `2001:db8::1.1024 > 2001:db8::fd.80: ${text}`);
  }
});

test('-vv shows the sequence number of an empty segment', () => {
  assert.match(line(tcp6, { ...PLAIN, verbose: 2 }), /: \. \[tcp sum ok\] 123:123\(0\) ack 456 win 100/);
});

test('sequence numbers become relative once a connection is known', () => {
  const conversations = new Conversations();
  const options = { ...PLAIN, conversations };
  const segment = (from: number, to: number, flags: number, sequence: number, acknowledgment: number) => {
    const bytes = tcp6.slice();
    tcp.write(bytes, 54, from, to, sequence, acknowledgment, flags, 100);
    return line(bytes, options).replace(/^.*?: /, '');
  };
  assert.equal(segment(1024, 80, tcp.FLAG_SYN, 1000, 0), 'S 1000:1000(0) win 100');
  assert.equal(segment(1024, 80, tcp.FLAG_SYN | tcp.FLAG_ACK, 9000, 1001), 'S 9000:9000(0) ack 1001 win 100');
  assert.equal(segment(1024, 80, tcp.FLAG_FIN | tcp.FLAG_ACK, 9001, 1010), 'F 1:1(0) ack 10 win 100');
  assert.equal(segment(1025, 80, tcp.FLAG_ACK, 5, 7), '. ack 7 win 100');
  assert.equal(segment(1025, 80, tcp.FLAG_ACK, 5, 17), '. ack 11 win 100');
});

test('the other direction of a conversation is relative too', () => {
  const conversations = new Conversations();
  assert.deepEqual(conversations.place('a', 'b', 100, 201, true), {
    sequence: 0,
    acknowledgment: 0,
    blocks: 200,
  });
  assert.deepEqual(conversations.place('b', 'a', 201, 101, false), {
    sequence: 200,
    acknowledgment: 100,
    blocks: 100,
  });
});

test('malformed and unknown TCP options', () => {
  const cases = [
    ['02 04 05 b4', '<mss 1460>'],
    ['02 09 05 b4', '<[bad opt]>'],
    ['01 01 02 03', '<nop,nop,[bad opt]>'],
    ['00 ff ff ff', '<eol>'],
    ['fe 04 ab cd', '<opt-254:abcd>'],
    ['04 02 13 02', '<sackOK,tcpmd5:>'],
    ['06 06 00 00 00 07 01 01', '<echo 7,nop,nop>'],
  ] as const;
  for (const [options, text] of cases) {
    const header = fromHex(`45000000 12340000 4006 0000 c0000201 c00002fd`);
    const segment = new Uint8Array(20);
    tcp.write(segment, 0, 1, 2, 0, 0, tcp.FLAG_SYN, 0);
    const bytes = Uint8Array.of(...header, ...segment, ...fromHex(options));
    tcp.setHeaderLength(bytes, 20, bytes.length - 20);
    ipv4.setTotalLength(bytes, 0, bytes.length);
    assert.equal(
      dissect(pcap.LINK_RAW, bytes, 0, bytes.length, PLAIN),
      `192.0.2.1.1 > 192.0.2.253.2: S 0:0(0) win 0 ${text}`,
    );
  }
});

test('the words of a RST', () => {
  const bytes = Uint8Array.of(...tcp6, ...new TextEncoder().encode('go away\n'));
  bytes[19] = 28;
  tcp.setFlags(bytes, 54, tcp.FLAG_RST);
  tcp.fillChecksum6(bytes, 14, 54, bytes.length);
  assert.match(line(bytes, VERBOSE), /R \[tcp sum ok\] 123:131\(8\) win 100 \[RST go away\\012\] \(len 28/);
});

test('wrong checksums are shown with the right ones', () => {
  const flip = (frame: Uint8Array, at: number) => changed(frame, (bytes) => bytes.fill(0xff, at, at + 2));
  const cases = [
    [flip(syn, 34 + 16), /S \[bad tcp cksum ffff! -> 79d1\]/],
    [flip(udp, 34 + 6), /\[bad udp cksum ffff! -> 8a3d\]/],
    [flip(echo, 34 + 2), /\[bad icmp cksum ffff! -> e71d\]/],
    [flip(ns, 54 + 2), /\[bad icmp6 cksum ffff! -> 4a69\]/],
    [flip(syn, 14 + 10), /len 60, bad ip cksum ffff! -> a389\)/],
    [flip(carp, 34 + 6), /demote=0 \(bad carp cksum ffff!\)/],
    [flip(igmp2, 34 + 2), /nreport 224.0.0.22 bad igmp cksum ffff!/],
    [changed(udp, (bytes) => bytes.fill(0, 40, 42)), /: \[no udp cksum\] udp 5/],
    [changed(udp6, (bytes) => bytes.fill(0, 60, 62)), /: \[invalid udp cksum 0\] udp 1/],
  ] as const;
  for (const [frame, expected] of cases) {
    assert.match(line(frame, VERBOSE), expected);
    assert.doesNotMatch(line(frame), /cksum/);
  }
});

test('fragments of IPv4', () => {
  const fragment = (word: number) =>
    line(changed(udp, (bytes) => ipv4.setFragment(bytes, 14, word))).replace(/^[^:]*/, '');
  assert.equal(fragment(0x2000), ': udp 5 (frag 4660:13@0+)');
  assert.equal(fragment(0x2001), ': (frag 4660:13@8+)');
  assert.equal(fragment(0x00b9), ': (frag 4660:13@1480)');
});

test('TOS with ECN, and the last hop', () => {
  const bytes = changed(udp, (copy) => {
    ipv4.setTypeOfService(copy, 14, 0x03);
    ipv4.setTtl(copy, 14, 1);
    ipv4.fillChecksum(copy, 14);
  });
  assert.equal(line(bytes), '192.0.2.1.5000 > 192.0.2.253.5001: udp 5 (DF) [tos 0x3 (EC)] [ttl 1]');
});

test('IPv4 options with -v', () => {
  const cases = [
    ['01 01 01 00', 'optlen=4 NOP NOP NOP EOL'],
    ['94 04 00 00', 'optlen=4 IPOPT-148{4}'],
    ['07 07 08 0a000001 01', 'optlen=8 RR{7}= RR{10.0.0.1#} NOP'],
    ['83 0b 08 0a000001 0a000002 00', 'optlen=12 LSRR{10.0.0.1#10.0.0.2} EOL'],
    ['44 00 00 00', 'optlen=4[|ip op len 0]'],
  ] as const;
  for (const [options, text] of cases) {
    const bytes = Uint8Array.of(...udp.slice(14, 34), ...fromHex(options), ...udp.slice(34));
    ipv4.setHeaderLength(bytes, 0, 20 + fromHex(options).length);
    ipv4.setTotalLength(bytes, 0, bytes.length);
    ipv4.fillChecksum(bytes, 0);
    const printed = dissect(pcap.LINK_RAW, bytes, 0, bytes.length, VERBOSE);
    assert.ok(printed.endsWith(`, len ${bytes.length}, ${text})`), printed);
  }
});

test('a packet within a packet', () => {
  const inner = tcp6.slice(14);
  const outer = new Uint8Array(20 + inner.length);
  ipv4.write(outer, 0, 0, outer.length, 1, 0, 64, ipv4.PROTOCOL_IPV6, 0x0a000001, 0x0a000002);
  outer.set(inner, 20);
  const text = '2001:db8::1.1024 > 2001:db8::fd.80: . ack 456 win 100';
  assert.equal(dissect(pcap.LINK_RAW, outer, 0, outer.length, PLAIN), `${text} (encap)`);
  assert.match(
    dissect(pcap.LINK_RAW, outer, 0, outer.length, VERBOSE),
    /^10\.0\.0\.1 > 10\.0\.0\.2: 2001:db8::1/,
  );
});

/** An ICMP message with `udp` quoted behind it. */
function icmpLine(type: number, code: number, rest: number, options = PLAIN): string {
  const bytes = changed(unreachPort, (copy) => {
    icmp.write(copy, 34, type, code, rest);
    icmp.fillChecksum(copy, 34, copy.length);
  });
  return line(bytes, options).replace(/^[^:]*: /, '');
}

test('ICMP messages', () => {
  const cases = [
    [3, 0, 0, 'icmp: net 192.0.2.253 unreachable (DF)'],
    [3, 1, 0, 'icmp: host 192.0.2.253 unreachable (DF)'],
    [3, 2, 0, 'icmp: 192.0.2.253 protocol 17 unreachable (DF)'],
    [3, 4, 1400, 'icmp: 192.0.2.253 unreachable - need to frag (mtu 1400) (DF)'],
    [3, 4, 0, 'icmp: 192.0.2.253 unreachable - need to frag (DF)'],
    [3, 5, 0, 'icmp: 192.0.2.253 unreachable - source route failed (DF)'],
    [3, 13, 0, 'icmp: host 192.0.2.253 unreachable - admin prohibited filter (DF)'],
    [3, 99, 0, 'icmp: #99 192.0.2.253 unreachable (DF)'],
    [5, 1, 0xc0000209, 'icmp: redirect 192.0.2.253 to host 192.0.2.9 (DF)'],
    [11, 0, 0, 'icmp: time exceeded in-transit (DF)'],
    [11, 1, 0, 'icmp: ip reassembly time exceeded (DF)'],
    [12, 0, 20 << 24, 'icmp: parameter problem - octet 20 (DF)'],
    [0, 0, 0, 'icmp: echo reply (DF)'],
    [13, 0, 0, 'icmp: time stamp request (DF)'],
    [42, 0, 0, 'icmp: type-#42 (DF)'],
  ] as const;
  for (const [type, code, rest, text] of cases) assert.equal(icmpLine(type, code, rest), text);
});

test('-vv shows what an ICMP error quotes', () => {
  assert.match(
    icmpLine(11, 0, 0, { ...PLAIN, verbose: 2 }),
    /^icmp: time exceeded in-transit \[icmp cksum ok\] for 192\.0\.2\.1\.5000 > 192\.0\.2\.253\.5001: udp 5 \(DF\) \(ttl 64, id 4660, len 33\)/,
  );
});

test('ICMPv6 errors', () => {
  const quoted = tcp6.slice(14);
  const cases = [
    [1, 0, 0, '2001:db8::fd unreachable route'],
    [1, 1, 0, '2001:db8::fd unreachable prohibited'],
    [1, 2, 0, '2001:db8::fd beyond scope of source address 2001:db8::1'],
    [1, 3, 0, '2001:db8::fd unreachable address'],
    [1, 4, 0, '2001:db8::fd tcp port 80 unreachable'],
    [1, 6, 0, '2001:db8::fd unreachable code-#6'],
    [2, 0, 1280, 'too big 1280'],
    [3, 0, 0, 'time exceeded in-transit for 2001:db8::fd'],
    [4, 1, 40, 'parameter problem next header - octet 40'],
    [200, 0, 0, 'type-#200'],
  ] as const;
  for (const [type, code, rest, text] of cases) {
    const bytes = Uint8Array.of(...echo6.slice(0, 62), ...quoted);
    bytes[19] = 8 + quoted.length;
    icmp6.write(bytes, 54, type, code, rest);
    assert.equal(line(bytes), `2001:db8::1 > 2001:db8::fd: icmp6: ${text}`);
  }
});

test('ports have names without -n', () => {
  assert.match(line(syn, { ...PLAIN, numeric: false }), /^192\.0\.2\.1\.1024 > 192\.0\.2\.253\.www: S/);
  assert.match(
    line(udp6, { ...PLAIN, numeric: false }),
    /^2001:db8::1\.domain > 2001:db8::fd\.domain: udp 1/,
  );
});

test('-q is short', () => {
  const quick = { ...PLAIN, quick: true };
  assert.equal(line(syn, quick), '192.0.2.1.1024 > 192.0.2.253.80: tcp 0 (DF)');
  assert.equal(line(echo, quick), '192.0.2.1 > 192.0.2.253: icmp: 8 0 (DF)');
  assert.match(
    line(arpRequest, { ...quick, ethernet: true }),
    /^02:00:00:00:00:01 02:00:00:00:00:02 42: arp/,
  );
});

test('what the capture cut off', () => {
  const cases = [
    [13, '[|ether]'],
    [33, '[|ip]'],
    [37, '192.0.2.1 > 192.0.2.253: [|tcp] (DF)'],
    [41, '192.0.2.1.1024 > 192.0.2.253.80: [|tcp] (DF)'],
    [42, '192.0.2.1.1024 > 192.0.2.253.80: 123 [|tcp] (DF)'],
    [53, '192.0.2.1.1024 > 192.0.2.253.80: [|tcp] (DF)'],
    [54, '192.0.2.1.1024 > 192.0.2.253.80: S 123:123(0) win 65535 <[|tcp]> (DF)'],
    [60, '192.0.2.1.1024 > 192.0.2.253.80: S 123:123(0) win 65535 <mss 1460,nop,[|tcp]> (DF)'],
  ] as const;
  for (const [captured, text] of cases) {
    const options = { ...PLAIN, wireLength: syn.length };
    assert.equal(dissect(pcap.LINK_ETHERNET, syn, 0, captured, options), text);
  }
});

test('what is really too short', () => {
  const cut = (frame: Uint8Array, length: number) => dissect(1, frame, 0, length, PLAIN);
  assert.equal(
    cut(syn, 60),
    'truncated-ip - 14 bytes missing!192.0.2.1.1024 > 192.0.2.253.80: S [bad hdr length] (DF)',
  );
  assert.match(cut(udp6, 60), /^truncated-ip6 - 3 bytes missing!2001:db8::1 > 2001:db8::fd: \[\|udp\]/);
  assert.equal(line(changed(syn, (bytes) => bytes.fill(0x44, 14, 15))), 'bad-hlen 16');
  assert.equal(line(changed(syn, (bytes) => bytes.fill(0x95, 14, 15))), 'bad-ip-version 9');
  assert.equal(line(changed(tcp6, (bytes) => bytes.fill(0x40, 14, 15))), 'bad-ip6-version 4');
});

test('-x and -X', () => {
  const bytes = changed(udp, () => undefined);
  assert.equal(
    line(bytes, { ...PLAIN, hex: 'x' }),
    '192.0.2.1.5000 > 192.0.2.253.5001: udp 5 (DF)\n' +
      '\t\t\t 4500 0021 1234 4000 4011 a399 c000 0201\n' +
      '\t\t\t c000 02fd 1388 1389 000d 8a3d 4142 4344\n' +
      '\t\t\t 45',
  );
  assert.equal(
    line(bytes, { ...PLAIN, hex: 'X' }),
    '192.0.2.1.5000 > 192.0.2.253.5001: udp 5 (DF)\n' +
      '  0000: 4500 0021 1234 4000 4011 a399 c000 0201  E..!.4@.@.......\n' +
      '  0010: c000 02fd 1388 1389 000d 8a3d 4142 4344  ...........=ABCD\n' +
      '  0020: 45                                       E\n',
  );
  assert.match(line(bytes, { ...PLAIN, ethernet: true, hex: 'x' }), /\n\t\t\t 0200 0000 0002 0200/);
});

test('an unknown link type is named', () => {
  assert.equal(dissect(9, syn, 0, syn.length, PLAIN), 'unknown data link type 0x9');
});
