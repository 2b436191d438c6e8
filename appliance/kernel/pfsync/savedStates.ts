// SPDX-License-Identifier: ISC
//
// States that are kept over a restart (pfctl -S and -L): written and read as pfsync tells them, rules by what they say.

import type { Handlers } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import type { SavedStateCalls } from '../../abi/savedStates.ts';
import * as wire from '../../wire/pfsync.ts';
import * as saved from '../../wire/savedStates.ts';
import type { PfParts } from '../pf/parts.ts';
import { CREATED, TOUCHED } from '../pf/stateRecord.ts';
import { Codec, isValid } from './codec.ts';
import { Fingerprints } from './fingerprints.ts';
import { StateRules } from './stateRules.ts';

/** Records looked at in one call. */
const PAGE = 1_000;

export class SavedStates {
  readonly calls: Handlers<SavedStateCalls>;
  private readonly parts: PfParts;
  private readonly codec: Codec;
  private readonly fingerprints: Fingerprints;
  private readonly rules: StateRules;

  constructor(parts: PfParts) {
    this.parts = parts;
    this.codec = new Codec(parts);
    this.fingerprints = new Fingerprints(parts.rulesets);
    this.rules = new StateRules(parts, this.fingerprints);
    this.calls = {
      'pf.saveStates': ({ cursor }) => this.save(cursor),
      'pf.restoreStates': ({ bytes, elapsed }) => this.restore(bytes, elapsed),
    };
  }

  private save(cursor: number): { bytes: Uint8Array; count: number; next?: number } {
    const { states } = this.parts;
    const end = Math.min(states.end, cursor + PAGE);
    let length = 0;
    let count = 0;
    for (let state = cursor; state < end; state++) {
      if (!states.isUsed(state)) continue;
      length += saved.RECORD_LENGTH + this.rules.length(state);
      count++;
    }
    const bytes = new Uint8Array(length);
    let at = 0;
    for (let state = cursor; state < end; state++) {
      if (!states.isUsed(state)) continue;
      const ruleLength = this.rules.length(state);
      saved.setRuleLength(bytes, at, ruleLength);
      this.codec.write(state, bytes, saved.stateAt(at), false);
      this.rules.write(state, bytes, saved.ruleAt(at));
      at = saved.ruleAt(at) + ruleLength;
    }
    return end < states.end ? { bytes, count, next: end } : { bytes, count };
  }

  /** What is none of ours is left out and counted, like states that have run out meanwhile and those whose place is taken. */
  private restore(bytes: Uint8Array, elapsed: number): { restored: number; left: number } {
    if (!Number.isInteger(elapsed) || elapsed < 0) throw new CallError('EINVAL', 'seconds that have gone by');
    // Others may have been loaded since the last time.
    this.fingerprints.forget();
    let restored = 0;
    let left = 0;
    let at = 0;
    while (at < bytes.length) {
      const end = saved.recordEnd(bytes, at);
      if (end < 0) throw new CallError('EINVAL', 'a record is cut');
      if (this.restoreOne(bytes, at, elapsed)) restored++;
      else left++;
      at = end;
    }
    return { restored, left };
  }

  private restoreOne(bytes: Uint8Array, at: number, elapsed: number): boolean {
    const { states, life, settings, sync } = this.parts;
    const from = saved.stateAt(at);
    if (!isValid(bytes, from)) return false;
    const state = this.codec.read(
      bytes,
      from,
      wire.idHigh(bytes, from),
      wire.idLow(bytes, from),
      () => false,
    );
    if (typeof state === 'string') return false;
    this.rules.read(state, bytes, saved.ruleAt(at), saved.ruleLength(bytes, at));
    const records = states.records(state);
    const place = states.at(state);
    records[place + TOUCHED] = records[place + TOUCHED]! - elapsed;
    records[place + CREATED] = records[place + CREATED]! - elapsed;
    if (life.expires(state) <= settings.seconds) {
      life.remove(state);
      return false;
    }
    sync.target?.created(state);
    return true;
  }
}
