// SPDX-License-Identifier: ISC
//
// Counters of TCP (struct tcpstat), in the order and words of `netstat -s -p tcp`; lines of two numbers there are two here.

import { type CounterGroup, counterIndex } from './counters.ts';

export const TCP: CounterGroup = {
  heading: 'tcp',
  counters: [
    ['sent', '%d packet%s sent'],
    ['sentData', '\t%d data packet%s'],
    ['sentBytes', '\t%d data byte%s'],
    ['retransmitted', '\t%d data packet%s retransmitted'],
    ['retransmittedBytes', '\t%d data byte%s retransmitted'],
    ['fastRetransmits', '\t%d fast retransmitted packet%s'],
    ['sentAcks', '\t%d ack-only packet%s'],
    ['delayedAcks', '\t%d delayed ack%s'],
    ['sentProbes', '\t%d window probe packet%s'],
    ['sentControl', '\t%d control packet%s'],
    ['sendErrors', '\t%d packet%s that could not be sent'],
    ['received', '%d packet%s received'],
    ['acks', '\t%d ack%s'],
    ['acknowledgedBytes', '\t%d byte%s acknowledged'],
    ['duplicateAcks', '\t%d duplicate ack%s'],
    ['acksUnsent', '\t%d ack%s for unsent data'],
    ['acksOld', '\t%d ack%s for old data'],
    ['inSequence', '\t%d packet%s received in-sequence'],
    ['inSequenceBytes', '\t%d byte%s received in-sequence'],
    ['duplicates', '\t%d completely duplicate packet%s'],
    ['oldDuplicates', '\t%d old duplicate packet%s'],
    ['partlyDuplicates', '\t%d packet%s with some duplicate data'],
    ['outOfOrder', '\t%d out-of-order packet%s'],
    ['outOfOrderDropped', '\t%d out-of-order packet%s dropped for want of space'],
    ['afterWindow', '\t%d packet%s of data after window'],
    ['windowProbes', '\t%d window probe%s'],
    ['afterClose', '\t%d packet%s received after close'],
    ['badChecksum', '\t%d discarded for bad checksum%s'],
    ['badOffset', '\t%d discarded for bad header offset field%s'],
    ['tooShort', '\t%d discarded because packet too short'],
    ['badAddress', '\t%d discarded for broadcast or multicast address%es'],
    ['noAck', '\t%d discarded for missing ack%s'],
    ['connectionRequests', '%d connection request%s'],
    ['accepts', '%d connection accept%s'],
    ['established', '%d connection%s established (including accepts)'],
    ['closed', '%d connection%s closed'],
    ['drops', '\t%d drop%s'],
    ['embryonicDrops', '%d embryonic connection%s dropped'],
    ['roundTrips', '%d segment%s updated rtt'],
    ['retransmitTimeouts', '%d retransmit timeout%s'],
    ['timeoutDrops', '\t%d connection%s dropped by rexmit timeout'],
    ['persistTimeouts', '%d persist timeout%s'],
    ['keepaliveTimeouts', '%d keepalive timeout%s'],
    ['keepaliveProbes', '\t%d keepalive probe%s sent'],
    ['keepaliveDrops', '\t%d connection%s dropped by keepalive'],
    ['noSocket', '%d dropped due to no socket'],
    ['resetsLimited', '%d reset%s not sent for the rate limit'],
    ['challengeAcks', '%d challenge ack%s sent'],
    ['challengesLimited', '%d challenge ack%s not sent for the rate limit'],
    ['synOverflow', '%d SYN%s dropped due to overflow'],
    ['synNoSpace', '%d SYN%s dropped (no route or no space)'],
    ['timeWaitReused', '%d TIME_WAIT connection%s reused by a new SYN'],
    ['timeWaitRecycled', '%d TIME_WAIT connection%s recycled for want of space'],
    ['pathMtuChanges', '%d path MTU change%s'],
    ['icmpIgnored', '%d ICMP error%s ignored'],
    ['sackRecoveries', '%d SACK recovery episode%s'],
    ['sackRetransmits', '\t%d segment rexmit%s in SACK recovery episodes'],
    ['sackRetransmittedBytes', '\t%d byte rexmit%s in SACK recovery episodes'],
    ['sackReceived', '%d SACK option%s received'],
    ['sackSent', '%d SACK option%s sent'],
  ],
};

