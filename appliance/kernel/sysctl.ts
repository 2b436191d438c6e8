// SPDX-License-Identifier: ISC
//
// The kernel's settings (sysctl(3)): integers by name, in one place; parts that read one for every packet keep a view of it.

import { CallError } from '../abi/errno.ts';
import { SYSCTLS, type SysctlName } from '../abi/system.ts';

export class Sysctl {
  private readonly values: Record<SysctlName, number> = { ...SYSCTLS };
  private readonly watchers: (() => void)[] = [];

  /** The value of a setting; CallError ENOENT for an unknown name. */
  get(name: SysctlName): number {
    if (!Object.hasOwn(this.values, name)) throw new CallError('ENOENT', `${name}: no such name`);
    return this.values[name];
  }

  /** Sets a value and answers the previous one. CallError EINVAL for what is no number of 31 bits, ENOENT for an unknown name. */
  set(name: SysctlName, value: number): number {
    const previous = this.get(name);
    if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff) throw new CallError('EINVAL');
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
