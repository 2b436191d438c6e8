// SPDX-License-Identifier: ISC
//
// help: the commands there are, a line each.

import type { Command, Described } from './command.ts';
import { command, Failure } from './failure.ts';

/** `help` over a table of commands. */
export function makeHelp(
  names: readonly string[],
  find: (name: string) => Promise<Described> | undefined,
): Command {
  const summary = 'list the commands, or say how one is called';
  return command('help', 'help [command]', summary, async (args, context) => {
    for (const name of args.length === 0 ? names : args) {
      const found = await find(name);
      if (found === undefined) throw new Failure(`${name}: no such command`);
      const line =
        args.length === 0 ? `${found.name.padEnd(12)} ${found.summary}` : `usage: ${found.synopsis}`;
      context.stdout(`${line}\n`);
    }
    return 0;
  });
}
