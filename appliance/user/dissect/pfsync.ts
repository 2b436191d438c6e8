// SPDX-License-Identifier: ISC
//
// Prints what pfsync carries: a line for the packet, one for each section, and the messages below it.

import type { Address } from '../../abi/address.ts';
import { formatAddress, formatPrefix } from '../../abi/addressText.ts';
import { PROTOCOLS } from '../../abi/names.ts';
import type { StateInfo, StateKey, StatePeer } from '../../abi/pf.ts';
import { i32 } from '../../wire/bytes.ts';
import * as wire from '../../wire/pfsync.ts';
import * as greeting from '../../wire/pfsyncGreeting.ts';
import * as half from '../../wire/pfsyncObservation.ts';
import * as wireState from '../../wire/pfsyncState.ts';
import { captured, type Frame, hex } from './frame.ts';
import { clockText, idLine, stateDetails, stateLine } from './pfState.ts';

/** What sections of each action print of a message; those that are not here print nothing but their line. */
const MESSAGES: Readonly<Record<number, { length: number; print: (frame: Frame, at: number) => string[] }>> =
  {
    [wire.ACTION_CLEAR]: { length: wire.CLEAR_LENGTH, print: clearLines },
    [wire.ACTION_INSERT_ACK]: { length: wire.REFERENCE_LENGTH, print: referenceLines },
    [wire.ACTION_UPDATE_REQUEST]: { length: wire.REFERENCE_LENGTH, print: referenceLines },
    [wire.ACTION_DELETE_COMPRESSED]: { length: wire.REFERENCE_LENGTH, print: referenceLines },
    [wire.ACTION_UPDATE_COMPRESSED]: { length: wireState.COMPRESSED_LENGTH, print: compressedLines },
    [wire.ACTION_BULK_STATUS]: { length: wire.BULK_STATUS_LENGTH, print: bulkLines },
    [wire.ACTION_DELETE]: { length: wireState.STATE_LENGTH, print: stateLines },
    [wire.ACTION_INSERT]: { length: wireState.STATE_LENGTH, print: stateLines },
    [wire.ACTION_UPDATE]: { length: wireState.STATE_LENGTH, print: stateLines },
    [wire.ACTION_UPDATE_TDB]: { length: wire.TDB_LENGTH, print: tdbLines },
    [wire.ACTION_RULE]: { length: wire.RULE_LENGTH, print: ruleLines },
    [wire.ACTION_RULESET]: { length: wire.RULESET_LENGTH, print: rulesetLines },
    [wire.ACTION_BULK_PLACES]: { length: wire.BULK_RANGE_LENGTH, print: rangeLines },
    [wire.ACTION_BULK_AGAIN]: { length: wire.BULK_RANGE_LENGTH, print: rangeLines },
    [wire.ACTION_GREETING]: { length: greeting.SALT_LENGTH, print: saltLines },
    [wire.ACTION_CLEARED]: { length: wire.REFERENCE_LENGTH, print: referenceLines },
    [wire.ACTION_OBSERVATION]: { length: half.OBSERVATION_LENGTH, print: observationLines },
    [wire.ACTION_BALANCED]: { length: half.BALANCED_LENGTH, print: balancedLines },
  };
const OWN_NAMES: Readonly<Record<number, string>> = {
  [wire.ACTION_RULE]: 'RULE',
  [wire.ACTION_RULESET]: 'RULESET',
  [wire.ACTION_BULK_PLACES]: 'BULK PLACES',
  [wire.ACTION_BULK_AGAIN]: 'BULK AGAIN',
  [wire.ACTION_GREETING]: 'GREETING',
  [wire.ACTION_CLEARED]: 'CLEARED',
  [wire.ACTION_OBSERVATION]: 'OBSERVATION',
  [wire.ACTION_BALANCED]: 'BALANCED',
};
const protocolNames = new Map(Object.entries(PROTOCOLS).map(([name, number]) => [number, name]));

/** Formats of before, which nobody reads any more. */
const OLD_ACTIONS = [1, 3, 11];

export function printPfsync(frame: Frame, at: number, length: number): string {
  const { bytes } = frame;
  if (!captured(frame, at, wire.HEADER_LENGTH)) return '[|pfsync]';
  frame.options.found?.('pfsync', at, length, -1);
  const said = wire.length(bytes, at);
  const head = `PFSYNCv${wire.version(bytes, at)} len ${said}`;
  if (wire.version(bytes, at) !== wire.VERSION) return head;
  if (said > length || said < wire.HEADER_LENGTH) return `${head}\n    invalid header length`;
  const end = Math.min(at + said, frame.end);
  return [head, ...sections(frame, at + wire.HEADER_LENGTH, end)].join('\n');
}

