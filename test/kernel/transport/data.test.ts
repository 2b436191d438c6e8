// SPDX-License-Identifier: ISC
//
// Data: segments and acknowledgments, windows and their probes (RFC 9293 3.8), Nagle, loss and recovery (RFC 5681, 6298, 6582, 6675).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_OFFLOADS } from '../../../drivers/memory.ts';
import { play } from './script.ts';

/** A connection that the peer has opened with MSS 1000 and nothing else. */
const OPEN = `
  call listen
  < S 0 <mss 1000>
  > S. 0:0 ack 1
  < . 1 ack 1
  ! accepted
`;

const WITH_SACK = `
  call listen
  < S 0 <mss 1000,sackOK>
  > S. 0:0 ack 1
  < . 1 ack 1
  ! accepted
`;

const SCRIPTS: Record<string, string> = {
  'every second full segment is acknowledged at once, the last one after a while': `
    ${OPEN}
    < . 1 ack 1 len 1000
    nothing
    < . 1001 ack 1 len 1000
    > . 1:1 ack 2001
    < P. 2001 ack 1 len 1000
    nothing
    wait 100
    > . 1:1 ack 3001
    received 3000`,
  'what comes out of order is acknowledged at once, and when the gap is filled': `
    ${OPEN}
    < . 1001 ack 1 len 1000
    > . 1:1 ack 1
    < . 2001 ack 1 len 1000
    > . 1:1 ack 1
    received 0
    < . 1 ack 1 len 1000
    > . 1:1 ack 3001
    received 3000`,
  'SACK reports the newest range first (RFC 2018 4)': `
    ${WITH_SACK}
    < . 1001 ack 1 len 500
    > . 1:1 ack 1 <sack 1001-1501>
    < . 3001 ack 1 len 500
    > . 1:1 ack 1 <sack 3001-3501 1001-1501>
    < . 5001 ack 1 len 500
    > . 1:1 ack 1 <sack 5001-5501 3001-3501 1001-1501>
    < . 1501 ack 1 len 500
    > . 1:1 ack 1 <sack 1001-2001 5001-5501 3001-3501>
    < . 2001 ack 1 len 1000
    > . 1:1 ack 1 <sack 1001-3501 5001-5501>
    < . 1 ack 1 len 1000
    > . 1:1 ack 3501 <sack 5001-5501>
    received 3500
    < . 3501 ack 1 len 1000
    > . 1:1 ack 4501 <sack 5001-5501>
    < . 4501 ack 1 len 500
    > . 1:1 ack 5501
    received 5500`,
  'a FIN that came early counts when its turn comes': `
    ${OPEN}
    < F. 1001 ack 1 len 1000
    > . 1:1 ack 1
    = ESTABLISHED
    < . 1 ack 1 len 1000
    > . 1:1 ack 2002
    ! fin
    = CLOSE_WAIT
    received 2000`,
  'segments that overlap what is there are trimmed': `
    ${OPEN}
    < . 1 ack 1 len 1000
    < . 501 ack 1 len 1000
    > . 1:1 ack 1501
    received 1500
    < . 1 ack 1 len 1400
    > . 1:1 ack 1501
    received 1500`,
  'Nagle holds a short segment back while something is under way, noDelay does not': `
    ${OPEN}
    call send 10
    > P. 1:11 ack 1
    call send 10
    call send 10
    nothing
    < . 1 ack 11
    > P. 11:31 ack 1
    call noDelay
    call send 5
    > P. 31:36 ack 1`,
  'full segments do not wait': `
    ${OPEN}
    call send 1500
    > . 1:1001 ack 1
    nothing
    < . 1 ack 1001
    > P. 1001:1501 ack 1`,
  'the initial window is ten segments (RFC 6928), then two for each acknowledged one': `
    ${OPEN}
    call send 20000
    > . 1:1001 ack 1
    > . 1001:2001 ack 1
    > . 2001:3001 ack 1
    > . 3001:4001 ack 1
    > . 4001:5001 ack 1
    > . 5001:6001 ack 1
    > . 6001:7001 ack 1
    > . 7001:8001 ack 1
    > . 8001:9001 ack 1
    > . 9001:10001 ack 1
    nothing
    < . 1 ack 2001
    > . 10001:11001 ack 1
    > . 11001:12001 ack 1
    > . 12001:13001 ack 1
    > . 13001:14001 ack 1`,
  'the peer decides how much may be under way': `
    call listen
    < S 0 win 1500 <mss 1000>
    > S. 0:0 ack 1
    < . 1 ack 1 win 1500
    ! accepted
    call send 3000
    > . 1:1001 ack 1
    nothing
    < . 1 ack 1001 win 5000
    > . 1001:2001 ack 1
    > P. 2001:3001 ack 1`,
  'a closed window is probed with doubling intervals, for as long as the peer answers': `
    ${OPEN}
    call send 1000
    > P. 1:1001 ack 1
    < . 1 ack 1001 win 0
    call send 500
    nothing
    wait 250
    > . 1001:1002 ack 1
    < . 1 ack 1001 win 0
    wait 300
    nothing
    wait 100
    > . 1001:1002 ack 1
    < . 1 ack 1001 win 0
    wait 800
    > . 1001:1002 ack 1
    < . 1 ack 1001 win 4000
    > P. 1001:1501 ack 1`,
  'a byte that the probe brought is not sent again': `
    ${OPEN}
    call send 1000
    > P. 1:1001 ack 1
    < . 1 ack 1001 win 0
    call send 500
    wait 250
    > . 1001:1002 ack 1
    < . 1 ack 1002 win 4000
    > P. 1002:1501 ack 1`,
  'a FIN waits for a closed window, and is the probe': `
    ${OPEN}
    call send 1000
    > P. 1:1001 ack 1
    < . 1 ack 1001 win 0
    call shutdown
    nothing
    wait 250
    > F. 1001:1001 ack 1
    < . 1 ack 1002 win 0
    = FIN_WAIT_2`,
  'a window too small for a segment is not used until nothing else helps': `
    ${OPEN}
    call send 1000
    > P. 1:1001 ack 1
    < . 1 ack 1001 win 400
    call send 2000
    nothing
    wait 250
    > . 1001:1401 ack 1
    < . 1 ack 1401 win 2000
    > . 1401:2401 ack 1`,
  'our window closes with what is not read, answers probes, and opens again': `
    ${OPEN}
    call pause
    < . 1 ack 1 len 1000
    < . 1001 ack 1 len 1000
    > . 1:1 ack 2001 win 65535
    call read
    nothing`,
  'a lost segment is sent again after the timeout, which doubles': `
    ${OPEN}
    call send 500
    > P. 1:501 ack 1
    wait 250
    > P. 1:501 ack 1
    wait 300
    nothing
    wait 100
    > P. 1:501 ack 1
    < . 1 ack 501
    nothing`,
  'after the timeout one segment, then as many as are acknowledged twice': `
    ${OPEN}
    call send 4000
    > . 1:1001 ack 1
    > . 1001:2001 ack 1
    > . 2001:3001 ack 1
    > P. 3001:4001 ack 1
    wait 250
    > . 1:1001 ack 1
    nothing
    < . 1 ack 1001
    > . 1001:2001 ack 1
    > . 2001:3001 ack 1`,
  'fast retransmit after three duplicates, new data for the first two (RFC 3042, 5681, 6582)': `
    ${OPEN}
    call send 5000
    > . 1:1001 ack 1
    > . 1001:2001 ack 1
    > . 2001:3001 ack 1
    > . 3001:4001 ack 1
    > P. 4001:5001 ack 1
    < . 1 ack 1
    nothing
    < . 1 ack 1
    nothing
    < . 1 ack 1
    > . 1:1001 ack 1
    < . 1 ack 1
    < . 1 ack 2001
    > . 2001:3001 ack 1
    < . 1 ack 5001
    nothing`,
  'the first two duplicates let new data out (RFC 3042)': `
    ${OPEN}
    call send 12000
    > . 1:1001 ack 1
    > . 1001:2001 ack 1
    > . 2001:3001 ack 1
    > . 3001:4001 ack 1
    > . 4001:5001 ack 1
    > . 5001:6001 ack 1
    > . 6001:7001 ack 1
    > . 7001:8001 ack 1
    > . 8001:9001 ack 1
    > . 9001:10001 ack 1
    < . 1 ack 1
    > . 10001:11001 ack 1
    < . 1 ack 1
    > P. 11001:12001 ack 1
    < . 1 ack 1
    > . 1:1001 ack 1`,
  'SACK says what is lost, and nothing else is sent again (RFC 6675)': `
    ${WITH_SACK}
    call send 8000
    > . 1:1001 ack 1
    > . 1001:2001 ack 1
    > . 2001:3001 ack 1
    > . 3001:4001 ack 1
    > . 4001:5001 ack 1
    > . 5001:6001 ack 1
    > . 6001:7001 ack 1
    > P. 7001:8001 ack 1
    < . 1 ack 1 <sack 1001-2001>
    < . 1 ack 1 <sack 1001-2001 3001-4001>
    nothing
    < . 1 ack 1 <sack 1001-2001 3001-5001>
    > . 1:1001 ack 1
    < . 1 ack 1 <sack 1001-2001 3001-7001>
    > . 2001:3001 ack 1
    < . 1 ack 7001
    nothing
    < . 1 ack 8001
    nothing`,
  'after a timeout what the peer holds is left out': `
    ${WITH_SACK}
    call send 4000
    > . 1:1001 ack 1
    > . 1001:2001 ack 1
    > . 2001:3001 ack 1
    > P. 3001:4001 ack 1
    < . 1 ack 1 <sack 1001-2001>
    < . 1 ack 1 <sack 1001-3001>
    nothing
    wait 250
    > . 1:1001 ack 1
    < . 1 ack 3001
    > P. 3001:4001 ack 1`,
  'a peer that takes back what it held gets it again (RFC 2018 8)': `
    ${WITH_SACK}
    call send 2000
    > . 1:1001 ack 1
    > P. 1001:2001 ack 1
    < . 1 ack 1 <sack 1001-2001>
    wait 250
    > . 1:1001 ack 1
    < . 1 ack 1001
    wait 450
    > P. 1001:2001 ack 1`,
  'SACK blocks that cannot be are ignored': `
    ${WITH_SACK}
    call send 2000
    > . 1:1001 ack 1
    > P. 1001:2001 ack 1
    < . 1 ack 1 <sack 1501-9001>
    < . 1 ack 1 <sack 1901-1801>
    < . 1 ack 1 <sack -500-200>
    nothing
    wait 250
    > . 1:1001 ack 1`,
  'keepalive asks an idle peer, and gives up when it says nothing': `
    ${OPEN}
    call keepAlive
    wait 7199000
    nothing
    wait 1000
    > . 0:0 ack 1
    < . 1 ack 1
    wait 7200000
    > . 0:0 ack 1
    wait 75000
    > . 0:0 ack 1
    wait 75000
    > . 0:0 ack 1
    wait 75000
    > . 0:0 ack 1
    wait 75000
    > . 0:0 ack 1
    wait 75000
    > . 0:0 ack 1
    wait 75000
    > . 0:0 ack 1
    wait 75000
    > . 0:0 ack 1
    wait 75000
    > R. 1:1 ack 1
    ! closed ETIMEDOUT`,
  'a keepalive probe is answered': `
    ${OPEN}
    < . 0 ack 1
    > . 1:1 ack 1`,
  'the window scale of the peer is used, but not in its SYN': `
    call listen
    < S 0 win 1000 <mss 1000,wscale 3>
    > S. 0:0 ack 1 win 65535 <mss 1460,wscale 3>
    < . 1 ack 1 win 250
    ! accepted
    call send 3000
    > . 1:1001 ack 1
    > . 1001:2001 ack 1`,
};

