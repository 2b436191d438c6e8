// SPDX-License-Identifier: ISC
//
// pfsync0 and the interface it speaks through, as they are at the moment.

import { IFF_UP } from '../../abi/interface.ts';
import type { Interface } from '../link/interface.ts';
import type { Settings } from '../pf/settings.ts';
import type { Seal } from './seal.ts';
import type { PfsyncSettings } from './settings.ts';

export class Link {
  /** pfsync0; undefined where it has not been made. */
  on: Interface | undefined;
  /** States are exchanged. */
  isUp = false;
  private readonly settings: PfsyncSettings;
  private readonly pf: Settings;

  constructor(settings: PfsyncSettings, pf: Settings) {
    this.settings = settings;
    this.pf = pf;
  }

  get syncdev(): Interface | undefined {
    return this.settings.syncdev;
  }

  get seal(): Seal | undefined {
    return this.settings.seal;
  }

  /** Set up, with something to speak through. */
  get wanted(): boolean {
    return this.on !== undefined && (this.on.flags & IFF_UP) !== 0 && this.syncdev !== undefined;
  }

  /** What arrives is taken. */
  get running(): boolean {
    return this.isUp && this.pf.enabled;
  }

  get hasCarrier(): boolean {
    const { syncdev } = this;
    return syncdev?.link === true && syncdev.running;
  }
}
