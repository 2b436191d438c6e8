// SPDX-License-Identifier: ISC
//
// Syncookies (pf_syncookies.c): while they are on, every SYN that comes in is answered without a state. What must be known of it is in
// the sequence number of the answer, under a key that changes every 15 seconds and is good for as long again. Only an
// acknowledgment that carries it back is shown to the rules, as the SYN that it was.

import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';
import * as tcpOptions from '../../wire/tcpOptions.ts';
import { DIRECTION_IN } from '../filter.ts';
import { KeyedHash } from '../keyedHash.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { Random } from '../random.ts';
import { type Descriptor, PROTOCOL_TCP } from './descriptor.ts';
import { hops } from './hops.ts';
import { Outgoing, type Replies } from './replies.ts';
import type { Settings } from './settings.ts';
import type { States } from './states.ts';
import {
  LIMIT_SYNCOOKIES_SENT,
  LIMIT_SYNCOOKIES_VALID,
  LIMIT_SYNFLOODS,
  REASON_SYNPROXY,
  type Statistics,
} from './statistics.ts';
import type { Synproxy } from './synproxy.ts';

/** Seconds that a key is used. */
const KEY_LIFETIME = 15;
/** Segment sizes that a cookie can name, in three bits; the largest that is not above the client's is taken. */
const SEGMENT_SIZES: readonly number[] = [216, 536, 1200, 1360, 1400, 1440, 1452, 1460];
/** The low eight bits of a cookie say which key, and which segment size; they are sent mixed with the hash. */
const FLAG_ODD = 1;
const SIZE_SHIFT = 5;
const HASH_MASK = ~0xff;

/** Percentages of the state limit at which adaptive mode begins and ends. */
const DEFAULT_START = 25;
const DEFAULT_END = 12;

const HANDSHAKE = tcp.FLAG_SYN | tcp.FLAG_ACK | tcp.FLAG_RST;

class Era {
  readonly keyed: KeyedHash;
  /** Cookies sent and not come back. */
  inFlight = 0;

  constructor(random: Random) {
    this.keyed = new KeyedHash(random);
  }
}

export class Syncookies {
  private readonly states: States;
  private readonly settings: Settings;
  private readonly statistics: Statistics;
  private readonly random: Random;
  private readonly pool: PacketPool;
  private readonly replies: Replies;
  private readonly synproxy: Synproxy;
  private readonly eras: readonly [Era, Era];
  /** Which of the two is in use, and since which second. */
  private odd = 0;
  private since = 0;
  private mode: 'never' | 'always' | 'adaptive' = 'never';
  private start = 0;
  private end = 0;
  private isFlooded = false;
  private readonly outgoing = new Outgoing();

  constructor(parts: {
    states: States;
    settings: Settings;
    statistics: Statistics;
    random: Random;
    pool: PacketPool;
    replies: Replies;
    synproxy: Synproxy;
  }) {
    this.states = parts.states;
    this.settings = parts.settings;
    this.statistics = parts.statistics;
    this.random = parts.random;
    this.pool = parts.pool;
    this.replies = parts.replies;
    this.synproxy = parts.synproxy;
    this.settings.listen(() => this.configure());
    this.eras = [new Era(parts.random), new Era(parts.random)];
  }

  private configure(): void {
    const {
      mode = 'never',
      start = DEFAULT_START,
      end = DEFAULT_END,
    } = this.settings.options.syncookies ?? {};
    this.mode = mode;
    this.start = Math.floor((this.settings.maximumStates * start) / 100);
    this.end = Math.floor((this.settings.maximumStates * end) / 100);
  }

  /** States that are half open when adaptive mode begins, and when it ends; undefined in other modes. */
  get watermarks(): { start: number; end: number } | undefined {
    return this.mode === 'adaptive' ? { start: this.start, end: this.end } : undefined;
  }

  /** Whether a packet is a SYN that gets a cookie. */
  takes(packet: Descriptor): boolean {
    if (this.mode === 'never') return false;
    if (packet.protocol !== PROTOCOL_TCP || packet.direction !== DIRECTION_IN) return false;
    if ((packet.tcpFlags & HANDSHAKE) !== tcp.FLAG_SYN) return false;
    return this.mode === 'always' || this.isFlood();
  }

  private isFlood(): boolean {
    if (!this.isFlooded && this.states.halfOpen > this.start) {
      this.isFlooded = true;
      this.statistics.countLimit(LIMIT_SYNFLOODS);
    }
    return this.isFlooded;
  }

  /** Once a second: a flood may be over, a key worn out. */
  tick(): void {
    if (this.mode !== 'adaptive' || this.states.halfOpen < this.end) this.isFlooded = false;
    const { seconds } = this.settings;
    if (seconds - this.since < KEY_LIFETIME) return;
    this.since = seconds;
    this.odd ^= 1;
    const era = this.eras[this.odd]!;
    era.inFlight = 0;
    era.keyed.rekey(this.random);
  }

