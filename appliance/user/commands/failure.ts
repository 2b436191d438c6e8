// SPDX-License-Identifier: ISC
//
// How commands fail: a usage line for a wrong call, `name: reason` for everything that a user can mend.

import type { KernelClient } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import type { Command, CommandContext } from './command.ts';

/** Ends a command with a message on standard error. */
export class Failure extends Error {
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

/** The command was called in a way that it does not have. */
export class UsageError extends Error {}

/** Makes a command of its parts; failures become messages and exit statuses, defects go on. */
export function command(
  name: string,
  synopsis: string,
  summary: string,
  run: (args: readonly string[], context: CommandContext) => Promise<number>,
): Command {
  return {
    name,
    synopsis,
    summary,
    run: async (args, context) => {
      try {
        return await run(args, context);
      } catch (error) {
        if (error instanceof UsageError) {
          if (error.message !== '') context.stderr(`${name}: ${error.message}\n`);
          context.stderr(`usage: ${synopsis}\n`);
          return 1;
        }
        if (error instanceof Failure || error instanceof CallError) {
          context.stderr(`${name}: ${error.message}${await interfacesThere(error, context)}\n`);
          return error instanceof Failure ? error.status : 1;
        }
        throw error;
      }
    },
  };
}

/** Which interfaces there are, for those who named one that is not among them. */
async function interfacesThere({ message }: Error, { kernel }: CommandContext): Promise<string> {
  if (kernel === undefined || !/: no such interface$/.test(message)) return '';
  const names = (await kernel.call('interface.list', {})).map((on) => on.name);
  return ` (there are ${names.join(', ')})`;
}

/** The kernel of the machine; a Failure for commands that were run without one. */
export function kernelOf(context: CommandContext): KernelClient {
  if (context.kernel === undefined) throw new Failure('no running machine (name one with -M DIR)');
  return context.kernel;
}
