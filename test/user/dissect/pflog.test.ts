// SPDX-License-Identifier: ISC
//
// Lines for packets from pflog(4).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DissectOptions, dissect } from '../../../appliance/user/dissect/dissect.ts';
import * as pcap from '../../../appliance/wire/pcap.ts';
import * as pflog from '../../../appliance/wire/pflog.ts';
import { syn, tcp6 } from '../../support/frames.ts';

const OPTIONS: DissectOptions = { numeric: true, ethernet: true, verbose: 0 };
const PACKET = '192.0.2.1.1024 > 192.0.2.253.80: S 123:123(0)';

const ascii = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** A logged packet: rule 7 blocked it on vr0. */
function logged(packet: Uint8Array, change: (bytes: Uint8Array) => void = () => undefined): Uint8Array {
  const bytes = new Uint8Array(pflog.HEADER_LENGTH + packet.length);
  pflog.write(bytes, 0, pflog.AF_INET, pflog.ACTION_BLOCK, 0, 7, pflog.NONE, pflog.DIRECTION_IN);
  pflog.setName(bytes, pflog.interfaceAt(0), ascii('vr0'), 3);
  pflog.setRuleOwner(bytes, 0, 0, 4711);
  bytes.set(packet, pflog.HEADER_LENGTH);
  change(bytes);
  return bytes;
}

function line(bytes: Uint8Array, options = OPTIONS): string {
  return dissect(pcap.LINK_PFLOG, bytes, 0, bytes.length, options);
}

test('rule, reason, action, direction, interface', () => {
  const text = line(logged(syn.slice(14)));
  assert.ok(text.startsWith(`rule 7/(match) block in on vr0: ${PACKET}`), text);
});

test('without -e the packet alone', () => {
  assert.ok(line(logged(syn.slice(14)), { ...OPTIONS, ethernet: false }).startsWith(PACKET));
});

test('the number within an anchor', () => {
  const bytes = logged(syn.slice(14), (header) => {
    pflog.write(header, 0, pflog.AF_INET, pflog.ACTION_PASS, 0, 4, 2, pflog.DIRECTION_OUT);
    pflog.setName(header, pflog.interfaceAt(0), ascii('vr1'), 3);
    pflog.setName(header, pflog.rulesetAt(0), ascii('ftp'), 3);
  });
  assert.match(line(bytes), /^rule 4\.ftp\.2\/\(match\) pass out on vr1: /);
});

test('the default rule, and a reason that has no name', () => {
  const bytes = logged(syn.slice(14), (header) => {
    pflog.write(header, 0, pflog.AF_INET, pflog.ACTION_RDR, 99, pflog.NONE, pflog.NONE, pflog.DIRECTION_IN);
  });
  assert.match(line(bytes), /^rule def\/\(unkn 99\) rdr in on : /);
});

test('-v tells who loaded the rule, who owns the socket, and what was translated', () => {
  const bytes = logged(syn.slice(14), (header) => {
    pflog.setOwner(header, 0, 1000, 42);
    pflog.setOriginal4(header, 0, 0x0a000001, 0xc6336401 | 0);
    pflog.setOriginalPorts(header, 0, 1025, 8080);
  });
  const text = line(bytes, { ...OPTIONS, verbose: 1 });
  const expected =
    'rule 7/(match) [uid 0, pid 4711] block in on vr0: [uid 1000, pid 42] ' +
    '[rewritten: src 10.0.0.1:1025, dst 198.51.100.1:8080] 192.0.2.1.1024';
  assert.ok(text.startsWith(expected), text);
});

test('IPv6, whatever number another system gives to its family', () => {
  const bytes = logged(tcp6.slice(14), (header) => header.fill(10, 1, 2));
  assert.match(line(bytes), /on vr0: 2001:db8::1\.1024 > 2001:db8::fd\.80: \./);
});

test('a name cannot move the cursor', () => {
  const bytes = logged(syn.slice(14), (header) => header.set(ascii('\u001b[2J'), pflog.interfaceAt(0)));
  assert.match(line(bytes), /on \\033\[2J: /);
});

test('the header of 2008, and cut ones', () => {
  const old = logged(syn.slice(14));
  const bytes = Uint8Array.of(...old.slice(0, 64), ...old.slice(100));
  bytes[0] = 61;
  assert.ok(line(bytes).startsWith(`rule 7/(match) block in on vr0: ${PACKET}`));
  assert.equal(line(bytes.slice(0, 63)), '[|pflog]');
  assert.equal(line(bytes.slice(0, 0)), '[|pflog]');
  assert.equal(line(Uint8Array.of(30, 2)), '[pflog: invalid header length!]');
});

test('-x dumps the packet without the header', () => {
  assert.match(line(logged(syn.slice(14)), { ...OPTIONS, hex: 'x' }), /\n\t\t\t 4500 003c/);
});