function sections(frame: Frame, start: number, end: number): string[] {
  const { bytes } = frame;
  const lines: string[] = [];
  let at = start;
  while (end - at >= wire.SECTION_LENGTH) {
    const action = wire.action(bytes, at);
    const count = wire.count(bytes, at);
    const length = wire.messageLength(bytes, at);
    const name = wire.ACTION_NAMES[action] ?? OWN_NAMES[action];
    lines.push(name === undefined ? `    act UNKNOWN id ${action}` : `    act ${name} count ${count}`);
    at += wire.SECTION_LENGTH;
    const known = MESSAGES[action];
    if (OLD_ACTIONS.includes(action)) lines.push('    unimplemented action');
    for (let i = 0; i < count; i++, at += length) {
      if (length === 0 || end - at < length) return [...lines, '    invalid packet length'];
      if (known !== undefined && length >= known.length) lines.push(...known.print(frame, at));
    }
  }
  if (at < end) lines.push('    ...');
  return lines;
}

function reference(frame: Frame, at: number, creator: number): string {
  const id = hex(wire.idHigh(frame.bytes, at), 8) + hex(wire.idLow(frame.bytes, at), 8);
  return `\tid: ${id} creatorid: ${hex(creator, 8)}`;
}

function referenceLines(frame: Frame, at: number): string[] {
  return [reference(frame, at, wire.referenceCreator(frame.bytes, at))];
}

function compressedLines(frame: Frame, at: number): string[] {
  return [reference(frame, at, wireState.compressedCreator(frame.bytes, at))];
}

function clearLines(frame: Frame, at: number): string[] {
  const name = wire.clearInterface(frame.bytes, at);
  const creator = `\tcreatorid: ${hex(wire.clearCreator(frame.bytes, at), 8)}`;
  return [name === '' ? creator : `${creator} interface: ${name}`];
}

function bulkLines(frame: Frame, at: number): string[] {
  const { bytes } = frame;
  const status = wire.bulkStatus(bytes, at);
  const word = status === wire.BULK_START ? 'start' : status === wire.BULK_END ? 'end' : 'UNKNOWN';
  const creator = hex(wire.bulkCreator(bytes, at), 8);
  return [`\tcreatorid: ${creator} age: ${clockText(wire.bulkAge(bytes, at))} status: ${word}`];
}

/** Of IPsec's associations, which are not kept here. */
function tdbLines({ bytes }: Frame, at: number): string[] {
  const { spi, replay, octets } = wire.tdb(bytes, at);
  return [`\tspi: 0x${hex(spi, 8)} rpl: ${replay} cur_bytes: ${octets}`];
}

/** Rules are told by what they say, as a number that has no other meaning. */
function ruleLines(frame: Frame, at: number): string[] {
  const { bytes } = frame;
  const rule = wire.ruleAt(at);
  const fingerprint = hex(i32(bytes, rule), 8) + hex(i32(bytes, rule + 4), 8);
  return [`${reference(frame, at, wire.referenceCreator(bytes, at))} rule ${fingerprint}`];
}

function saltLines({ bytes }: Frame, at: number): string[] {
  const kind = ['own', 'own, asking', 'heard'][i32(bytes, at)] ?? 'UNKNOWN';
  return [`\tsalt: ${hex(i32(bytes, at + 4), 8)}${hex(i32(bytes, at + 8), 8)} ${kind}`];
}

function rangeLines({ bytes }: Frame, at: number): string[] {
  const host = hex(wire.rangeHost(bytes, at), 8);
  return [`\tcreatorid: ${host} places: ${wire.rangeFrom(bytes, at)}:${wire.rangeTo(bytes, at)}`];
}

/** The server's half, as tcpdump prints a segment of it. */
function observationLines({ bytes }: Frame, at: number): string[] {
  const family = half.family(bytes, at);
  if (family !== 4 && family !== 6) return ['\tobserving'];
  const address = (offset: number) => formatAddress(wordsOf(bytes, at + offset, family));
  const scale = half.scale(bytes, at);
  return [
    `\t${address(half.SERVER)}.${half.serverPort(bytes, at)} > ${address(half.CLIENT)}.${half.clientPort(bytes, at)}: ` +
      `flags ${hex(half.flags(bytes, at), 2)} seq ${i32(bytes, at + half.SEQUENCE) >>> 0} ` +
      `ack ${i32(bytes, at + half.ACKNOWLEDGMENT) >>> 0} win ${i32(bytes, at + half.WINDOW) >>> 0} ` +
      `wscale ${(scale & half.SCALES) === 0 ? '-' : scale & half.SHIFT_MASK}`,
  ];
}