export const SENT = counterIndex(TCP, 'sent');
export const SENT_DATA = counterIndex(TCP, 'sentData');
export const SENT_BYTES = counterIndex(TCP, 'sentBytes');
export const RETRANSMITTED = counterIndex(TCP, 'retransmitted');
export const RETRANSMITTED_BYTES = counterIndex(TCP, 'retransmittedBytes');
export const FAST_RETRANSMITS = counterIndex(TCP, 'fastRetransmits');
export const SENT_ACKS = counterIndex(TCP, 'sentAcks');
export const DELAYED_ACKS = counterIndex(TCP, 'delayedAcks');
export const SENT_PROBES = counterIndex(TCP, 'sentProbes');
export const SENT_CONTROL = counterIndex(TCP, 'sentControl');
export const SEND_ERRORS = counterIndex(TCP, 'sendErrors');
export const RECEIVED = counterIndex(TCP, 'received');
export const ACKS = counterIndex(TCP, 'acks');
export const ACKNOWLEDGED_BYTES = counterIndex(TCP, 'acknowledgedBytes');
export const DUPLICATE_ACKS = counterIndex(TCP, 'duplicateAcks');
export const ACKS_UNSENT = counterIndex(TCP, 'acksUnsent');
export const ACKS_OLD = counterIndex(TCP, 'acksOld');
export const IN_SEQUENCE = counterIndex(TCP, 'inSequence');
export const IN_SEQUENCE_BYTES = counterIndex(TCP, 'inSequenceBytes');
export const DUPLICATES = counterIndex(TCP, 'duplicates');
export const OLD_DUPLICATES = counterIndex(TCP, 'oldDuplicates');
export const PARTLY_DUPLICATES = counterIndex(TCP, 'partlyDuplicates');
export const OUT_OF_ORDER = counterIndex(TCP, 'outOfOrder');
export const OUT_OF_ORDER_DROPPED = counterIndex(TCP, 'outOfOrderDropped');
export const AFTER_WINDOW = counterIndex(TCP, 'afterWindow');
export const WINDOW_PROBES = counterIndex(TCP, 'windowProbes');
export const AFTER_CLOSE = counterIndex(TCP, 'afterClose');
export const BAD_CHECKSUM = counterIndex(TCP, 'badChecksum');
export const BAD_OFFSET = counterIndex(TCP, 'badOffset');
export const TOO_SHORT = counterIndex(TCP, 'tooShort');
export const BAD_ADDRESS = counterIndex(TCP, 'badAddress');
export const NO_ACK = counterIndex(TCP, 'noAck');
export const CONNECTION_REQUESTS = counterIndex(TCP, 'connectionRequests');
export const ACCEPTS = counterIndex(TCP, 'accepts');
export const ESTABLISHED = counterIndex(TCP, 'established');
export const CLOSED = counterIndex(TCP, 'closed');
export const DROPS = counterIndex(TCP, 'drops');
export const EMBRYONIC_DROPS = counterIndex(TCP, 'embryonicDrops');
export const ROUND_TRIPS = counterIndex(TCP, 'roundTrips');
export const RETRANSMIT_TIMEOUTS = counterIndex(TCP, 'retransmitTimeouts');
export const TIMEOUT_DROPS = counterIndex(TCP, 'timeoutDrops');
export const PERSIST_TIMEOUTS = counterIndex(TCP, 'persistTimeouts');
export const KEEPALIVE_TIMEOUTS = counterIndex(TCP, 'keepaliveTimeouts');
export const KEEPALIVE_PROBES = counterIndex(TCP, 'keepaliveProbes');
export const KEEPALIVE_DROPS = counterIndex(TCP, 'keepaliveDrops');
export const NO_SOCKET = counterIndex(TCP, 'noSocket');
export const RESETS_LIMITED = counterIndex(TCP, 'resetsLimited');
export const CHALLENGE_ACKS = counterIndex(TCP, 'challengeAcks');
export const CHALLENGES_LIMITED = counterIndex(TCP, 'challengesLimited');
export const SYN_OVERFLOW = counterIndex(TCP, 'synOverflow');
export const SYN_NO_SPACE = counterIndex(TCP, 'synNoSpace');
export const TIME_WAIT_REUSED = counterIndex(TCP, 'timeWaitReused');
export const TIME_WAIT_RECYCLED = counterIndex(TCP, 'timeWaitRecycled');
export const PATH_MTU_CHANGES = counterIndex(TCP, 'pathMtuChanges');
export const ICMP_IGNORED = counterIndex(TCP, 'icmpIgnored');
export const SACK_RECOVERIES = counterIndex(TCP, 'sackRecoveries');
export const SACK_RETRANSMITS = counterIndex(TCP, 'sackRetransmits');
export const SACK_RETRANSMITTED_BYTES = counterIndex(TCP, 'sackRetransmittedBytes');
export const SACK_RECEIVED = counterIndex(TCP, 'sackReceived');
export const SACK_SENT = counterIndex(TCP, 'sackSent');
