// SPDX-License-Identifier: ISC
//
// man(1): the manual page of a command or a file.

import { findPage, formatPage, listPages } from '../manual.ts';
import type { Command, CommandContext } from './command.ts';
import { command, Failure, UsageError } from './failure.ts';

export const man: Command = command(
  'man',
  'man [page] | man -k word',
  'show the manual page of a command or file',
  async (args, context) => {
    if (args[0] === '-k') return search(args[1], context);
    const name = args.filter((arg) => !/^\d$/.test(arg))[0];
    if (name === undefined) throw new UsageError('What manual page do you want?');
    const page = await findPage(name);
    if (page === undefined)
      throw new Failure(`no entry for ${name} in the manual. man -k . lists its pages.`);
    context.stdout(formatPage(page));
    return 0;
  },
);

/** Pages with this text in their names or summaries; a dot is every page. */
async function search(word: string | undefined, { stdout, stderr }: CommandContext): Promise<number> {
  if (word === undefined) throw new UsageError('what to look for?');
  const wanted = word === '.' ? '' : word.toLowerCase();
  const lines = (await listPages()).map(
    ({ names, section, summary }) => `${names.join(', ')}(${section}) - ${summary}`,
  );
  const found = lines.filter((line) => line.toLowerCase().includes(wanted));
  for (const line of found) stdout(`${line}\n`);
  if (found.length > 0) return 0;
  stderr(`${word}: nothing appropriate\n`);
  return 1;
}
