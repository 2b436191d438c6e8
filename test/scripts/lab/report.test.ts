// SPDX-License-Identifier: ISC
//
// The report on Direct Server Return says what the capture files say, and nothing else.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as pcap from '../../../appliance/wire/pcap.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import type { Capture, Station } from '../../../scripts/lab/network.ts';
import { reportFlow } from '../../../scripts/lab/report.ts';
import { traceFlow } from '../../../scripts/lab/trace.ts';

const folder = mkdtempSync(join(tmpdir(), 'rhine-report-'));
after(() => rmSync(folder, { recursive: true }));

const CLIENT = 0xc6336401 | 0; // 198.51.100.1
const SERVICE = 0xcb007105 | 0; // 203.0.113.5
const FLOW = {
  client: { address: '198.51.100.1', port: 40_000 },
  server: { address: '203.0.113.5', port: 8080 },
};

const NAMES = ['client vr0', 'router vr1', 'router vr0', 'lb vr0', 'web1 vr0', 'web2 vr0'] as const;
type Name = (typeof NAMES)[number];

const stations: Station[] = NAMES.map((name, i) => {
  const [host, vr] = name.split(' ') as [string, string];
  return { host, interface: vr, segment: i < 2 ? 'client' : 'server', linkAddress: `02:00:00:00:00:0${i}` };
});

/** A TCP segment of the flow from one station to another. */
function frame(from: Name, to: Name, request: boolean, ttl = 63, flags = tcp.FLAG_ACK): Uint8Array {
  const bytes = new Uint8Array(ethernet.HEADER_LENGTH + ipv4.HEADER_LENGTH + tcp.HEADER_LENGTH);
  const network = ethernet.HEADER_LENGTH;
  const transport = network + ipv4.HEADER_LENGTH;
  ethernet.setDestination(bytes, 0, 0x0200, NAMES.indexOf(to));
  ethernet.setSource(bytes, 0, 0x0200, NAMES.indexOf(from));
  ethernet.setType(bytes, 0, ethernet.TYPE_IPV4);
  bytes[network] = 0x45;
  ipv4.setTotalLength(bytes, network, bytes.length - network);
  ipv4.setTtl(bytes, network, ttl);
  ipv4.setProtocol(bytes, network, ipv4.PROTOCOL_TCP);
  ipv4.setSource(bytes, network, request ? CLIENT : SERVICE);
  ipv4.setDestination(bytes, network, request ? SERVICE : CLIENT);
  ipv4.fillChecksum(bytes, network);
  tcp.setSourcePort(bytes, transport, request ? FLOW.client.port : FLOW.server.port);
  tcp.setDestinationPort(bytes, transport, request ? FLOW.server.port : FLOW.client.port);
  tcp.setHeaderLength(bytes, transport, tcp.HEADER_LENGTH);
  tcp.setFlags(bytes, transport, flags);
  return bytes;
}

function capture(name: Name, frames: readonly Uint8Array[]): Capture {
  const size = frames.reduce(
    (sum, one) => sum + pcap.RECORD_HEADER_LENGTH + one.length,
    pcap.FILE_HEADER_LENGTH,
  );
  const file = new Uint8Array(size);
  pcap.writeFileHeader(file, 0, pcap.LINK_ETHERNET, 65_535);
  let at = pcap.FILE_HEADER_LENGTH;
  for (const one of frames) {
    pcap.writeRecordHeader(file, at, 1, 0, one.length, one.length);
    file.set(one, pcap.frameAt(at));
    at = pcap.frameAt(at) + one.length;
  }
  const [host, vr] = name.split(' ') as [string, string];
  const path = join(folder, `${host}-${vr}-${Math.random()}.pcap`);
  writeFileSync(path, file);
  return { host, interface: vr, file: path };
}

/** What router and balancer capture of one request and one reply, when all is as the article says. */
function direct(): Capture[] {
  const arrived = frame('router vr0', 'lb vr0', true);
  const sentOn = frame('lb vr0', 'web2 vr0', true);
  return [
    capture('router vr1', [
      frame('client vr0', 'router vr1', true, 64),
      frame('router vr1', 'client vr0', false, 62),
    ]),
    capture('router vr0', [arrived, frame('web2 vr0', 'router vr0', false, 64)]),
    capture('lb vr0', [arrived, sentOn]),
  ];
}

test('hops in the order the packets take them', () => {
  const hops = traceFlow(FLOW, direct(), stations);
  assert.deepEqual(
    hops.map(
      (hop) => `${hop.direction} ${hop.from.host} ${hop.to.host} ${hop.frames.length} ${hop.seenBy.length}`,
    ),
    [
      'request client router 1 1',
      'request router lb 1 2',
      'request lb web2 1 1',
      'reply web2 router 1 1',
      'reply router client 1 1',
    ],
  );
});

test('Direct Server Return is recognised, and who answered', () => {
  const report = reportFlow(FLOW, 'lb', direct(), stations);
  assert.equal(report.answeredBy, 'web2');
  assert.equal(report.directServerReturn, true);
});

test('a reply through the load balancer is not Direct Server Return', () => {
  const through = capture('lb vr0', [
    frame('router vr0', 'lb vr0', true),
    frame('lb vr0', 'web2 vr0', true),
    frame('web2 vr0', 'lb vr0', false),
  ]);
  const report = reportFlow(FLOW, 'lb', [...direct().slice(0, 2), through], stations);
  assert.equal(report.directServerReturn, false);
  assert.ok(report.lines.includes('  replies through lb: 1 frames'));
});

test('a packet that the load balancer changed is not sent on as it came', () => {
  const changed = capture('lb vr0', [
    frame('router vr0', 'lb vr0', true, 63),
    frame('lb vr0', 'web2 vr0', true, 62),
  ]);
  const report = reportFlow(FLOW, 'lb', [...direct().slice(0, 2), changed], stations);
  assert.equal(report.directServerReturn, false);
});

test('without frames there is nothing to report', () => {
  const report = reportFlow(FLOW, 'lb', [capture('lb vr0', [])], stations);
  assert.equal(report.answeredBy, undefined);
  assert.equal(report.directServerReturn, false);
  assert.ok(report.lines.some((line) => line.includes('no request passed lb')));
});
