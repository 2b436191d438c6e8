// SPDX-License-Identifier: ISC
//
// One virtual host of a carp interface (struct carp_vhost_entry): its id, its place in the election, its timers.

import { INET } from '../../abi/address.ts';
import type { CarpHeard, CarpState } from '../../abi/carp.ts';
import { i32 } from '../../wire/bytes.ts';
import * as carp from '../../wire/carp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { SECOND } from '../clock.ts';
import type { Packet } from '../packet.ts';
import type { Random } from '../random.ts';
import { Timeout, type Timeouts } from '../timeout.ts';

/** A master is missed after this many of one's own intervals. */
const MISSED = 3;
/** Advertisements may follow one another this fast (advbase 0, advskew 0). */
const SHORTEST = SECOND / 256;

export class Vhost {
  readonly vhid: number;
  advskew: number;
  state: CarpState = 'INIT';
  /** Next advertisement as master. */
  readonly advertise: Timeout;
  /** The master is gone when its advertisements of that family have been missing for so long. */
  readonly masterDown4: Timeout;
  readonly masterDown6: Timeout;
  /** Sent with every advertisement: drawn once, so that a packet of our own that comes back is known. */
  readonly counterHigh: number;
  readonly counterLow: number;
  /** Periodic advertisements until addresses are announced a second time. */
  announceIn = 0;
  /** How many advertisements of a worse master are still answered at once. */
  reclaims = 0;
  /** The last advertisement of another member, for those who ask. */
  readonly heard = new Heard();

  constructor(
    vhid: number,
    advskew: number,
    parts: {
      timeouts: Timeouts;
      random: Random;
      advertise: (vhost: Vhost) => void;
      masterDown: (vhost: Vhost) => void;
    },
  ) {
    this.vhid = vhid;
    this.advskew = advskew;
    this.counterHigh = parts.random.word();
    this.counterLow = parts.random.word();
    this.advertise = new Timeout(parts.timeouts, () => parts.advertise(this));
    this.masterDown4 = new Timeout(parts.timeouts, () => parts.masterDown(this));
    this.masterDown6 = new Timeout(parts.timeouts, () => parts.masterDown(this));
  }

  /** 00:00:5e:00:01:VHID, or the group address of `balancing ip` where every node is to get each frame. */
  linkAddress(group: boolean): number[] {
    const low = carp.LLADDR_LOW | this.vhid;
    return [group ? 1 : 0, 0, low >>> 24, (low >>> 16) & 255, (low >>> 8) & 255, low & 255];
  }

  /** Microseconds between two advertisements. */
  interval(advbase: number): number {
    return Math.max(SHORTEST, intervalOf(advbase, this.advskew));
  }

  /** Microseconds without advertisements after which a master is gone. */
  patience(advbase: number): number {
    return MISSED * this.interval(advbase);
  }

  stop(): void {
    this.advertise.clear();
    this.masterDown4.clear();
    this.masterDown6.clear();
  }
}

/** What another member said of itself last. */
class Heard {
  private at = -1;
  private family = INET;
  private readonly from = new Int32Array(4);
  private advbase = 0;
  private advskew = 0;
  private demotion = 0;

  /** An authentic advertisement. */
  note({ bytes, network, transport, family }: Packet, now: number): void {
    const source = family === INET ? ipv4.sourceAt(network) : ipv6.sourceAt(network);
    const words = family === INET ? 1 : 4;
    for (let i = 0; i < words; i++) this.from[i] = i32(bytes, source + 4 * i);
    this.at = now;
    this.family = family;
    this.advbase = carp.advbase(bytes, transport);
    this.advskew = carp.advskew(bytes, transport);
    this.demotion = carp.demote(bytes, transport);
  }

  /** Undefined when nobody was heard. */
  describe(now: number): CarpHeard | undefined {
    if (this.at < 0) return undefined;
    const { family, advbase, advskew, demotion } = this;
    const from =
      family === INET
        ? ({ family: 4, words: [this.from[0]!] } as const)
        : ({ family: 6, words: [...this.from] } as const);
    return { from, advbase, advskew, demotion, ago: (now - this.at) / SECOND };
  }
}

/** Microseconds: advbase seconds and advskew 256ths of one. */
export function intervalOf(advbase: number, advskew: number): number {
  return advbase * SECOND + Math.floor((advskew * SECOND) / 256);
}
