// SPDX-License-Identifier: ISC
//
// A state's record as pfsync carries it, and back (pf_state_export, pf_state_import).

import * as wire from '../../wire/pfsyncState.ts';
import type { PfParts } from '../pf/parts.ts';
import { NO_RULE } from '../pf/ruleSlots.ts';
import { StateExtra } from '../pf/stateExtra.ts';
import {
  ANCHOR,
  COUNTERS,
  CREATED,
  CREATOR,
  DESTINATION,
  EXTRA,
  FLAG_DIRECTION,
  FLAG_EXTRA,
  FLAG_LOG_ALL,
  FLAGS,
  ID_HIGH,
  ID_LOW,
  INTERFACE,
  KIND,
  NAT_RULE,
  ROUTE,
  ROUTE_INTERFACE,
  RULE,
  SOURCE,
  STACK,
  TIMEOUT,
  TOUCHED,
  WIRE,
} from '../pf/stateRecord.ts';
import { Key, NO_STATE, readAddress, readPort } from '../pf/states.ts';
import { isFinished } from '../pf/tcpState.ts';
import { TimestampPeer } from '../pf/timestamps.ts';
import {
  familyNumber,
  flagsFrom,
  flagsOf,
  LOG_ALL,
  readPeer,
  readWords,
  routeTypeOf,
  scrubOf,
  timeoutNumber,
  timeoutOf,
  writeAddress,
  writePeer,
  writeScrub,
} from './stateFields.ts';

const PROTOCOL_TCP = 6;
const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMP6 = 58;
/** Name of the interface of states that are bound to none. */
const FLOATING = 'all';

/** What became of a state that a peer has sent. */
export type Imported = number | 'bad value' | 'no room';

export class Codec {
  private readonly parts: PfParts;
  private readonly words = new Int32Array(4);
  private readonly other = new Int32Array(4);
  private readonly wireKey = new Key();
  private readonly stackKey = new Key();

  constructor(parts: PfParts) {
    this.parts = parts;
  }

  // Ours.

  /** Writes a whole state. */
  write(state: number, bytes: Uint8Array, at: number, acknowledge: boolean): void {
    const { states, life, settings, interfaces } = this.parts;
    const records = states.records(state);
    const from = states.at(state);
    wire.clear(bytes, at);
    wire.setId(bytes, at, records[from + ID_HIGH]!, records[from + ID_LOW]!, records[from + CREATOR]!);
    const bound = records[from + INTERFACE]!;
    wire.setInterfaceName(bytes, at, bound === 0 ? FLOATING : (interfaces.byIndex(bound)?.name ?? FLOATING));
    this.writeKey(records, from, WIRE, bytes, at, 0);
    this.writeKey(records, from, STACK, bytes, at, 1);
    writePeer(records, from + SOURCE, bytes, wire.peerAt(at, 0));
    writePeer(records, from + DESTINATION, bytes, wire.peerAt(at, 1));
    for (let i = 0; i < 4; i++) this.words[i] = records[from + ROUTE + i]!;
    writeAddress(bytes, wire.routeAddressAt(at), this.words);
    const rule = life.ruleOf(state);
    wire.setRules(bytes, at, rule.anchor === '' ? rule.number : wire.NONE, wire.NONE);
    const now = settings.seconds;
    wire.setTimes(bytes, at, now - records[from + CREATED]!, Math.max(0, life.expires(state) - now));
    const counters = states.counters(state);
    const place = (from >>> 1) + COUNTERS;
    for (let way = 0; way < 2; way++) {
      wire.setCounters(bytes, at, way, counters[place + way]!, counters[place + 2 + way]!);
    }
    const flags = records[from + FLAGS]!;
    const kind = records[from + WIRE + KIND]!;
    wire.setKind(bytes, at, {
      family: familyNumber(kind >>> 8),
      protocol: kind & 0xff,
      direction: flags & FLAG_DIRECTION,
      log: (flags & FLAG_LOG_ALL) === 0 ? 0 : LOG_ALL,
      routeType: routeTypeOf(flags),
      timeout: timeoutNumber(records[from + TIMEOUT]!),
    });
    const scrub = (flags & FLAG_EXTRA) === 0 ? undefined : states.extra(records[from + EXTRA]!)?.scrub;
    const scrubbed = scrub === undefined ? 0 : writeScrub(scrub, bytes, at);
    wire.setFlags(bytes, at, flagsOf(flags) | scrubbed | (acknowledge ? wire.FLAG_ACK : 0));
  }

