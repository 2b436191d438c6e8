// SPDX-License-Identifier: ISC
//
// Opening and closing in every order (RFC 9293 3.5, 3.6, figures 6 to 14), and what is answered in each state (3.10.7).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { play } from './script.ts';

/** A connection that the peer has opened; both have said nothing else. */
const ACCEPTED = `
  call listen
  < S 0 <mss 1460>
  > S. 0:0 ack 1
  < . 1 ack 1
  ! accepted
  = ESTABLISHED
`;

/** A connection that the kernel has opened. */
const CONNECTED = `
  call connect
  > S 0:0
  = SYN_SENT
  < S. 0 ack 1 <mss 1460>
  > . 1:1 ack 1
  ! connected
  = ESTABLISHED
`;

const SCRIPTS: Record<string, string> = {
  'active open offers MSS, scaling, SACK and timestamps': `
    call connect
    > S 0:0 win 65535 <mss 1460,wscale 3,sackOK,ecr 0>
    < S. 0 ack 1 <mss 1000,wscale 2,sackOK,TS 77 0>
    > . 1:1 ack 1 win 64000 <ecr 77>`,
  'passive open agrees to what is offered and to no more': `
    call listen
    < S 0 <mss 1460,sackOK>
    > S. 0:0 ack 1 win 65535 <mss 1460,sackOK>
    = SYN_RCVD
    < . 1 ack 1
    ! accepted`,
  'simultaneous open (figure 7)': `
    call connect
    > S 0:0
    < S 0 <mss 1460>
    > S. 0:0 ack 1
    = SYN_RCVD
    < S. 0 ack 1 <mss 1460>
    > . 1:1 ack 1
    ! connected
    = ESTABLISHED`,
  'an old duplicate SYN is answered and reset by its sender (figure 8)': `
    call listen
    < S -500 <mss 1460>
    > S. 0:0 ack -499
    = SYN_RCVD
    < R -499
    = CLOSED
    < S 0 <mss 1460>
    > S. 0:0 ack 1
    < . 1 ack 1
    ! accepted`,
  'a half-open peer is found out (figure 9)': `
    ${CONNECTED}
    call send 10
    > P. 1:11 ack 1
    < R 1
    ! closed ECONNRESET
    = CLOSED`,
  'the user closes first, the peer answers and closes (figure 12)': `
    ${CONNECTED}
    call shutdown
    > F. 1:1 ack 1
    = FIN_WAIT_1
    < . 1 ack 2
    = FIN_WAIT_2
    < F. 1 ack 2
    > . 2:2 ack 2
    ! fin
    ! closed
    = TIME_WAIT
    wait 59000
    = TIME_WAIT
    wait 1001
    = CLOSED
    nothing`,
  'FIN and its acknowledgment in one segment': `
    ${CONNECTED}
    call shutdown
    > F. 1:1 ack 1
    < F. 1 ack 2
    > . 2:2 ack 2
    = TIME_WAIT`,
  'both close at once (figure 13)': `
    ${CONNECTED}
    call shutdown
    > F. 1:1 ack 1
    < F. 1 ack 1
    > . 2:2 ack 2
    ! fin
    = CLOSING
    < . 2 ack 2
    ! closed
    = TIME_WAIT`,
  'the peer closes first': `
    ${ACCEPTED}
    < F. 1 ack 1
    > . 1:1 ack 2
    ! fin
    = CLOSE_WAIT
    call send 10
    > P. 1:11 ack 2
    < . 2 ack 11
    call close
    > F. 11:11 ack 2
    = LAST_ACK
    < . 2 ack 12
    = CLOSED
    nothing`,
  'half close: what comes after our FIN is received': `
    ${CONNECTED}
    call shutdown
    > F. 1:1 ack 1
    < . 1 ack 2
    < P. 1 ack 2 len 100
    received 100
    wait 150
    > . 2:2 ack 101
    < F. 101 ack 2 len 50
    > . 2:2 ack 152
    received 150
    ! fin
    ! closed
    = TIME_WAIT`,
  'a FIN follows what was sent': `
    ${CONNECTED}
    call send 2000
    > . 1:1461 ack 1
    call shutdown
    > FP. 1461:2001 ack 1
    = FIN_WAIT_1
    < . 1 ack 2002
    = FIN_WAIT_2`,
  'a lost FIN is sent again': `
    ${CONNECTED}
    call shutdown
    > F. 1:1 ack 1
    wait 250
    > F. 1:1 ack 1
    wait 450
    > F. 1:1 ack 1
    < . 1 ack 2
    = FIN_WAIT_2`,
  'in TIME_WAIT a repeated FIN is acknowledged and the wait begins anew': `
    ${CONNECTED}
    call shutdown
    > F. 1:1 ack 1
    < F. 1 ack 2
    > . 2:2 ack 2
    wait 50000
    < F. 1 ack 2
    > . 2:2 ack 2
    wait 50000
    = TIME_WAIT
    wait 11000
    = CLOSED`,
  'a reset does not end TIME_WAIT (RFC 1337)': `
    ${CONNECTED}
    call shutdown
    > F. 1:1 ack 1
    < F. 1 ack 2
    > . 2:2 ack 2
    < R 2
    = TIME_WAIT
    nothing`,
  'a new SYN with a higher number reuses TIME_WAIT, a lower one does not': `
    ${ACCEPTED}
    call shutdown
    > F. 1:1 ack 1
    < F. 1 ack 2
    > . 2:2 ack 2
    = TIME_WAIT
    < S -1000 <mss 1460>
    > . 2:2 ack 2
    = TIME_WAIT
    < S 3 <mss 1460>
    > S. 0:0 ack 4
    = SYN_RCVD`,
  'close releases the connection, which ends behind the scenes': `
    ${CONNECTED}
    call close
    > F. 1:1 ack 1
    < . 1 ack 2
    = FIN_WAIT_2
    wait 59000
    = FIN_WAIT_2
    wait 2000
    = CLOSED
    nothing`,
  'data for a user who has left is answered by a reset': `
    ${CONNECTED}
    call close
    > F. 1:1 ack 1
    < P. 1 ack 2 "late"
    > R. 2:2 ack 1
    = CLOSED`,
  'closing with data unread is a reset (RFC 1122 4.2.2.13)': `
    ${CONNECTED}
    call pause
    < P. 1 ack 1 "unread"
    call close
    > R. 1:1 ack 7
    = CLOSED`,
  'abort is a reset': `
    ${CONNECTED}
    call send 100
    > P. 1:101 ack 1
    call abort
    > R. 101:101 ack 1
    = CLOSED`,
  'connection refused': `
    call connect
    > S 0:0
    < R. 0 ack 1
    ! closed ECONNREFUSED
    = CLOSED`,
  'a reset of something else does not refuse': `
    call connect
    > S 0:0
    < R. 0 ack 7
    < R 0
    nothing
    = SYN_SENT`,
  'an acknowledgment of nothing we sent is reset in SYN_SENT': `
    call connect
    > S 0:0
    < . 0 ack 7
    > R 7:7
    = SYN_SENT`,
  'SYN is repeated with doubling intervals until the timeout': `
    call connect 5000
    > S 0:0
    wait 1000
    > S 0:0
    wait 2000
    > S 0:0
    wait 2000
    ! closed ETIMEDOUT
    = CLOSED
    nothing`,
  'SYN and ACK are repeated, and again for a repeated SYN': `
    call listen
    < S 0 <mss 1460>
    > S. 0:0 ack 1
    wait 1000
    > S. 0:0 ack 1
    < S 0 <mss 1460>
    > S. 0:0 ack 1
    < . 1 ack 1
    ! accepted`,
  'a wrong acknowledgment in SYN_RCVD is reset': `
    call listen
    < S 0 <mss 1460>
    > S. 0:0 ack 1
    < . 1 ack 9
    > R 9:9
    = SYN_RCVD`,
  'a segment to a port where nobody listens is reset': `
    < S 0 <mss 1460>
    > R. 0:0 ack 1 win 0
    < . 0 ack 4711 len 10
    > R 4711:4711
    < F 0 len 10
    > R. 0:0 ack 11
    < R 0
    nothing`,
  'an acknowledgment to a listener is reset, anything else forgotten': `
    call listen
    < . 0 ack 4711
    > R 4711:4711
    < F 0
    < R 0
    < R. 0 ack 1
    nothing`,
  'a listener that closes resets who was not through': `
    call listen
    < S 0 <mss 1460>
    > S. 0:0 ack 1
    call unlisten
    > R. 1:1 ack 1
    = CLOSED`,
  'data with the handshake is received': `
    call listen
    < S 0 <mss 1460>
    > S. 0:0 ack 1
    < P. 1 ack 1 "hello"
    ! accepted
    received 5`,
  'what the user sends before the connection stands goes out when it does': `
    call connect
    > S 0:0
    call send 100
    < S. 0 ack 1 <mss 1460>
    > P. 1:101 ack 1`,
  'data on a SYN is not taken, and comes again': `
    call listen
    < S 0 <mss 1460> "early"
    > S. 0:0 ack 1
    < P. 1 ack 1 "early"
    ! accepted
    received 5`,
  'urgent data is data': `
    ${ACCEPTED}
    < PU. 1 ack 1 "urgent"
    received 6`,
  'a segment without ACK is dropped': `
    ${ACCEPTED}
    < P 1 len 10
    nothing
    received 0`,
};

for (const [name, script] of Object.entries(SCRIPTS)) test(name, () => void play(script));

test('the same with sequence numbers that wrap', () => {
  for (const script of Object.values(SCRIPTS)) play(script, { peerStart: 0xfffffff9 | 0 });
});

test('nothing is left behind', () => {
  const conversation = play(SCRIPTS['the peer closes first']!);
  const sockets = conversation.host.call('socket.list', { type: 'tcp' });
  assert.deepEqual(
    sockets.map((one) => one.state),
    ['LISTEN'],
  );
  assert.throws(() => conversation.host.call('socket.shutdown', { id: conversation.user }), {
    code: 'EBADF',
  });
});
