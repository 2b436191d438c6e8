// SPDX-License-Identifier: ISC
//
// relayd(8) on the command line: checks a file. The daemon itself is started by rc when rc.conf.local says so.

import { fileProblem } from '../config/pf/loadPfConf.ts';
import { parseRelaydFlags } from '../relayd/flags.ts';
import { ConfigurationError, loadConfiguration } from '../relayd/load.ts';
import type { Command, CommandContext } from './command.ts';
import { command, Failure, UsageError } from './failure.ts';

export const relayd: Command = command(
  'relayd',
  'relayd -n [-dv] [-D macro=value] [-f file]',
  'check a relayd.conf',
  async (args, context) => {
    const flags = parseRelaydFlags(args);
    if ('problem' in flags) throw new UsageError(flags.problem);
    if (!flags.check) {
      throw new Failure('the daemon is started by rc (relayd_flags="" in rc.conf.local); -n checks a file');
    }
    return check(flags, context);
  },
);

async function check(
  { file, macros, verbose }: { file: string; macros: Readonly<Record<string, string>>; verbose: boolean },
  { files, kernel, stderr }: CommandContext,
): Promise<number> {
  const text = await files.read(file).catch((error: unknown) => {
    throw new Failure(`${file}: ${fileProblem(error)}`);
  });
  try {
    const readFile = (path: string) => files.read(path);
    const loaded = await loadConfiguration({ text, file, readFile, macros, ...(kernel && { kernel }) });
    for (const warning of loaded.warnings) stderr(`${warning}\n`);
    if (verbose) for (const name of loaded.unusedMacros) stderr(`warning: macro '${name}' not used\n`);
    stderr('configuration OK\n');
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    stderr(`${error.message}\n`);
    return 1;
  }
}
