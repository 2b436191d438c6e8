// SPDX-License-Identifier: ISC
//
// State options of a rule put together and checked, with what follows from them (pf.conf(5), "STATEFUL TRACKING
// OPTIONS").

import type { StateOptions } from '../../../../abi/rule.ts';
import type { Parsing } from '../parsing.ts';
import type { StateOptionNode } from '../syntax.ts';

type Draft = { -readonly [K in keyof StateOptions]: StateOptions[K] };

/** Handshakes are counted in thousandths of 32 bits. */
const MAX_RATE = Math.floor(0xffffffff / 1000);

/** `policy`: what `set state-policy` says for rules that do not say it themselves. */
export function buildStateOptions(
  p: Parsing,
  nodes: readonly StateOptionNode[],
  policy: { readonly ifBound: boolean },
): StateOptions {
  const builder = new StateBuilder(p);
  for (const node of nodes) builder.add(node);
  return builder.finish(policy.ifBound);
}

class StateBuilder {
  private readonly p: Parsing;
  private readonly draft: Draft = {};
  private readonly timeouts: Record<string, number> = {};
  private tracked = false;
  private trackedBy: 'rule' | 'global' | undefined;
  private locked = false;

  constructor(p: Parsing) {
    this.p = p;
  }

  add(node: StateOptionNode): void {
    const { draft } = this;
    switch (node.kind) {
      case 'max':
        if (draft.max) this.again("state option 'max'");
        draft.max = node.value;
        break;
      case 'no-sync':
        if (draft.noSync) this.again("state option 'sync'");
        draft.noSync = true;
        break;
      case 'source-track':
        if (this.tracked) this.again("state option 'source-track'");
        this.tracked = true;
        this.trackedBy = node.by;
        draft.sourceTrack ??= 'global';
        break;
      case 'max-src-states':
        draft.maxSrcStates = this.counted(node.kind, draft.maxSrcStates, node.value);
        draft.sourceTrack ??= 'global';
        break;
      case 'max-src-conn':
        draft.maxSrcConn = this.counted(node.kind, draft.maxSrcConn, node.value);
        draft.sourceTrack = 'rule';
        break;
      case 'max-src-nodes':
        draft.maxSrcNodes = this.counted(node.kind, draft.maxSrcNodes, node.value);
        draft.sourceTrack = 'rule';
        break;
      case 'max-src-conn-rate':
        this.addRate(node.limit, node.seconds);
        break;
      case 'overload':
        if (draft.overload !== undefined) this.p.cursor.fail("multiple 'overload' table definitions");
        draft.overload = { table: node.table, flush: node.flush, global: node.global };
        break;
      case 'lock':
        if (this.locked) this.again('state locking option:');
        this.locked = true;
        draft.ifBound = node.ifBound || undefined;
        break;
      case 'sloppy':
        if (draft.sloppy) this.again('state sloppy option:');
        draft.sloppy = true;
        break;
      case 'observed':
        if (draft.observed) this.again('state observed option:');
        draft.observed = true;
        break;
      case 'pflow':
        if (draft.pflow) this.again('state pflow option:');
        draft.pflow = true;
        break;
      case 'allow-related':
        if (draft.allowRelated) this.again('state allow-related option:');
        draft.allowRelated = true;
        break;
      case 'timeout':
        if (this.timeouts[node.name]) this.again(`state timeout ${node.name}`);
        this.timeouts[node.name] = node.value;
        break;
    }
  }

  finish(ifBound: boolean): StateOptions {
    const { draft, timeouts } = this;
    const adaptive = timeouts['adaptive.start'] !== undefined || timeouts['adaptive.end'] !== undefined;
    if (!adaptive && draft.max) {
      timeouts['adaptive.start'] = Math.floor(draft.max / 10) * 6;
      timeouts['adaptive.end'] = Math.floor(draft.max / 10) * 12;
    }
    this.checkTracking();
    const rateSeconds = draft.maxSrcConnRate?.seconds ?? 0;
    if ((timeouts['src.track'] ?? 0) < rateSeconds) timeouts['src.track'] = rateSeconds;
    if (this.trackedBy === 'rule') draft.sourceTrack = 'rule';
    if (!this.locked && ifBound) draft.ifBound = true;
    const set = Object.entries(timeouts).filter(([, value]) => value !== 0);
    if (set.length > 0) draft.timeouts = Object.fromEntries(set);
    return draft;
  }

  private counted(name: string, previous: number | undefined, value: number): number {
    if (previous) this.again(`state option '${name}'`);
    if (value === 0) this.p.cursor.fail(`'${name}' must be > 0`);
    return value;
  }

  private addRate(limit: number, seconds: number): void {
    const { cursor } = this.p;
    if (this.draft.maxSrcConnRate !== undefined) this.again("state option 'max-src-conn-rate'");
    if (limit === 0 || seconds === 0) cursor.fail("'max-src-conn-rate' values must be > 0");
    if (limit > MAX_RATE) cursor.fail(`'max-src-conn-rate' maximum rate must be < ${MAX_RATE}`);
    this.draft.maxSrcConnRate = { limit, seconds };
    this.draft.sourceTrack = 'rule';
  }

  /** Limits that belong to one rule cannot be counted for all of them. */
  private checkTracking(): void {
    if (this.trackedBy !== 'global') return;
    const { draft } = this;
    const clash =
      (draft.maxSrcNodes && 'max-src-nodes') ||
      (draft.maxSrcConn && 'max-src-conn') ||
      (draft.maxSrcConnRate && 'max-src-conn-rate');
    if (clash) this.p.cursor.fail(`'${clash}' is incompatible with 'source-track global'`);
  }

  private again(what: string): never {
    return this.p.cursor.fail(`${what} multiple definitions`);
  }
}
