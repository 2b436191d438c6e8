// SPDX-License-Identifier: ISC
//
// passwd(1): sets a password for the console. The first one makes etc/master.passwd, and from then on the console asks.

import { ConfigError } from '../config/lines.ts';
import { formatUsers, isUserName, MASTER_PASSWD, readUsers } from '../users/masterPasswd.ts';
import { hashPassword } from '../users/passwordHash.ts';
import type { Command, CommandContext } from './command.ts';
import { command, Failure, UsageError } from './failure.ts';

const SHORTEST = 6;

export const passwd: Command = command(
  'passwd',
  'passwd [user]',
  'set a password for the console',
  async ([user = 'root', ...more], context) => {
    if (more.length > 0 || user.startsWith('-')) throw new UsageError('');
    if (!isUserName(user)) throw new Failure(`${user}: not a user's name (letters, digits, _ and -)`);
    const users = new Map(await knownUsers(context));
    const hash = await hashPassword(await newPassword(user, context));
    users.set(user, hash);
    await context.files.write(MASTER_PASSWD, formatUsers(users));
    return 0;
  },
);

async function knownUsers(context: CommandContext): Promise<ReadonlyMap<string, string>> {
  try {
    return (await readUsers(context.files)) ?? new Map();
  } catch (error) {
    if (error instanceof ConfigError) throw new Failure(error.message);
    throw error;
  }
}

async function newPassword(user: string, { ask, stdout }: CommandContext): Promise<string> {
  if (ask === undefined) throw new Failure('a password can only be set where it can be asked for');
  stdout(`Changing password for ${user}.\n`);
  const password = await ask('New password:', true);
  if (password === undefined || password === '') throw new Failure('Password unchanged.');
  if (password.length < SHORTEST)
    throw new Failure(`Please enter a longer password (${SHORTEST} characters).`);
  const again = await ask('Retype new password:', true);
  if (again !== password) throw new Failure('Mismatch; the password stays as it was.');
  return password;
}
