// SPDX-License-Identifier: ISC
//
// The files of a machine that has no disk: a map from paths to texts.

import { posix } from 'node:path';
import type { Files } from '../../appliance/user/commands/command.ts';
import { FileError } from '../../appliance/user/files.ts';

export class MemoryFiles implements Files {
  readonly texts = new Map<string, string>();
  /** When set, writing fails with this errno name, as on a full disk. */
  refusal: string | undefined;

  constructor(texts: Readonly<Record<string, string>> = {}) {
    for (const [path, text] of Object.entries(texts)) this.texts.set(placeOf(path), text);
  }

  async read(path: string): Promise<string> {
    const text = this.texts.get(placeOf(path));
    if (text !== undefined) return text;
    const isDirectory = [...this.texts.keys()].some((one) => one.startsWith(`${placeOf(path)}/`));
    throw new FileError(isDirectory ? 'EISDIR' : 'ENOENT', path);
  }

  async readBytes(path: string): Promise<Uint8Array> {
    return Buffer.from(await this.read(path));
  }

  readSecret(path: string): Promise<string> {
    return this.read(path);
  }

  async write(path: string, text: string): Promise<void> {
    if (this.refusal !== undefined) throw new FileError(this.refusal, path);
    this.texts.set(placeOf(path), text);
  }

  async remove(path: string): Promise<void> {
    if (!this.texts.delete(placeOf(path))) throw new FileError('ENOENT', path);
  }

  async list(directory: string): Promise<readonly string[]> {
    const root = placeOf(directory);
    if (this.texts.has(root)) throw new FileError('ENOTDIR', directory);
    const prefix = root === '/' ? '/' : `${root}/`;
    const below = [...this.texts.keys()].filter((path) => path.startsWith(prefix));
    if (below.length === 0 && root !== '/') throw new FileError('ENOENT', directory);
    return [...new Set(below.map((path) => path.slice(prefix.length).split('/')[0]!))].sort();
  }

  async exists(path: string): Promise<boolean> {
    return this.texts.has(placeOf(path));
  }

  create(path: string): Promise<never> {
    return Promise.reject(new FileError('EROFS', path));
  }
}

function placeOf(path: string): string {
  const place = posix.normalize(`/${path}`);
  return place.length > 1 ? place.replace(/\/$/, '') : place;
}