for (const [name, script] of Object.entries(SCRIPTS)) test(name, () => void play(script));

test('a peer that never answers is given up', () => {
  const conversation = play(OPEN);
  conversation.host.call('socket.send', { id: conversation.user, data: new Uint8Array(500) });
  conversation.world.run(900_000_000);
  conversation.forget().play('! closed ETIMEDOUT');
});

test('with offload a device gets one large segment, whole segments of which it is cut', () => {
  const conversation = play(OPEN, { capabilities: ALL_OFFLOADS });
  conversation.play('call send 12345\n> . 1:10001 ack 1\n< . 1 ack 10001\n> . 10001:12001 ack 1');
});

test('a large segment is received as one and acknowledged at once', () => {
  const conversation = play(OPEN, { capabilities: ALL_OFFLOADS });
  conversation.sendLarge('P. 1 ack 1 len 30000', 1000);
  conversation.play('> . 1:1 ack 30001\nreceived 30000');
});

test('the receive window is bounded, closes and opens', () => {
  const conversation = play(
    'call listen\n< S 0 <mss 1000,wscale 0>\n> S. 0:0 ack 1\n< . 1 ack 1\n! accepted\ncall pause',
  );
  let sequence = 1;
  for (let i = 0; i < 511; i++) {
    conversation.play(`< . ${sequence} ack 1 len 1000`).forget();
    sequence += 1000;
  }
  conversation.play(`< . ${sequence} ack 1 len 1000`);
  conversation.play(`> . 1:1 ack ${sequence + 1000} win 0`);
  sequence += 1000;
  assert.equal(conversation.received, 512_000);
  conversation.play(`< . ${sequence} ack 1 len 1\n> . 1:1 ack ${sequence} win 0`);
  assert.equal(conversation.received, 512_000);
  conversation.play(`call read\n> . 1:1 ack ${sequence} win 64000`);
});
