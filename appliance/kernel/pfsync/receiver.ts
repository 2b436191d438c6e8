// SPDX-License-Identifier: ISC
//
// Packets of other machines (pfsync_input): checked in the original's order, then section by section, message by message.

import * as counts from '../../abi/counters/pfsync.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as pfsync from '../../wire/pfsync.ts';
import { BALANCED_LENGTH, OBSERVATION_LENGTH } from '../../wire/pfsyncObservation.ts';
import * as wire from '../../wire/pfsyncState.ts';
import type { Clock } from '../clock.ts';
import type { Counters } from '../counters.ts';
import type { Captures } from '../link/capture.ts';
import { INPUT_BYTES, INPUT_PACKETS } from '../link/interface.ts';
import type { Packet } from '../packet.ts';
import type { TransportProtocol } from '../transport/transport.ts';
import { isValid } from './codec.ts';
import type { Inbox } from './inbox.ts';
import type { Link } from './link.ts';
import { timeoutOf } from './stateFields.ts';

export class Receiver implements TransportProtocol {
  private readonly link: Link;
  private readonly clock: Clock;
  private readonly counters: Counters;
  private readonly captures: Captures;
  /** Where messages go while pfsync0 is up. */
  inbox: Inbox | undefined;
  /** When the last good packet came, microseconds; -1 when none did. */
  heardAt = -1;

  constructor(parts: { link: Link; clock: Clock; counters: Counters; captures: Captures }) {
    this.link = parts.link;
    this.clock = parts.clock;
    this.counters = parts.counters;
    this.captures = parts.captures;
  }

  input(packet: Packet): void {
    const { bytes, network, transport: at } = packet;
    const { on, syncdev } = this.link;
    this.counters.count(counts.RECEIVED);
    if (!this.link.running || on === undefined || this.inbox === undefined) return;
    if (packet.receivedOn !== syncdev?.index) return this.counters.count(counts.BAD_INTERFACE);
    on.count(INPUT_PACKETS, 1);
    on.count(INPUT_BYTES, packet.end - network);
    if (ipv4.ttl(bytes, network) !== pfsync.TTL) return this.counters.count(counts.BAD_TTL);
    // What is not sealed where it should be has no business here, whatever it says.
    if (this.link.seal?.open(packet) === false) return this.counters.count(counts.BAD_HMAC);
    if (!pfsync.valid(bytes, at, packet.end)) return this.counters.count(counts.TOO_SHORT);
    if (pfsync.version(bytes, at) !== pfsync.VERSION) return this.counters.count(counts.BAD_VERSION);
    const end = pfsync.endOf(bytes, at, packet.end);
    if (end < 0) return this.counters.count(counts.BAD_LENGTH);
    this.heardAt = this.clock.now;
    const { link } = packet;
    packet.link = network;
    this.captures.frame(packet, on);
    packet.link = link;
    this.sections(this.inbox, bytes, at + pfsync.HEADER_LENGTH, end);
  }

  /** Nobody quotes our packets to any purpose. */
  control(): void {}

  /** What is not understood is skipped by its length; where the length makes no sense the rest is lost. */
  private sections(inbox: Inbox, bytes: Uint8Array, from: number, end: number): void {
    let at = from;
    while (end - at >= pfsync.SECTION_LENGTH) {
      const action = pfsync.action(bytes, at);
      const length = pfsync.messageLength(bytes, at);
      const count = pfsync.count(bytes, at);
      const least = LEAST[action];
      at += pfsync.SECTION_LENGTH;
      if (length === 0 || count === 0) return this.counters.count(counts.BAD_ACTION);
      if (length * count > end - at) return this.counters.count(counts.BAD_LENGTH);
      if (least !== undefined && length >= least) this.section(inbox, action, bytes, at, length, count);
      at += length * count;
    }
  }

  private section(
    inbox: Inbox,
    action: number,
    bytes: Uint8Array,
    from: number,
    length: number,
    count: number,
  ): void {
    // Of a bulk status only the first message counts.
    const many = action === pfsync.ACTION_BULK_STATUS ? 1 : count;
    for (let i = 0; i < many; i++) this.message(inbox, action, bytes, from + i * length, length);
  }

