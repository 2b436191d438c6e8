// SPDX-License-Identifier: ISC
//
// sysctl.conf(5): settings for the boot, `name=value` a line.

import { SYSCTLS, type SysctlName } from '../../abi/system.ts';
import { ConfigError, significantLines } from './lines.ts';

export interface Setting {
  readonly line: number;
  readonly name: SysctlName;
  readonly value: number;
}

/** Whether the kernel has a setting of that name. */
export function isSysctlName(name: string): name is SysctlName {
  return Object.hasOwn(SYSCTLS, name);
}

/** Reads sysctl.conf; every mistake is collected, so that the good lines take effect as they do on the original. */
export function parseSysctlConf(text: string, file: string): { settings: Setting[]; errors: ConfigError[] } {
  const settings: Setting[] = [];
  const errors: ConfigError[] = [];
  for (const line of significantLines(text)) {
    const [, name, value] = /^([\w.-]+)\s*=\s*(\S+)$/.exec(line.text) ?? [];
    if (name === undefined || value === undefined) {
      errors.push(new ConfigError(file, line.number, 'expected name=value'));
    } else if (!isSysctlName(name)) {
      errors.push(new ConfigError(file, line.number, `there is no setting ${name}`));
    } else if (!/^\d+$/.test(value)) {
      errors.push(new ConfigError(file, line.number, `${value} is not a number`));
    } else {
      settings.push({ line: line.number, name, value: Number(value) });
    }
  }
  return { settings, errors };
}
