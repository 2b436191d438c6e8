// SPDX-License-Identifier: ISC
//
// Packets as trees: which headers, which fields; and any bytes at all.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { frameJson, readFrameJson } from '../../../appliance/user/captureJson.ts';
import { decode } from '../../../appliance/user/dissect/tree.ts';
import * as pcap from '../../../appliance/wire/pcap.ts';
import * as frames from '../../support/frames.ts';

const treeOf = (frame: Uint8Array) => decode(pcap.LINK_ETHERNET, frame, frame.length);
const namesOf = (frame: Uint8Array) => treeOf(frame).map(({ name }) => name);
/** The fields of the header with this name, as `name value`. */
const fieldsOf = (frame: Uint8Array, name: string) =>
  treeOf(frame)
    .find((layer) => layer.name === name)!
    .fields.map((field) => field.join(' '));

test('the headers of a packet, outer ones first, and its bytes', () => {
  for (const [frame, ...names] of [
    [frames.arpRequest, 'Ethernet', 'ARP', '42 bytes'],
    [frames.syn, 'Ethernet', 'IPv4', 'TCP', '74 bytes'],
    [frames.unreachPort, 'Ethernet', 'IPv4', 'ICMP', 'IPv4', 'UDP', '70 bytes'],
    [frames.tcp6, 'Ethernet', 'IPv6', 'TCP', '74 bytes'],
    [frames.frag6, 'Ethernet', 'IPv6', 'IPv6 extension header'],
    [frames.carp, 'Ethernet', 'IPv4', 'carp'],
    [frames.mld2, 'Ethernet', 'IPv6', 'IPv6 extension header', 'ICMPv6'],
  ] as const) {
    assert.deepEqual(namesOf(frame).slice(0, names.length), names);
  }
});

test('a segment, field by field', () => {
  assert.deepEqual(fieldsOf(frames.syn, 'Ethernet'), [
    'destination 02:00:00:00:00:02',
    'source 02:00:00:00:00:01',
    'type 0x0800 (IPv4)',
  ]);
  assert.deepEqual(fieldsOf(frames.syn, 'IPv4'), [
    'header length 20',
    'type of service 0x00',
    'total length 60',
    'identification 4660',
    "flags don't fragment",
    'fragment offset 0',
    'ttl 64',
    'protocol 6 (tcp)',
    'checksum 0xa389 ok',
    'source 192.0.2.1',
    'destination 192.0.2.253',
  ]);
  assert.deepEqual(fieldsOf(frames.syn, 'TCP'), [
    'source port 1024',
    'destination port 80 (www)',
    'sequence 123',
    'acknowledgment 0',
    'header length 40',
    'flags 0x02 S',
    'window 65535',
    'checksum 0x79d1 tcp sum ok',
    'urgent pointer 0',
    'options <mss 1460,nop,wscale 6,sackOK,timestamp 287454020 0>',
  ]);
  assert.deepEqual(treeOf(frames.syn).at(-1)!.fields[0], [
    '0000',
    '0200 0000 0002 0200 0000 0001 0800 4500  ..............E.',
  ]);
});

test('a wrong checksum, and a packet that the capture cut', () => {
  const wrong = frames.syn.slice();
  wrong[24]! ^= 1;
  assert.ok(fieldsOf(wrong, 'IPv4').includes('checksum 0xa289 bad, 0xa389 is right'));
  const cut = decode(pcap.LINK_ETHERNET, frames.syn.subarray(0, 40), frames.syn.length);
  assert.deepEqual(
    cut.map(({ name }) => name),
    ['Ethernet', 'IPv4', '40 of 74 bytes'],
  );
});

test('a frame as a line of JSON, and back', () => {
  const frame = { time: 1_764_000_000_123_456, linkType: 1, wireLength: 99, text: 'x', bytes: frames.echo };
  const line = frameJson(frame, false);
  assert.equal(JSON.parse(line).time, '2025-11-24T16:00:00.123456Z');
  assert.deepEqual(readFrameJson(line), frame);
  const { layers } = JSON.parse(frameJson(frame, true));
  assert.deepEqual(layers[1].fields.at(-1), ['destination', '192.0.2.253']);
});

test('any bytes make a tree, cut anywhere', () => {
  const kinds = Object.values(frames);
  fc.assert(
    fc.property(
      fc.constantFrom(pcap.LINK_ETHERNET, pcap.LINK_RAW, pcap.LINK_PFLOG, 0),
      fc.constantFrom(...kinds),
      fc.array(fc.tuple(fc.nat(160), fc.nat(255)), { maxLength: 6 }),
      fc.nat(160),
      fc.nat(70_000),
      (linkType, frame, changes, size, wireLength) => {
        const bytes = frame.slice(0, size);
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        const layers = decode(linkType, bytes, wireLength);
        for (const field of layers.flatMap(({ fields }) => fields)) {
          assert.match(field.join(' '), /^[\t\x20-\x7e]*$/);
          assert.doesNotMatch(field.join(' '), /undefined|NaN/);
        }
      },
    ),
    { numRuns: 3_000 },
  );
});
