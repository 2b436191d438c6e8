// SPDX-License-Identifier: ISC
//
// What scrub changes in headers, as one rule says or several together.

import type { ScrubOptions, SetOptions } from '../../abi/rule.ts';

export class ScrubSettings {
  noDf = false;
  randomId = false;
  /** 0 leaves it. */
  minTtl = 0;
  maxMss = 0;
  /** -1 leaves it. */
  tos = -1;
  reassembleTcp = false;

  clear(): void {
    this.noDf = false;
    this.randomId = false;
    this.minTtl = 0;
    this.maxMss = 0;
    this.tos = -1;
    this.reassembleTcp = false;
  }

  /** Whether there is anything to do. */
  get isEmpty(): boolean {
    return (
      !this.noDf &&
      !this.randomId &&
      this.minTtl === 0 &&
      this.maxMss === 0 &&
      this.tos < 0 &&
      !this.reassembleTcp
    );
  }

  /** Takes over what a rule says; of several the last one wins, property by property. */
  take(scrub: ScrubOptions | undefined, set: SetOptions | undefined): void {
    if (set?.tos !== undefined) this.tos = set.tos;
    if (scrub === undefined) return;
    if (scrub.noDf) this.noDf = true;
    if (scrub.randomId) this.randomId = true;
    if (scrub.reassembleTcp) this.reassembleTcp = true;
    this.minTtl = scrub.minTtl ?? this.minTtl;
    this.maxMss = scrub.maxMss ?? this.maxMss;
    this.tos = scrub.setTos ?? this.tos;
  }

  copy(): ScrubSettings {
    return Object.assign(new ScrubSettings(), this);
  }
}
