// SPDX-License-Identifier: ISC
//
// divert-to and divert-packet: packets for programs of this machine that are not for its addresses. Nobody has a divert(4) socket here,
// so that what goes to one is counted and gone, as on the original when no program has opened it.

import { DIVERT, DIVERT6, NO_SOCKET, RECEIVED } from '../../abi/counters/divert.ts';
import { Counters } from '../counters.ts';
import { DIRECTION_IN, DROP, PASS } from '../filter.ts';
import type { ActiveRule } from './activeRule.ts';
import type { Descriptor } from './descriptor.ts';
import type { Settings } from './settings.ts';

export class Divert {
  readonly counters = [new Counters(DIVERT), new Counters(DIVERT6)] as const;
  private readonly settings: Settings;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  /** Does what the rule says to a packet that it has passed, itself or by its state. Answers PASS or DROP. */
  send(packet: Descriptor, rule: ActiveRule): number {
    // FreeBSD's divert-to names a divert(4) socket by its port.
    if (rule.divertedTo === undefined || this.settings.isFreebsd) return this.toSocket(packet);
    if (packet.direction === DIRECTION_IN) packet.packet.divertedTo = rule.divertedTo;
    return PASS;
  }

  private toSocket(packet: Descriptor): number {
    const counters = this.counters[packet.family === 4 ? 0 : 1];
    counters.count(RECEIVED);
    counters.count(NO_SOCKET);
    return DROP;
  }
}

/** Whether there is something to do to packets that a rule passes; divert-reply is for sockets that find their packets anyhow. */
export function isDiverting({ rule }: ActiveRule): boolean {
  return rule.divert !== undefined && rule.divert.kind !== 'reply';
}
