// SPDX-License-Identifier: ISC
//
// rhine install: makes a machine's directory from answers. What is there already is never touched; the directory appears whole or not
// at all.

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { hashPassword } from '../users/passwordHash.ts';
import { askAll } from './answers.ts';
import type { Dialogue } from './dialogue.ts';
import { machineFiles } from './machineFiles.ts';

/** It cannot be installed; the message says why. */
export class InstallError extends Error {}

export interface InstallParts {
  readonly directory: string;
  readonly dialogue: Dialogue;
  /** What a boot of the new machine would complain of. */
  readonly check: (directory: string) => Promise<readonly string[]>;
}

/** Asks, and makes the machine. Rejects with InstallError when the directory is in use or what would be made does not boot. */
export async function install({ directory, dialogue, check }: InstallParts): Promise<void> {
  const place = resolve(directory);
  await requireFree(place, directory);
  const answers = await askAll(dialogue);
  dialogue.finish();
  const hash = answers.password === '' ? undefined : await hashPassword(answers.password);
  await mkdir(dirname(place), { recursive: true });
  const made = await mkdtemp(join(dirname(place), `.${basename(place)}-`));
  try {
    await writeAll(made, machineFiles(answers, hash));
    const problems = await check(made);
    if (problems.length > 0) throw new InstallError(problems.join('\n'));
    await requireFree(place, directory);
    await rename(made, place);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw error;
  }
}

async function requireFree(place: string, name: string): Promise<void> {
  if (!existsSync(place)) return;
  const entries = await readdir(place).catch(() => ['a file']);
  if (entries.length > 0) {
    throw new InstallError(
      `${name} is there already and not empty; nothing is overwritten. Name another directory.`,
    );
  }
}

async function writeAll(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text, { mode: 0o600, flag: 'wx' });
  }
}
