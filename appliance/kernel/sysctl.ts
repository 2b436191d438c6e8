// SPDX-License-Identifier: ISC
//
// The kernel's settings (sysctl(3)): integers by name, in one place; parts that read one for every packet keep a view of it.

import { CallError } from '../abi/errno.ts';
import { SYSCTLS, type SysctlName } from '../abi/system.ts';

export class Sysctl {
  private readonly values: Record<SysctlName, number> = { ...SYSCTLS };
  private readonly watchers: (() => void)[] = [];

  get(name: SysctlName): number {
    return this.values[name];
  }

  /** Sets a value and answers the previous one. CallError EINVAL for what is not a number of 32 bits, ENOENT for an unknown name. */
  set(name: SysctlName, value: number): number {
    if (!(name in this.values)) throw new CallError('ENOENT', `${name}: no such name`);
    if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff) throw new CallError('EINVAL');
    const previous = this.values[name];
    this.values[name] = value;
    for (const watcher of this.watchers) watcher();
    return previous;
  }

  /** Runs `watcher` now and after every change. */
  watch(watcher: () => void): void {
    this.watchers.push(watcher);
    watcher();
  }
}
