// SPDX-License-Identifier: ISC
//
// rc.conf.local(8): which daemons run with which flags, `name=value` as the shell reads it.

import { ConfigError, significantLines } from './lines.ts';

/** What a machine does unless rc.conf.local says otherwise. */
const DEFAULTS: Readonly<Record<string, string>> = { pf: 'YES', pflogd_flags: '', relayd_flags: 'NO' };

export class RcConf {
  private readonly values: Readonly<Record<string, string>>;

  constructor(values: Readonly<Record<string, string>>) {
    this.values = { ...DEFAULTS, ...values };
  }

  /** `pf=YES` and the like. */
  isOn(name: string): boolean {
    return (this.values[name] ?? 'NO').toUpperCase() !== 'NO';
  }

  /** The flags of a daemon; undefined when it does not run (`NO`). */
  flags(daemon: string): string | undefined {
    const flags = this.values[`${daemon}_flags`] ?? 'NO';
    return flags === 'NO' ? undefined : flags;
  }
}

/** Reads rc.conf.local. Later lines win. Throws ConfigError for what is no assignment. */
export function parseRcConf(text: string, file: string): RcConf {
  const values: Record<string, string> = {};
  for (const line of significantLines(text)) {
    const match = /^([A-Za-z_]\w*)=(?:"([^"]*)"|'([^']*)'|(\S*))$/.exec(line.text);
    if (match === null) throw new ConfigError(file, line.number, 'expected name=value');
    values[match[1]!] = match[2] ?? match[3] ?? match[4]!;
  }
  return new RcConf(values);
}
