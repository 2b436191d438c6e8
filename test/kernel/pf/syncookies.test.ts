// SPDX-License-Identifier: ISC
//
// Syncookies: no state before the client has answered, nothing for forged answers, rules asked as for the SYN, both modes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tcp from '../../../appliance/wire/tcp.ts';
import * as tcpOptions from '../../../appliance/wire/tcpOptions.ts';
import { ip4, tcpSegment } from '../../support/packets.ts';
import { LEFT, LEFT_OWN, RIGHT } from '../../support/router.ts';
import { Filter } from './filter.ts';

const ALWAYS = 'set syncookies always\nblock all\npass proto tcp to port 80\n';

function out(filter: Filter, flags: number, sequence: number, acknowledgment: number, from = 1024, to = 80) {
  const options = flags === tcp.FLAG_SYN ? Uint8Array.of(2, 4, 5, 0x78) : undefined;
  const segment = tcpSegment({ from, to, flags, sequence, acknowledgment, ...(options && { options }) });
  return filter.left(ip4({ source: LEFT, destination: RIGHT }, segment));
}

function back(filter: Filter, flags: number, sequence: number, acknowledgment: number) {
  const segment = tcpSegment({ from: 80, to: 1024, flags, sequence, acknowledgment });
  return filter.right(ip4({ source: RIGHT, destination: LEFT }, segment));
}

/** The cookie that answers a SYN. */
function cookieOf(lines: readonly string[]): number {
  const [, cookie] =
    new RegExp(`^left ${RIGHT}:\\d+ > ${LEFT}:\\d+ S\\. (\\d+) ack 1001$`).exec(lines[0] ?? '') ?? [];
  assert.ok(cookie !== undefined, String(lines));
  return Number(cookie);
}

function limits(filter: Filter): readonly (number | undefined)[] {
  const { limitCounters } = filter.router.host.call('pf.status', {});
  return ['synfloods detected', 'syncookies sent', 'syncookies validated'].map((name) => limitCounters[name]);
}

test('a handshake in the place of the server, then with it, and data both ways', () => {
  const filter = new Filter(ALWAYS);
  const cookie = cookieOf(out(filter, tcp.FLAG_SYN, 1000, 0));
  assert.deepEqual(filter.states(), []);
  const [syn] = out(filter, tcp.FLAG_ACK, 1001, cookie + 1);
  const sequence = Number(new RegExp(`^right ${LEFT}:1024 > ${RIGHT}:80 S (\\d+)$`).exec(syn ?? '')?.[1]);
  assert.ok(sequence >= 0, syn);
  assert.deepEqual(back(filter, tcp.FLAG_SYN | tcp.FLAG_ACK, 7000, sequence + 1), [
    `left ${RIGHT}:80 > ${LEFT}:1024 . ${(cookie + 1) >>> 0} ack 1001`,
    `right ${LEFT}:1024 > ${RIGHT}:80 . ${(sequence + 1) >>> 0} ack 7001`,
  ]);
  const data = tcpSegment({ from: 1024, to: 80, sequence: 1001, acknowledgment: cookie + 1 }, 'GET');
  assert.deepEqual(filter.left(ip4({ source: LEFT, destination: RIGHT }, data)), [
    `right ${LEFT}:1024 > ${RIGHT}:80 . ${(sequence + 1) >>> 0} ack 7001 (3)`,
  ]);
  assert.deepEqual(back(filter, tcp.FLAG_ACK, 7001, sequence + 4), [
    `left ${RIGHT}:80 > ${LEFT}:1024 . ${(cookie + 1) >>> 0} ack 1004`,
  ]);
  assert.deepEqual(limits(filter), [0, 1, 1]);
  const { states } = filter.router.host.call('pf.status', {});
  assert.equal(states.halfOpen, 0);
});