function balancedLines({ bytes }: Frame, at: number): string[] {
  const family = half.balancedFamily(bytes, at) === 4 ? 4 : 6;
  const address = wordsOf(bytes, at + half.BALANCED_ADDRESS, family);
  const prefix = formatPrefix({ ...address, length: half.prefixLength(bytes, at) });
  const protocol = half.balancedProtocol(bytes, at);
  return [
    `\tcreatorid: ${hex(i32(bytes, at), 8)} ${protocolNames.get(protocol) ?? protocol} ${prefix} ` +
      `port ${half.lowPort(bytes, at)}:${half.highPort(bytes, at)}${half.isObserved(bytes, at) ? ' strict' : ''}`,
  ];
}

function rulesetLines(frame: Frame, at: number): string[] {
  const { bytes } = frame;
  return [
    `\tcreatorid: ${hex(wire.rulesetCreator(bytes, at), 8)} checksum: ${wire.rulesetChecksum(bytes, at)}`,
  ];
}

/** As `pfctl -ss`, with -v and -vv as much more. */
function stateLines(frame: Frame, at: number): string[] {
  const state = stateOf(frame, at);
  const { verbose } = frame.options;
  const lines = [stateLine(state, 'openbsd', (number) => protocolNames.get(number))];
  if (verbose > 0) lines.push(...stateDetails(state, 'openbsd').map((line) => line.trimStart()));
  if (verbose > 1) lines.push(idLine(state).trimStart());
  return lines.map((line) => `\t${line}`);
}

function stateOf({ bytes }: Frame, at: number): StateInfo {
  const type = wireState.routeType(bytes, at);
  const family = wireState.family(bytes, at);
  const way = <T>(read: (which: number) => T): [T, T] => [read(0), read(1)];
  return {
    id: hex(wire.idHigh(bytes, at), 8) + hex(wire.idLow(bytes, at), 8),
    creatorId: wireState.creator(bytes, at) >>> 0,
    interface: wireState.interfaceName(bytes, at),
    protocol: wireState.protocol(bytes, at),
    direction: wireState.direction(bytes, at) === 2 ? 'out' : 'in',
    wire: keyOf(bytes, at, 0),
    stack: keyOf(bytes, at, 1),
    source: peerOf(bytes, wireState.peerAt(at, 0)),
    destination: peerOf(bytes, wireState.peerAt(at, 1)),
    age: wireState.age(bytes, at),
    expires: wireState.expire(bytes, at),
    packets: way((which) => wireState.packets(bytes, at, which)),
    bytes: way((which) => wireState.octets(bytes, at, which)),
    anchor: '',
    rule: wireState.rule(bytes, at),
    sloppy: (wireState.flags(bytes, at) & wireState.FLAG_SLOPPY) !== 0,
    ...(type === 0 ? {} : { route: { address: addressOf(bytes, wireState.routeAddressAt(at), family) } }),
  };
}

function keyOf(bytes: Uint8Array, at: number, key: number): StateKey {
  const family = wireState.keyFamily(bytes, at, key) || wireState.family(bytes, at);
  const address = (which: number) => addressOf(bytes, wireState.addressAt(at, key, which), family);
  return {
    family: family === wireState.AF_INET ? 4 : 6,
    addresses: [address(0), address(1)],
    ports: [wireState.port(bytes, at, key, 0), wireState.port(bytes, at, key, 1)],
  };
}

function addressOf(bytes: Uint8Array, at: number, family: number): Address {
  return wordsOf(bytes, at, family === wireState.AF_INET ? 4 : 6);
}

function wordsOf(bytes: Uint8Array, at: number, family: 4 | 6): Address {
  if (family === 4) return { family, words: [i32(bytes, at)] };
  return { family, words: [0, 4, 8, 12].map((offset) => i32(bytes, at + offset)) };
}

function peerOf(bytes: Uint8Array, at: number): StatePeer {
  return {
    state: wireState.peerState(bytes, at),
    seqLow: wireState.seqLow(bytes, at) >>> 0,
    seqHigh: wireState.seqHigh(bytes, at) >>> 0,
    maxWindow: wireState.window(bytes, at),
    windowScale: wireState.windowScale(bytes, at) & 15,
    seqDifference: wireState.seqDifference(bytes, at) >>> 0,
  };
}
