// SPDX-License-Identifier: ISC
//
// States of other machines that are none of this one's business. A connection that a load balancer redirects and a router passes has a state
// on either: the one leads elsewhere than its address says, the other does not, and each machine would break the connection with the other's.

import * as pfsyncState from '../../wire/pfsyncState.ts';
import type { PfParts } from '../pf/parts.ts';
import { CREATOR, FLAG_ROUTE_TO, FLAGS, KIND, STACK, WIRE } from '../pf/stateRecord.ts';
import { readAddress, readPort } from '../pf/states.ts';
import { Timeout } from '../timeout.ts';
import type { Balancers } from './balancers.ts';
import { MARK_SILENT, MARKS, type Rows } from './rows.ts';
import { readWords } from './stateFields.ts';
import { Tombstones } from './tombstones.ts';

/** States that are looked at in one step. */
const AT_ONCE = 4096;
const MOMENT = 1000;

export class Foreign {
  private readonly pf: PfParts;
  private readonly rows: Rows;
  private readonly balancers: Balancers;
  /** Those that were refused: their updates are not asked after. */
  private ids = new Tombstones();
  private readonly sweeping: Timeout;
  private place = 0;
  private readonly words = new Int32Array(4);
  private readonly stackWords = new Int32Array(4);

  constructor(pf: PfParts, rows: Rows, balancers: Balancers) {
    this.pf = pf;
    this.rows = rows;
    this.balancers = balancers;
    this.sweeping = new Timeout(pf.timeouts, () => this.sweep());
  }

  stop(): void {
    this.sweeping.clear();
  }

  has(high: number, low: number, creator: number): boolean {
    return this.ids.has(high, low, creator);
  }

  /** Whether a whole state in a message is to be left to others; it is remembered then. */
  refuses(bytes: Uint8Array, at: number, high: number, low: number, creator: number): boolean {
    const family = pfsyncState.family(bytes, at) === pfsyncState.AF_INET ? 4 : 6;
    const protocol = pfsyncState.protocol(bytes, at);
    const isRouted = pfsyncState.routeType(bytes, at) === pfsyncState.ROUTE_TO;
    for (let which = 0; which < 2; which++) {
      readWords(bytes, pfsyncState.addressAt(at, 0, which), this.words);
      readWords(bytes, pfsyncState.addressAt(at, 1, which), this.stackWords);
      const port = pfsyncState.port(bytes, at, 0, which);
      const isRedirected = isRouted || this.differs(port, pfsyncState.port(bytes, at, 1, which));
      if (!this.isOthers(family, protocol, port, isRedirected)) continue;
      this.ids.add(high, low, creator);
      return true;
    }
    return false;
  }

  /** More is balanced than before: what was taken or refused in ignorance of it is looked at again. */
  moreBalanced(): void {
    this.ids = new Tombstones();
    this.place = 0;
    this.sweeping.set(0);
  }

  private sweep(): void {
    const { states, life } = this.pf;
    const end = Math.min(states.end, this.place + AT_ONCE);
    for (; this.place < end; this.place++) {
      const state = this.place;
      if (!states.isUsed(state) || !this.rows.has(state) || !this.isForeign(state)) continue;
      const page = this.rows.page(state);
      const row = this.rows.at(state);
      page[row + MARKS] = page[row + MARKS]! | MARK_SILENT;
      life.remove(state);
    }
    if (this.place < states.end) this.sweeping.set(MOMENT);
  }

  /** Whether a state was told by another machine that has another part in its connection. */
  private isForeign(state: number): boolean {
    const { states, settings } = this.pf;
    const records = states.records(state);
    const at = states.at(state);
    if (records[at + CREATOR] === (settings.hostId | 0)) return false;
    const kind = records[at + WIRE + KIND]!;
    const isRouted = (records[at + FLAGS]! & FLAG_ROUTE_TO) !== 0;
    for (let which = 0; which < 2; which++) {
      readAddress(records, at, WIRE, which, this.words);
      readAddress(records, at, STACK, which, this.stackWords);
      const port = readPort(records, at, WIRE, which);
      const isRedirected = isRouted || this.differs(port, readPort(records, at, STACK, which));
      if (this.isOthers(kind >>> 8, kind & 0xff, port, isRedirected)) return true;
    }
    return false;
  }

  /** Whether wire and stack show different ends. */
  private differs(port: number, stackPort: number): boolean {
    if (port !== stackPort) return true;
    for (let i = 0; i < 4; i++) if (this.words[i] !== this.stackWords[i]) return true;
    return false;
  }

  /**
   * Whether a state with an end at `words` belongs to machines that have another part in it. A load balancer that has just been booted knows
   * its part by the service's address before relayd(8) has made the rules.
   */
  private isOthers(family: number, protocol: number, port: number, isRedirected: boolean): boolean {
    const own = this.balancers.ownOf(family, protocol, this.words, port);
    // A rule for all addresses does not say which are redirected.
    if (own !== undefined) return own.length > 0 && !isRedirected;
    if (this.balancers.toldOf(family, protocol, this.words, port) === undefined) return false;
    return this.isLocal(family) !== isRedirected;
  }

  private isLocal(family: number): boolean {
    for (const on of this.pf.interfaces) {
      for (const address of on.addresses) {
        if (address.family === family && address.words.every((word, i) => word === this.words[i]))
          return true;
      }
    }
    return false;
  }
}
