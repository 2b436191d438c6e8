// SPDX-License-Identifier: ISC
//
// What completion may offer, asked of the machine by its own commands, so that a console far away sees the same as one at hand.

import type { Described, Files } from '../commands/command.ts';
import { parseHosts } from '../config/hosts.ts';
import type { Surroundings } from './completion.ts';

export interface SurroundingsParts {
  readonly files: Files;
  readonly commands: readonly string[];
  readonly describe: (name: string) => Promise<Described | undefined>;
  /** Runs a command and answers what it prints; empty where it fails. */
  readonly output: (args: readonly string[]) => Promise<string>;
}

type Source = (parts: SurroundingsParts) => Promise<readonly string[]>;

/** Where the names of each kind come from, by the placeholders of usage lines. */
const SOURCES: Readonly<Record<string, Source>> = {
  interface: interfaces,
  table: async ({ output }) => linesOf(await output(['pfctl', '-s', 'Tables'])),
  anchor: async ({ output }) => linesOf(await output(['pfctl', '-s', 'Anchors'])),
  host: hosts,
  hostname: hosts,
  hostid: (parts) => relaydNames(parts, 'host'),
  tableid: (parts) => relaydNames(parts, 'table'),
  rdrid: (parts) => relaydNames(parts, 'redirect'),
  command: async ({ commands }) => commands,
  page: pages,
  version: async ({ output }) => linesOf(await output(['history'])).map((line) => line.split(/\s/, 1)[0]!),
};

export function surroundingsOf(parts: SurroundingsParts): Surroundings {
  return {
    commands: parts.commands,
    describe: parts.describe,
    names: async (kind) => SOURCES[kind]?.(parts),
    list: (directory) => entries(parts.files, directory),
  };
}

function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

async function interfaces({ output }: SurroundingsParts): Promise<readonly string[]> {
  const text = await output(['ifconfig']);
  return [...text.matchAll(/^(\w+): flags=/gm)].map((match) => match[1]!);
}

/** Names of the manual's pages: in front of the section. */
async function pages({ output }: SurroundingsParts): Promise<readonly string[]> {
  return linesOf(await output(['man', '-k', '.'])).flatMap((line) => line.split('(', 1)[0]!.split(', '));
}

/** Names of /etc/hosts. */
async function hosts({ files }: SurroundingsParts): Promise<readonly string[]> {
  if (!(await files.exists('/etc/hosts'))) return [];
  return [...parseHosts(await files.read('/etc/hosts')).keys()];
}

/** Names in the listing of relayctl(8), whose columns are divided by tabs. */
async function relaydNames(
  { output }: SurroundingsParts,
  type: 'host' | 'table' | 'redirect',
): Promise<readonly string[]> {
  const rows = (await output(['relayctl', 'show', 'summary'])).split('\n').map((line) => line.split('\t'));
  return rows.filter((row) => row[1]?.trim() === type).map((row) => row[2]!.trim());
}

async function entries(files: Files, directory: string): Promise<readonly string[]> {
  try {
    const names = await files.list(directory);
    return await Promise.all(
      names.map(async (name) => ((await isDirectory(files, `${directory}/${name}`)) ? `${name}/` : name)),
    );
  } catch (error) {
    // No such directory: there is nothing to offer.
    if (error instanceof Error && 'code' in error) return [];
    throw error;
  }
}

async function isDirectory(files: Files, path: string): Promise<boolean> {
  try {
    await files.list(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}
