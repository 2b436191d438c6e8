// SPDX-License-Identifier: ISC
//
// man(1): the manual page of a command or a file.

import { findPage, formatPage } from '../manual.ts';
import type { Command } from './command.ts';
import { command, Failure, UsageError } from './failure.ts';

export const man: Command = command(
  'man',
  'man command',
  'show the manual page of a command or file',
  async (args, context) => {
    const name = args.filter((arg) => !/^\d$/.test(arg))[0];
    if (name === undefined) throw new UsageError('What manual page do you want?');
    const page = await findPage(name);
    if (page === undefined) throw new Failure(`no entry for ${name} in the manual.`);
    context.stdout(formatPage(page));
    return 0;
  },
);