test('the server hears of the segment size that the cookie remembered', () => {
  const filter = new Filter(ALWAYS);
  const cookie = cookieOf(out(filter, tcp.FLAG_SYN, 1000, 0));
  out(filter, tcp.FLAG_ACK, 1001, cookie + 1);
  const [frame] = filter.router.rightWire.take().slice(-1);
  const at = 14 + 20;
  assert.equal(tcpOptions.mss(frame!, tcpOptions.find(frame!, at, tcpOptions.MSS)), 1400);
});

test('an answer that is forged, late, or used before makes nothing', () => {
  const filter = new Filter(ALWAYS);
  assert.deepEqual(out(filter, tcp.FLAG_ACK, 1001, 5000), [], 'none was sent');
  const cookie = cookieOf(out(filter, tcp.FLAG_SYN, 1000, 0));
  assert.deepEqual(out(filter, tcp.FLAG_ACK, 1001, (cookie ^ 0x10000) + 1), []);
  assert.deepEqual(out(filter, tcp.FLAG_ACK, 1002, cookie + 1), [], 'another sequence number');
  assert.deepEqual(out(filter, tcp.FLAG_ACK, 1001, cookie + 1, 1025), [], 'another port');
  filter.pass(31);
  assert.deepEqual(out(filter, tcp.FLAG_ACK, 1001, cookie + 1), [], 'both keys have changed');
  assert.deepEqual(filter.states(), []);
  assert.deepEqual(limits(filter), [0, 1, 0]);
});

test('rules decide on the SYN once it is known to be meant', () => {
  const filter = new Filter(ALWAYS);
  const cookie = cookieOf(out(filter, tcp.FLAG_SYN, 1000, 0, 1024, 22));
  assert.deepEqual(out(filter, tcp.FLAG_ACK, 1001, cookie + 1, 1024, 22), []);
  assert.deepEqual(filter.states(), []);
  filter.load('set syncookies always\nblock return\n');
  const other = cookieOf(out(filter, tcp.FLAG_SYN, 1000, 0, 1024, 22));
  assert.match(out(filter, tcp.FLAG_ACK, 1001, other + 1, 1024, 22)[0] ?? '', / R\. /);
});

test('with a redirection, and with a rule that asks for synproxy itself', () => {
  const filter = new Filter(
    `set syncookies always\npass in proto tcp to ${LEFT_OWN} port 8080 rdr-to ${RIGHT} port 80 synproxy state\npass out\n`,
  );
  const send = (flags: number, sequence: number, acknowledgment: number) =>
    filter.left(
      ip4(
        { source: LEFT, destination: LEFT_OWN },
        tcpSegment({ from: 1024, to: 8080, flags, sequence, acknowledgment }),
      ),
    );
  const [answer] = send(tcp.FLAG_SYN, 1000, 0);
  const cookie = Number(/S\. (\d+) ack 1001$/.exec(answer ?? '')?.[1]);
  assert.match(
    send(tcp.FLAG_ACK, 1001, cookie + 1)[0] ?? '',
    new RegExp(`^right ${LEFT}:1024 > ${RIGHT}:80 S \\d+$`),
  );
});

test('adaptive: from a share of half-open states on, until few are left', () => {
  const filter = new Filter(
    'set limit states 100\nset syncookies adaptive (start 20%, end 10%)\nset timeout tcp.first 20\npass\n',
  );
  let answered = 0;
  for (let port = 2000; port < 2040; port++) {
    if (out(filter, tcp.FLAG_SYN, 1000, 0, port)[0]?.startsWith('left')) answered++;
  }
  // Each connection has a state on both interfaces: 21 are half open after the eleventh SYN.
  assert.equal(answered, 29);
  assert.equal(filter.states().length, 22);
  assert.deepEqual(limits(filter), [1, 29, 0]);
  assert.deepEqual(filter.router.host.call('pf.status', {}).syncookies, { start: 20, end: 10 });
  filter.pass(40);
  assert.match(out(filter, tcp.FLAG_SYN, 1000, 0, 3000)[0] ?? '', /^right/);
  assert.deepEqual(limits(filter), [1, 29, 0]);
});