  /** Answers a SYN. */
  answer(packet: Descriptor): void {
    const { outgoing } = this;
    const { bytes, transport } = packet.packet;
    const offered = this.synproxy.mss(packet);
    const sequence = tcp.sequence(bytes, transport);
    const flags = this.odd | (sizeFor(offered) << SIZE_SHIFT);
    const hash = this.hash(packet, flags, sequence);
    outgoing.answer(packet);
    outgoing.say(tcp.FLAG_SYN | tcp.FLAG_ACK, (hash & HASH_MASK) | (flags ^ (hash >>> 24)), sequence + 1);
    outgoing.mss = offered;
    this.eras[this.odd]!.inFlight++;
    this.statistics.count(REASON_SYNPROXY);
    this.statistics.countLimit(LIMIT_SYNCOOKIES_SENT);
    this.replies.send(outgoing);
  }

  /** Whether a packet without a state acknowledges a cookie; each counts once for every one that was sent. */
  isAnswered(packet: Descriptor): boolean {
    if (this.eras[0].inFlight + this.eras[1].inFlight === 0) return false;
    if (packet.protocol !== PROTOCOL_TCP || packet.direction !== DIRECTION_IN) return false;
    if ((packet.tcpFlags & HANDSHAKE) !== tcp.FLAG_ACK) return false;
    const { bytes, transport } = packet.packet;
    const cookie = (tcp.acknowledgment(bytes, transport) - 1) | 0;
    const flags = flagsOf(cookie);
    const era = this.eras[flags & FLAG_ODD]!;
    if (era.inFlight === 0) return false;
    const hash = this.hash(packet, flags, (tcp.sequence(bytes, transport) - 1) | 0);
    if (((hash ^ cookie) & HASH_MASK) !== 0) return false;
    era.inFlight--;
    this.statistics.countLimit(LIMIT_SYNCOOKIES_VALID);
    return true;
  }

  /** The SYN that was answered with the cookie that this packet brings back. The caller gives it back to the pool. */
  recreate(packet: Descriptor): Packet {
    const { packet: frame } = packet;
    const syn = this.pool.take();
    syn.receivedOn = frame.receivedOn;
    syn.scope = frame.scope;
    syn.family = packet.family;
    syn.protocol = PROTOCOL_TCP;
    syn.transport = syn.network + (packet.family === 4 ? ipv4.HEADER_LENGTH : ipv6.HEADER_LENGTH);
    this.writeSegment(packet, syn);
    const length = syn.end - syn.network;
    if (packet.family === 4) {
      const [from, to] = [packet.source[0]!, packet.destination[0]!];
      const { FRAGMENT_DF } = ipv4;
      const left = hops(packet);
      ipv4.write(syn.bytes, syn.network, packet.tos, length, 0, FRAGMENT_DF, left, PROTOCOL_TCP, from, to);
      tcp.fillChecksum4(syn.bytes, syn.network, syn.transport, syn.end);
      return syn;
    }
    ipv6.write(syn.bytes, syn.network, packet.tos, 0, syn.end - syn.transport, PROTOCOL_TCP, hops(packet));
    for (let i = 0; i < 4; i++) {
      ipv6.setSourceWord(syn.bytes, syn.network, i, packet.source[i]!);
      ipv6.setDestinationWord(syn.bytes, syn.network, i, packet.destination[i]!);
    }
    tcp.fillChecksum6(syn.bytes, syn.network, syn.transport, syn.end);
    return syn;
  }

  private writeSegment(packet: Descriptor, syn: Packet): void {
    const { bytes, transport } = packet.packet;
    const { sourcePort, destinationPort } = packet;
    const sequence = (tcp.sequence(bytes, transport) - 1) | 0;
    const window = tcp.window(bytes, transport);
    const at = syn.transport;
    tcp.write(syn.bytes, at, sourcePort, destinationPort, sequence, 0, tcp.FLAG_SYN, window);
    const end = tcpOptions.writeMss(syn.bytes, tcpOptions.first(at), this.segmentSize(packet));
    syn.end = tcpOptions.finish(syn.bytes, at, end);
  }

  /** What the cookie that a packet brings back says of the SYN's segment size. */
  segmentSize({ packet: { bytes, transport } }: Descriptor): number {
    return SEGMENT_SIZES[flagsOf((tcp.acknowledgment(bytes, transport) - 1) | 0) >>> SIZE_SHIFT]!;
  }

  private hash(packet: Descriptor, flags: number, sequence: number): number {
    const keyed = this.eras[flags & FLAG_ODD]!.keyed.begin().take(flags);
    const width = packet.family === 4 ? 1 : 4;
    for (let i = 0; i < width; i++) keyed.take(packet.source[i]!).take(packet.destination[i]!);
    return keyed
      .take((packet.sourcePort << 16) | packet.destinationPort)
      .take(sequence)
      .finish();
  }
}

/** The largest segment size that a cookie can name and the client takes. */
function sizeFor(offered: number): number {
  let size = SEGMENT_SIZES.length - 1;
  while (size > 0 && SEGMENT_SIZES[size]! > offered) size--;
  return size;
}

/** The flags in a cookie, whose highest byte they were mixed with. */
function flagsOf(cookie: number): number {
  return (cookie ^ (cookie >>> 24)) & 0xff;
}
