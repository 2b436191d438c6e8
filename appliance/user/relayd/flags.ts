// SPDX-License-Identifier: ISC
//
// The flags of relayd(8), from a command line or from relayd_flags in rc.conf.local(8).

export interface RelaydFlags {
  /** `-n`: only check the file. */
  readonly check: boolean;
  readonly verbose: boolean;
  readonly file: string;
  readonly macros: Readonly<Record<string, string>>;
}

export const CONFIGURATION_FILE = '/etc/relayd.conf';

/** Reads flags; `-f` and `-D` may have their argument joined to them. `-d` (stay in the foreground) is what we do anyway. */
export function parseRelaydFlags(args: readonly string[]): RelaydFlags | { readonly problem: string } {
  const rest = [...args];
  const flags = {
    check: false,
    verbose: false,
    file: CONFIGURATION_FILE,
    macros: {} as Record<string, string>,
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [, plain, option, joined] = /^-([dnv]*)(?:([fD])(.*))?$/s.exec(word) ?? [];
    if (plain === undefined || word === '-') return { problem: `unknown argument ${word}` };
    flags.check ||= plain.includes('n');
    flags.verbose ||= plain.includes('v');
    if (option === undefined) continue;
    const argument = joined || rest.shift();
    if (argument === undefined) return { problem: `option requires an argument -- ${option}` };
    if (option === 'f') flags.file = argument;
    else {
      // At the last sign, as the original splits.
      const equals = argument.lastIndexOf('=');
      if (equals < 1) return { problem: 'could not parse macro definition' };
      flags.macros[argument.slice(0, equals)] = argument.slice(equals + 1);
    }
  }
  return flags;
}