  private writeKey(
    records: Int32Array,
    from: number,
    side: number,
    bytes: Uint8Array,
    at: number,
    key: number,
  ): void {
    for (let which = 0; which < 2; which++) {
      readAddress(records, from, side, which, this.words);
      writeAddress(bytes, wire.addressAt(at, key, which), this.words);
    }
    const family = familyNumber(records[from + side + KIND]! >>> 8);
    wire.setKey(bytes, at, key, family, readPort(records, from, side, 0), readPort(records, from, side, 1));
  }

  /** Writes an update of the two peers alone. */
  writeCompressed(state: number, bytes: Uint8Array, at: number): void {
    const { states } = this.parts;
    const records = states.records(state);
    const from = states.at(state);
    const timeout = timeoutNumber(records[from + TIMEOUT]!);
    wire.writeCompressed(
      bytes,
      at,
      records[from + ID_HIGH]!,
      records[from + ID_LOW]!,
      records[from + CREATOR]!,
      timeout,
    );
    writePeer(records, from + SOURCE, bytes, wire.compressedPeerAt(at, 0));
    writePeer(records, from + DESTINATION, bytes, wire.compressedPeerAt(at, 1));
  }

  // Theirs.

  /**
   * Makes a state of a message that `isValid`; the default rule has it until its own is told. `givesWay` says whether another state in its
   * place makes room.
   */
  read(
    bytes: Uint8Array,
    at: number,
    high: number,
    low: number,
    givesWay: (other: number) => boolean,
  ): Imported {
    const { states, settings, interfaces } = this.parts;
    const creator = wire.creator(bytes, at);
    if (creator === 0) return 'bad value';
    const name = wire.interfaceName(bytes, at);
    const bound = name === FLOATING ? 0 : interfaces.find(name)?.index;
    if (bound === undefined || states.count >= settings.maximumStates) return 'no room';
    this.readKey(bytes, at, 0, this.wireKey);
    this.readKey(bytes, at, 1, this.stackKey);
    const direction = wire.direction(bytes, at);
    if (!this.makeRoom(this.wireKey, WIRE, bound, direction, givesWay)) return 'no room';
    if (!this.makeRoom(this.stackKey, STACK, bound, direction, givesWay)) return 'no room';
    const state = states.insertForeign(this.wireKey, this.stackKey, bound, creator, high, low);
    this.fill(state, states.records(state), states.at(state), bytes, at);
    return state;
  }

  private readKey(bytes: Uint8Array, at: number, key: number, into: Key): void {
    readWords(bytes, wire.addressAt(at, key, 0), this.words);
    readWords(bytes, wire.addressAt(at, key, 1), this.other);
    const isV4 = (wire.keyFamily(bytes, at, key) || wire.family(bytes, at)) === wire.AF_INET;
    const protocol = protocolIn(isV4, wire.protocol(bytes, at));
    const ports = [wire.port(bytes, at, key, 0), wire.port(bytes, at, key, 1)] as const;
    into.set(isV4 ? 4 : 6, protocol, this.words, this.other, ...ports);
  }

  /** A connection of ours with the same addresses makes way when it is over. */
  private makeRoom(
    key: Key,
    side: number,
    bound: number,
    direction: number,
    givesWay: (other: number) => boolean,
  ): boolean {
    const { states, life } = this.parts;
    const found = states.find(key, side, bound);
    if (found === NO_STATE) return true;
    const records = states.records(found);
    const at = states.at(found);
    if ((records[at + FLAGS]! & FLAG_DIRECTION) !== direction) return true;
    const isTcp = (key.kind & 0xff) === PROTOCOL_TCP;
    const isDone = isTcp && isFinished(records, at + SOURCE, at + DESTINATION);
    if (!isDone && !givesWay(found)) return false;
    life.remove(found);
    return true;
  }

