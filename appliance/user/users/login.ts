// SPDX-License-Identifier: ISC
//
// login(1) at a console: a name and a password, and a longer pause after each failure.

import type { Ask, Files } from '../commands/command.ts';
import { ConfigError } from '../config/lines.ts';
import { readUsers, type Users } from './masterPasswd.ts';
import { verifyPassword } from './passwordHash.ts';

export interface LoginParts {
  readonly files: Files;
  readonly name: string;
  readonly ask: Ask;
  readonly say: (line: string) => void;
  readonly wait: (milliseconds: number) => Promise<void>;
}

const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 16_000;

/** Nobody gets in by a file that cannot be read; whoever has the machine's directory can mend it meanwhile. */
function unreadable(error: unknown, say: LoginParts['say']): Users {
  if (!(error instanceof ConfigError)) throw error;
  say(`${error.message}: nobody can log in before that is mended, with the host's editor`);
  return new Map();
}

/** Resolves to true when somebody may use the console; at once where there are no users. False: they went away. */
export async function login({ files, name, ask, say, wait }: LoginParts): Promise<boolean> {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const users = await readUsers(files).catch((error) => unreadable(error, say));
    if (users === undefined) return true;
    const user = await ask(`${name} login: `);
    if (user === undefined) return false;
    const password = await ask('Password: ', true);
    if (password === undefined) return false;
    if (await verifyPassword(password, users.get(user.trim()))) return true;
    await wait(pause);
    say('Login incorrect');
  }
}
