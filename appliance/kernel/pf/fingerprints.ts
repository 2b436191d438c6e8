// SPDX-License-Identifier: ISC
//
// Which system sent a SYN (pf_osfp.c): its headers against the fingerprints that pfctl has loaded.

import { type Fingerprint, namesOf, type Quantity, type Window } from '../../abi/fingerprint.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { HEADER_DIFFERENCE } from '../../wire/siit.ts';
import * as tcp from '../../wire/tcp.ts';
import * as tcpOptions from '../../wire/tcpOptions.ts';
import { type Descriptor, PROTOCOL_TCP } from './descriptor.ts';
import { hops } from './hops.ts';

/** A system is at most so many hops away. */
const FARTHEST = 40;
/** What MSS options say before somebody on the way lowers them. */
const ETHERNET_MSS = 1460;
/** Headers between the segment size and the MTU that a window is counted in. */
const HEADERS = 40;

/** One look of a SYN, and all names for it. */
interface Look {
  readonly fingerprint: Fingerprint;
  readonly names: ReadonlySet<string>;
}

export class Fingerprints {
  private looks: readonly Look[] = [];
  private all: readonly Fingerprint[] = [];

  get list(): readonly Fingerprint[] {
    return this.all;
  }

  replace(list: readonly Fingerprint[]): void {
    this.all = list;
    const looks = new Map<string, { fingerprint: Fingerprint; names: Set<string> }>();
    for (const fingerprint of list) {
      const { class: _class, version: _version, subtype: _subtype, ...look } = fingerprint;
      const key = JSON.stringify(look);
      const known = looks.get(key) ?? { fingerprint, names: new Set<string>() };
      for (const name of namesOf(fingerprint)) known.names.add(name);
      looks.set(key, known);
    }
    this.looks = [...looks.values()];
  }

  /** Names of the system that sent a packet; undefined when it is no SYN, or one that nobody knows. */
  find(packet: Descriptor): ReadonlySet<string> | undefined {
    if (packet.protocol !== PROTOCOL_TCP || packet.isFragment || packet.hasOptions) return undefined;
    if ((packet.tcpFlags & (tcp.FLAG_SYN | tcp.FLAG_ACK)) !== tcp.FLAG_SYN) return undefined;
    for (let i = 0; i < this.looks.length; i++) {
      const look = this.looks[i]!;
      if (matches(look.fingerprint, packet)) return look.names;
    }
    return undefined;
  }
}

function matches(fingerprint: Fingerprint, packet: Descriptor): boolean {
  const { bytes, network, transport } = packet.packet;
  const left = hops(packet);
  const isSix = packet.family === 6;
  return (
    left <= fingerprint.ttl &&
    left >= fingerprint.ttl - FARTHEST &&
    (isSix || ipv4.dontFragment(bytes, network)) === fingerprint.dontFragment &&
    isQuantity(fingerprint.size, packet.length - (isSix ? HEADER_DIFFERENCE : 0)) &&
    hasOptions(fingerprint, bytes, transport) &&
    isWindow(fingerprint.window, tcp.window(bytes, transport), mssOf(bytes, transport))
  );
}

function isQuantity(quantity: Quantity, value: number): boolean {
  switch (quantity.kind) {
    case 'is':
      return value === quantity.value;
    case 'multiple':
      return value % quantity.value === 0;
    default:
      return true;
  }
}

function isWindow(expected: Window, window: number, mss: number): boolean {
  switch (expected.kind) {
    case 'segments':
      return window === expected.value * mss || window === expected.value * ETHERNET_MSS;
    case 'packets':
      return (
        window === expected.value * (mss + HEADERS) || window === expected.value * (ETHERNET_MSS + HEADERS)
      );
    default:
      return isQuantity(expected, window);
  }
}

function mssOf(bytes: Uint8Array, transport: number): number {
  const at = tcpOptions.find(bytes, transport, tcpOptions.MSS);
  return at < 0 ? 0 : tcpOptions.mss(bytes, at);
}

/** The same options in the same order, and no more; padding behind END is none. */
function hasOptions({ options }: Fingerprint, bytes: Uint8Array, transport: number): boolean {
  const limit = tcpOptions.end(bytes, transport);
  let at = tcpOptions.first(transport);
  let place = 0;
  for (; at < limit && tcpOptions.kind(bytes, at) !== tcpOptions.END; place++) {
    const taken = tcpOptions.length(bytes, at, limit);
    const expected = options[place];
    if (taken === 0 || expected === undefined || !isOption(expected.letter, expected.quantity, bytes, at)) {
      return false;
    }
    at += taken;
  }
  return place === options.length;
}

function isOption(letter: string, quantity: Quantity, bytes: Uint8Array, at: number): boolean {
  switch (tcpOptions.kind(bytes, at)) {
    case tcpOptions.NOP:
      return letter === 'N';
    case tcpOptions.MSS:
      return letter === 'M' && isQuantity(quantity, tcpOptions.mss(bytes, at));
    case tcpOptions.WINDOW_SCALE:
      return letter === 'W' && isQuantity(quantity, tcpOptions.windowShift(bytes, at));
    case tcpOptions.SACK_PERMITTED:
      return letter === 'S';
    case tcpOptions.TIMESTAMPS:
      return letter === (tcpOptions.timestampValue(bytes, at) === 0 ? '0' : 'T');
    default:
      return false;
  }
}
