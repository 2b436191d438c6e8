// SPDX-License-Identifier: ISC
//
// Both ends of a packet in the family that af-to gives it (pd->nsaddr, pd->ndaddr and their ports).

import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { KIND, STACK, WIRE } from './stateRecord.ts';
import { type Key, readAddress, readPort } from './states.ts';

export class Ends {
  /** 0 where nothing is translated. */
  family: 0 | 4 | 6 = 0;
  protocol = 0;
  readonly source = new Int32Array(4);
  readonly destination = new Int32Array(4);
  /** As in a Descriptor: of an ICMP query its id and type. */
  sourcePort = 0;
  destinationPort = 0;

  /** The key of answers, which come in. */
  keyInto(key: Key, sourcePort = this.sourcePort): void {
    const { destination, source, destinationPort } = this;
    key.set(this.family, this.protocol, destination, source, destinationPort, sourcePort);
  }

  /** What a packet of `family` becomes by its state: the answer to who answers it on the other side. */
  read(records: Int32Array, at: number, family: number): this {
    const side = records[at + WIRE + KIND]! >>> 8 === family ? STACK : WIRE;
    const kind = records[at + side + KIND]!;
    this.family = kind >>> 8 === 4 ? 4 : 6;
    this.protocol = kind & 0xff;
    readAddress(records, at, side, 1, this.source);
    readAddress(records, at, side, 0, this.destination);
    this.sourcePort = readPort(records, at, side, 1);
    this.destinationPort = readPort(records, at, side, 0);
    return this;
  }
}

/** The number of a protocol in a family: ICMP has one for each. */
export function protocolIn(family: number, protocol: number): number {
  if (protocol !== ipv4.PROTOCOL_ICMP && protocol !== ipv6.NEXT_ICMP6) return protocol;
  return family === 4 ? ipv4.PROTOCOL_ICMP : ipv6.NEXT_ICMP6;
}
