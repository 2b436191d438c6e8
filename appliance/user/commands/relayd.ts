// SPDX-License-Identifier: ISC
//
// relayd(8) on the command line: checks a file. The daemon itself is started by rc when rc.conf.local says so.

import { readIncludes } from '../config/relayd/includes.ts';
import { parseRelaydConf } from '../config/relayd/parser.ts';
import type { Command } from './command.ts';
import { command, Failure, UsageError } from './failure.ts';

export const relayd: Command = command(
  'relayd',
  'relayd -n [-v] [-D macro=value] [-f file]',
  'check a relayd.conf',
  async (args, context) => {
    const rest = [...args];
    const macros = new Map<string, string>();
    let file = 'etc/relayd.conf';
    let check = false;
    while (rest.length > 0) {
      const word = rest.shift()!;
      if (word === '-n') check = true;
      else if (word === '-f') file = rest.shift() ?? usage('-f needs a file');
      else if (word === '-D') define(macros, rest.shift() ?? usage('-D needs macro=value'));
      else if (!/^-[vd]+$/.test(word)) usage(`unknown argument ${word}`);
    }
    if (!check)
      throw new Failure('the daemon is started by rc (relayd_flags="" in rc.conf.local); -n checks a file');
    const text = await context.files.read(file).catch((error: Error) => {
      throw new Failure(`${file}: ${error.message}`);
    });
    const include = await readIncludes(text, context.files);
    const { errors, warnings } = parseRelaydConf(text, file, { macros, include });
    for (const { message } of errors) context.stderr(`${message}\n`);
    for (const warning of warnings) context.stderr(`${warning}\n`);
    if (errors.length === 0) context.stderr('configuration OK\n');
    return errors.length === 0 ? 0 : 1;
  },
);

function define(macros: Map<string, string>, word: string): void {
  const equals = word.lastIndexOf('=');
  if (equals < 1) usage('-D needs macro=value');
  macros.set(word.slice(0, equals), word.slice(equals + 1));
}

function usage(message: string): never {
  throw new UsageError(message);
}
