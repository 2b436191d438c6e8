// SPDX-License-Identifier: ISC
//
// The other machines that speak our own messages, and whether they run the same ruleset: what everyone says of himself now and then.

import type { PfsyncInfo } from '../../abi/pfsync.ts';
import * as wire from '../../wire/pfsync.ts';
import type { Settings } from '../pf/settings.ts';
import type { Assembler } from './assembler.ts';

/** Machines remembered; whoever has been silent longest makes way. */
const MOST = 32;
/** Seconds after which a machine that says who it is every ten has not been heard for once. */
const MISSED = 15;
/** Seconds after which a silent machine is no longer counted on. */
const SILENCE = 30;

interface Peer {
  readonly checksum: string;
  readonly second: number;
}

export class Peers {
  private readonly settings: Settings;
  private readonly all = new Map<number, Peer>();

  constructor(settings: Settings) {
    this.settings = settings;
  }

  forget(): void {
    this.all.clear();
  }

  /** Somebody is there who understands our own messages. */
  get speakOwn(): boolean {
    for (const peer of this.all.values()) if (this.settings.seconds - peer.second < SILENCE) return true;
    return false;
  }

  /** Adds who this is, if there is room. */
  readonly writeRuleset = (packet: Assembler): void => {
    if (!packet.hasRoom(wire.ACTION_RULESET, wire.RULESET_LENGTH)) return;
    const at = packet.add(wire.ACTION_RULESET, wire.RULESET_LENGTH);
    wire.writeRuleset(packet.bytes, at, this.ownChecksum(), this.settings.hostId | 0);
  };

  /** Somebody says who he is. Answers whether he was unknown, or has missed something for as long as he was not heard. */
  heard(bytes: Uint8Array, at: number): boolean {
    const hostId = wire.rulesetCreator(bytes, at) >>> 0;
    if (hostId === this.settings.hostId >>> 0) return false;
    const { seconds } = this.settings;
    const known = this.all.get(hostId);
    const isNew = known === undefined || seconds - known.second > MISSED;
    this.all.delete(hostId);
    if (this.all.size >= MOST) this.all.delete(this.all.keys().next().value!);
    this.all.set(hostId, { checksum: wire.rulesetChecksum(bytes, at), second: seconds });
    return isNew;
  }

  /** For pfctl(8), whoever spoke last at the end. */
  list(): PfsyncInfo['peers'] {
    const own = this.ownChecksum();
    return [...this.all]
      .filter(([, { second }]) => this.settings.seconds - second < SILENCE)
      .map(([hostId, { checksum, second }]) => ({
        hostId,
        sameRuleset: checksum === own,
        ago: this.settings.seconds - second,
      }));
  }

  /** MD5 of the main ruleset as digits; zeros where none is loaded. */
  private ownChecksum(): string {
    return this.settings.checksum.padStart(2 * wire.CHECKSUM_LENGTH, '0');
  }
}
