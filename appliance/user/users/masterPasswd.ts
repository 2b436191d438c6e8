// SPDX-License-Identifier: ISC
//
// etc/master.passwd: who may log in at the console, a line each as in passwd(5). Without the file nobody is asked.

import type { Files } from '../commands/command.ts';
import { ConfigError } from '../config/lines.ts';

export const MASTER_PASSWD = '/etc/master.passwd';

/** The fields behind name and password: everybody is root here. */
const REST = '0:0:daemon:0:0:rhine:/:/bin/ksh';

/** Names and password hashes, in the order of the file. */
export type Users = ReadonlyMap<string, string>;

/** Undefined when there is no such file, and nobody needs to log in. */
export async function readUsers(files: Files): Promise<Users | undefined> {
  return (await files.exists(MASTER_PASSWD)) ? parseUsers(await files.read(MASTER_PASSWD)) : undefined;
}

export function parseUsers(text: string): Users {
  const users = new Map<string, string>();
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return;
    const [name = '', hash] = line.split(':');
    if (!isUserName(name) || hash === undefined) {
      throw new ConfigError(MASTER_PASSWD, i + 1, 'expected name:password:…');
    }
    users.set(name, hash);
  });
  return users;
}

export function isUserName(name: string): boolean {
  return /^[a-z_][a-z0-9_-]{0,30}$/.test(name);
}

export function formatUsers(users: Users): string {
  return [...users].map(([name, hash]) => `${name}:${hash}:${REST}\n`).join('');
}