  private message(inbox: Inbox, action: number, bytes: Uint8Array, at: number, length: number): void {
    const high = pfsync.idHigh(bytes, at);
    const low = pfsync.idLow(bytes, at);
    switch (action) {
      case pfsync.ACTION_CLEAR:
        return inbox.clear(pfsync.clearCreator(bytes, at), pfsync.clearInterface(bytes, at));
      case pfsync.ACTION_INSERT:
        if (!isWhole(bytes, at)) return this.counters.count(counts.BAD_VALUE);
        return inbox.insert(bytes, at, high, low, wire.creator(bytes, at));
      case pfsync.ACTION_UPDATE:
        if (!isWhole(bytes, at)) return this.counters.count(counts.BAD_VALUE);
        return inbox.update(bytes, at, high, low, wire.creator(bytes, at));
      case pfsync.ACTION_UPDATE_COMPRESSED:
        if (!isCompressed(bytes, at)) return this.counters.count(counts.BAD_VALUE);
        return inbox.updateCompressed(bytes, at, high, low, wire.compressedCreator(bytes, at));
      case pfsync.ACTION_UPDATE_REQUEST:
        return inbox.request(high, low, pfsync.referenceCreator(bytes, at));
      case pfsync.ACTION_DELETE:
        return inbox.delete(high, low, wire.creator(bytes, at));
      case pfsync.ACTION_DELETE_COMPRESSED:
        return inbox.delete(high, low, pfsync.referenceCreator(bytes, at));
      case pfsync.ACTION_INSERT_ACK:
        return inbox.acknowledged(high, low, pfsync.referenceCreator(bytes, at));
      case pfsync.ACTION_BULK_STATUS:
        return inbox.bulkStatus(pfsync.bulkStatus(bytes, at), pfsync.bulkCreator(bytes, at));
      case pfsync.ACTION_RULE:
        return inbox.rules(bytes, at, length, high, low, pfsync.referenceCreator(bytes, at));
      case pfsync.ACTION_RULESET:
        return inbox.ruleset(bytes, at);
      case pfsync.ACTION_BULK_PLACES:
        return inbox.bulkPlaces(bytes, at);
      case pfsync.ACTION_BULK_AGAIN:
        return inbox.bulkAgain(bytes, at);
      case pfsync.ACTION_CLEARED:
        return inbox.cleared(high, low, pfsync.referenceCreator(bytes, at));
      case pfsync.ACTION_OBSERVATION:
        return inbox.observation(bytes, at);
      case pfsync.ACTION_BALANCED:
        return inbox.balanced(bytes, at);
    }
  }
}

/** Actions that are understood, and how long a message of each is at least. There are no IPsec associations here. */
const LEAST: Readonly<Record<number, number>> = {
  [pfsync.ACTION_CLEAR]: pfsync.CLEAR_LENGTH,
  [pfsync.ACTION_INSERT_ACK]: pfsync.REFERENCE_LENGTH,
  [pfsync.ACTION_UPDATE_COMPRESSED]: wire.COMPRESSED_LENGTH,
  [pfsync.ACTION_UPDATE_REQUEST]: pfsync.REFERENCE_LENGTH,
  [pfsync.ACTION_DELETE]: wire.STATE_LENGTH,
  [pfsync.ACTION_DELETE_COMPRESSED]: pfsync.REFERENCE_LENGTH,
  [pfsync.ACTION_BULK_STATUS]: pfsync.BULK_STATUS_LENGTH,
  [pfsync.ACTION_INSERT]: wire.STATE_LENGTH,
  [pfsync.ACTION_UPDATE]: wire.STATE_LENGTH,
  [pfsync.ACTION_RULE]: pfsync.RULE_LENGTH,
  [pfsync.ACTION_RULESET]: pfsync.RULESET_LENGTH,
  [pfsync.ACTION_BULK_PLACES]: pfsync.BULK_RANGE_LENGTH,
  [pfsync.ACTION_BULK_AGAIN]: pfsync.BULK_RANGE_LENGTH,
  [pfsync.ACTION_CLEARED]: pfsync.REFERENCE_LENGTH,
  [pfsync.ACTION_OBSERVATION]: OBSERVATION_LENGTH,
  [pfsync.ACTION_BALANCED]: BALANCED_LENGTH,
};

function isWhole(bytes: Uint8Array, at: number): boolean {
  return isValid(bytes, at) && wire.creator(bytes, at) !== 0;
}

function isCompressed(bytes: Uint8Array, at: number): boolean {
  return (
    timeoutOf(wire.compressedTimeout(bytes, at)) !== undefined &&
    wire.peerState(bytes, wire.compressedPeerAt(at, 0)) <= wire.PEER_STATE_LIMIT &&
    wire.peerState(bytes, wire.compressedPeerAt(at, 1)) <= wire.PEER_STATE_LIMIT
  );
}