  private fill(state: number, records: Int32Array, to: number, bytes: Uint8Array, at: number): void {
    const { states, settings, slots, defaultRule, life } = this.parts;
    const now = settings.seconds;
    readPeer(bytes, wire.peerAt(at, 0), records, to + SOURCE);
    readPeer(bytes, wire.peerAt(at, 1), records, to + DESTINATION);
    const translated = records[to + FLAGS]!;
    records[to + FLAGS] = translated | wire.direction(bytes, at) | flagsFrom(bytes, at);
    this.readRoute(records, to, bytes, at);
    this.readScrub(records, to, bytes, at);
    records[to + RULE] = slots.hold(defaultRule);
    records[to + ANCHOR] = NO_RULE;
    records[to + NAT_RULE] = NO_RULE;
    records[to + CREATED] = now - Math.min(wire.age(bytes, at), MAXIMUM_AGE);
    records[to + TIMEOUT] = timeoutOf(wire.timeout(bytes, at))!;
    records[to + TOUCHED] = now;
    setRemaining(records, to, life.expires(state), now, wire.expire(bytes, at));
    const counters = states.counters(state);
    const place = (to >>> 1) + COUNTERS;
    for (let way = 0; way < 2; way++) {
      counters[place + way] = wire.packets(bytes, at, way);
      counters[place + 2 + way] = wire.octets(bytes, at, way);
    }
  }

  /** What is done to the headers of all its packets. */
  private readScrub(records: Int32Array, to: number, bytes: Uint8Array, at: number): void {
    const scrub = scrubOf(bytes, at);
    if (scrub.isEmpty) return;
    const extra = new StateExtra();
    extra.scrub = scrub;
    if (scrub.reassembleTcp && wire.protocol(bytes, at) === PROTOCOL_TCP) {
      extra.timestamps = [new TimestampPeer(), new TimestampPeer()];
    }
    records[to + EXTRA] = this.parts.states.addExtra(extra);
    records[to + FLAGS] = records[to + FLAGS]! | FLAG_EXTRA;
  }

  /** The way is an address on the wire; by which interface it lies is for this machine to say. */
  private readRoute(records: Int32Array, to: number, bytes: Uint8Array, at: number): void {
    const type = wire.routeType(bytes, at);
    if (type === 0) return;
    readWords(bytes, wire.routeAddressAt(at), this.words);
    for (let i = 0; i < 4; i++) records[to + ROUTE + i] = this.words[i]!;
    const { routes } = this.parts;
    const isV4 = wire.family(bytes, at) === wire.AF_INET;
    const route = isV4 ? routes.lookup4(this.words[0]!) : routes.lookup6(this.words);
    records[to + ROUTE_INTERFACE] = route?.on.index ?? 0;
  }
}

/** A state between families has another ICMP on each side. */
function protocolIn(isV4: boolean, protocol: number): number {
  if (protocol !== PROTOCOL_ICMP && protocol !== PROTOCOL_ICMP6) return protocol;
  return isV4 ? PROTOCOL_ICMP : PROTOCOL_ICMP6;
}

/** A year, in seconds: no peer makes a state older than it can be told apart from. */
const MAXIMUM_AGE = 31_536_000;

/** Makes the state end in so many seconds, whatever its rule and timeout would give it from now on. */
export function setRemaining(
  records: Int32Array,
  at: number,
  expires: number,
  now: number,
  left: number,
): void {
  const most = expires - now;
  records[at + TOUCHED] = now - (most - Math.min(left, most));
}

/** Whether a whole state can be one of ours at all: nothing of it is used before. */
export function isValid(bytes: Uint8Array, at: number): boolean {
  const isFamily = (family: number) => family === wire.AF_INET || family === wire.AF_INET6;
  const own = wire.family(bytes, at);
  const [a, b] = [wire.keyFamily(bytes, at, 0), wire.keyFamily(bytes, at, 1)];
  const direction = wire.direction(bytes, at);
  return (
    timeoutOf(wire.timeout(bytes, at)) !== undefined &&
    wire.peerState(bytes, wire.peerAt(at, 0)) <= wire.PEER_STATE_LIMIT &&
    wire.peerState(bytes, wire.peerAt(at, 1)) <= wire.PEER_STATE_LIMIT &&
    (direction === 1 || direction === 2) &&
    isFamily(own) &&
    ((isFamily(a) && isFamily(b)) || (a === 0 && b === 0))
  );
}
