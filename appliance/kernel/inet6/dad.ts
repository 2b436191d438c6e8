// SPDX-License-Identifier: ISC
//
// Duplicate address detection (RFC 4862 5.4): an address is tentative until nobody has answered for it.

import * as nd6s from '../../abi/counters/nd6.ts';
import * as ethernet from '../../wire/ethernet.ts';
import type { Interface, InterfaceAddress } from '../link/interface.ts';
import type { Packet } from '../packet.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import { type Nd6, RETRANSMIT } from './nd6.ts';
import { ALL_ROUTERS, type NdMessages } from './ndMessages.ts';

/** What became of an address: usable, or taken by somebody else. */
export type DadListener = (on: Interface, address: InterfaceAddress) => void;

/** One address under detection. */
interface Detection {
  readonly on: Interface;
  readonly address: InterfaceAddress;
  readonly timeout: Timeout;
  sent: number;
}

export class Dad {
  listener: DadListener | undefined;
  private readonly timeouts: Timeouts;
  private readonly messages: NdMessages;
  private readonly cache: Nd6;
  /** Solicitations to send, one a second (sysctl net.inet6.ip6.dad_count); 0 trusts everybody. */
  private readonly tries: () => number;
  private readonly detections: Detection[] = [];

  constructor(parts: { timeouts: Timeouts; messages: NdMessages; cache: Nd6; tries: () => number }) {
    this.timeouts = parts.timeouts;
    this.messages = parts.messages;
    this.cache = parts.cache;
    this.tries = parts.tries;
  }

  /**
   * Begins, or begins again, for an address of `on`. It stays tentative while there is no carrier: `linkUp` starts it then.
   * The first solicitation goes out at once, so that an address is usable after a second; RFC 4862 5.4.2 would have hosts that
   * boot together wait at random first, which a router's neighbours would feel.
   */
  start(on: Interface, address: InterfaceAddress): void {
    this.stop(address);
    this.mark(on, address);
    if (address.state === 'preferred') return;
    const timeout = new Timeout(this.timeouts, () => this.next(detection));
    const detection: Detection = { on, address, timeout, sent: 0 };
    this.detections.push(detection);
    if (on.running && on.link) this.next(detection);
  }

  /** Whether the address must be detected: 'tentative'; those that are shared or cannot be taken by others are 'preferred'. */
  mark(on: Interface, address: InterfaceAddress): void {
    const exempt = address.anycast || on.type === 'loopback' || on.type === 'carp' || this.tries() <= 0;
    address.state = exempt ? 'preferred' : 'tentative';
  }

  stop(address: InterfaceAddress): void {
    const index = this.detections.findIndex((detection) => detection.address === address);
    if (index < 0) return;
    this.detections[index]!.timeout.clear();
    this.detections.splice(index, 1);
  }

  /** Another station answered for, or asks for, a tentative address. Our own probe that a loop brings back does not count. */
  conflict(on: Interface, address: InterfaceAddress, packet: Packet): void {
    if (isOwnFrame(on, packet)) return;
    this.stop(address);
    address.state = 'duplicated';
    this.cache.counters.count(nd6s.DUPLICATES);
    this.listener?.(on, address);
  }

  private next(detection: Detection): void {
    const { on, address } = detection;
    if (detection.sent >= this.tries()) {
      this.succeed(detection);
      return;
    }
    detection.sent++;
    detection.timeout.set(RETRANSMIT);
    this.cache.counters.count(nd6s.SOLICITATIONS_SENT);
    this.messages.probe(on, address.words);
  }

  /** Ours now; routers nearby may learn it before the first packet (RFC 9131 6.1.2). */
  private succeed(detection: Detection): void {
    const { on, address } = detection;
    this.stop(address);
    address.state = 'preferred';
    this.messages.advertise(on, address, ALL_ROUTERS, 0, true);
    this.listener?.(on, address);
  }
}

/** The frame carries our own Ethernet address as its source. */
export function isOwnFrame(on: Interface, packet: Packet): boolean {
  return (
    ethernet.sourceHigh(packet.bytes, packet.link) === ethernet.addressHigh(on.linkAddress, 0) &&
    ethernet.sourceLow(packet.bytes, packet.link) === ethernet.addressLow(on.linkAddress, 0)
  );
}
