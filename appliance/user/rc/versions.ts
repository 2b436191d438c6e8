// SPDX-License-Identifier: ISC
//
// Versions of a machine's configuration: what etc/ held whenever it was booted or applied, one file each in var/db/config, so that
// a crash or a full disk leaves the old or the new one, never half of it.

import type { Files } from '../commands/command.ts';

const DIRECTORY = '/var/db/config';
/** Older versions are thrown away. */
const KEPT = 100;
/** Larger files are no configuration. */
const MAXIMUM_TEXT = 8 * 1024 * 1024;
/** Passwords and keys are changed by their own commands and do not go back with a configuration. */
const SECRETS = /^(master\.passwd|.*\.key|ssl)$/;

/** Paths below etc/ and their texts. */
export type Texts = Readonly<Record<string, string>>;

export interface Version {
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** What made it: `boot`, `apply`, `rollback to 3`. */
  readonly by: string;
  readonly files: Texts;
}

export class Versions {
  private readonly files: Files;
  private readonly now: () => number;

  constructor(files: Files, now: () => number) {
    this.files = files;
    this.now = now;
  }

  /** Numbers of the versions that are kept, oldest first. */
  async numbers(): Promise<readonly number[]> {
    const names = await this.files.list(DIRECTORY).catch((error: { code?: string }) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names
      .flatMap((name) => (/^\d{6,}\.json$/.test(name) ? [Number.parseInt(name, 10)] : []))
      .sort((a, b) => a - b);
  }

  /** Undefined when there is no such version. */
  async read(number: number): Promise<Version | undefined> {
    const file = fileOf(number);
    if (!(await this.files.exists(file))) return undefined;
    return JSON.parse(await this.files.read(file)) as Version;
  }

  async latest(): Promise<Version | undefined> {
    const number = (await this.numbers()).at(-1);
    return number === undefined ? undefined : this.read(number);
  }

  /** Keeps what etc/ holds now as a version, unless the latest one holds the same. Resolves to the latest version then. */
  async record(by: string): Promise<Version> {
    const files = await this.present();
    const latest = await this.latest();
    if (latest !== undefined && sameTexts(latest.files, files)) return latest;
    const version = { number: (latest?.number ?? 0) + 1, time: this.now(), by, files };
    await this.files.write(fileOf(version.number), `${JSON.stringify(version, undefined, 1)}\n`);
    for (const old of (await this.numbers()).slice(0, -KEPT)) await this.files.remove(fileOf(old));
    return version;
  }

  /** Puts a version's files in place, each of them whole. Files that it does not have go. */
  async restore(version: Version): Promise<void> {
    const present = await this.present();
    for (const [path, text] of Object.entries(version.files)) {
      if (present[path] !== text) await this.files.write(`/etc/${path}`, text);
    }
    for (const path of Object.keys(present)) {
      if (version.files[path] === undefined) await this.files.remove(`/etc/${path}`);
    }
  }

  /** What etc/ holds now. */
  async present(): Promise<Texts> {
    const texts: Record<string, string> = {};
    await this.collect('', texts);
    return texts;
  }

  private async collect(directory: string, texts: Record<string, string>): Promise<void> {
    for (const name of await this.files.list(`/etc/${directory}`)) {
      if (SECRETS.test(name) || name.endsWith('.new')) continue;
      const path = `${directory}${name}`;
      try {
        const text = await this.files.read(`/etc/${path}`);
        if (text.length <= MAXIMUM_TEXT) texts[path] = text;
      } catch (error) {
        if ((error as { code?: string }).code !== 'EISDIR') throw error;
        await this.collect(`${path}/`, texts);
      }
    }
  }

  // The version to go back to while an apply waits for its confirm: kept in a file, so that a machine that dies boots with it.

  async expectConfirm(version: number): Promise<void> {
    await this.files.write(UNCONFIRMED, `${version}\n`);
  }

  async confirmed(): Promise<void> {
    if (await this.files.exists(UNCONFIRMED)) await this.files.remove(UNCONFIRMED);
  }

  /** The version that a machine that died unconfirmed goes back to. */
  async unconfirmed(): Promise<Version | undefined> {
    if (!(await this.files.exists(UNCONFIRMED))) return undefined;
    return this.read(Number(await this.files.read(UNCONFIRMED)));
  }
}

const UNCONFIRMED = `${DIRECTORY}/unconfirmed`;

function fileOf(number: number): string {
  return `${DIRECTORY}/${String(number).padStart(6, '0')}.json`;
}

export function sameTexts(a: Texts, b: Texts): boolean {
  const paths = Object.keys(a);
  return paths.length === Object.keys(b).length && paths.every((path) => a[path] === b[path]);
}
