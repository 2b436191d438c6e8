// SPDX-License-Identifier: ISC
//
// A balancing machine hears from routers of the servers' halves of its connections, and counts for its rules what that costs.

import { i32 } from '../../wire/bytes.ts';
import * as wire from '../../wire/pfsyncObservation.ts';
import { DIRECTION_IN } from '../filter.ts';
import { PROTOCOL_TCP } from '../pf/descriptor.ts';
import { found, hear } from '../pf/observed.ts';
import type { PfParts } from '../pf/parts.ts';
import { FLAG_DIRECTION, FLAG_OBSERVED, FLAG_SLOPPY, FLAGS, RULE, WIRE } from '../pf/stateRecord.ts';
import { Key, NO_STATE } from '../pf/states.ts';

export class Observations {
  private readonly pf: PfParts;
  private readonly key = new Key();
  private readonly client = new Int32Array(4);
  private readonly server = new Int32Array(4);
  private readonly known: (state: number) => void;

  /** `known` is told of each state whose server is heard of for the first time. */
  constructor(pf: PfParts, known: (state: number) => void) {
    this.pf = pf;
    this.known = known;
  }

  /** One message. A state that nobody asked to have observed is left alone: it may belong to another machine. */
  hear(bytes: Uint8Array, at: number): void {
    const { states, settings, slots, sync } = this.pf;
    sync.observedUntil = settings.seconds + SILENCE;
    const family = wire.family(bytes, at);
    if (family !== 4 && family !== 6) return;
    const state = this.find(family, bytes, at);
    if (state < 0) return;
    const records = states.records(state);
    const place = states.at(state);
    const flags = records[place + FLAGS]!;
    if ((flags & FLAG_OBSERVED) === 0 || (flags & FLAG_DIRECTION) !== DIRECTION_IN) return;
    const rule = slots.get(records[place + RULE]!);
    rule.observations++;
    if (!hear(records, place, bytes, at, settings.seconds)) return;
    const isNew = (flags & FLAG_SLOPPY) !== 0 && (records[place + FLAGS]! & FLAG_SLOPPY) === 0;
    if (!isNew) return;
    found(records, place, rule);
    this.known(state);
  }

  private find(family: number, bytes: Uint8Array, at: number): number {
    for (let i = 0; i < 4; i++) {
      this.client[i] = i32(bytes, at + wire.CLIENT + 4 * i);
      this.server[i] = i32(bytes, at + wire.SERVER + 4 * i);
    }
    const { key, client, server } = this;
    const { states, interfaces } = this.pf;
    key.set(family, PROTOCOL_TCP, client, server, wire.clientPort(bytes, at), wire.serverPort(bytes, at));
    const floating = states.find(key, WIRE, 0);
    if (floating >= 0) return floating;
    for (const on of interfaces) {
      const bound = states.find(key, WIRE, on.index);
      if (bound >= 0) return bound;
    }
    return NO_STATE;
  }
}

/** Seconds after which nobody is thought to observe any more: three of the intervals in which machines say who they are. */
export const SILENCE = 30;
