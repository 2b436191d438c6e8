// SPDX-License-Identifier: ISC
//
// The files that commands may touch: those of a machine's directory, or offline those of the working one.

import { constants, existsSync, realpathSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import type { CreateOptions, Files, FileWriter } from './commands/command.ts';

/** Larger files than this are not read: configuration and table files are far smaller. */
const MAXIMUM_FILE = 64 * 1024 * 1024;
/** S_IRWXG and S_IRWXO of stat(2). */
const OTHERS = 0o077;

export class FileError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Files of a machine: `/etc/pf.conf` and `etc/pf.conf` are both DIR/etc/pf.conf; nothing outside DIR can be reached. */
export class MachineFiles implements Files {
  private readonly root: string;

  constructor(directory: string) {
    this.root = realpathSync(directory);
  }

  read(path: string): Promise<string> {
    return readText(this.locate(path), path);
  }

  readBytes(path: string): Promise<Uint8Array> {
    return readBounded(this.locate(path), path);
  }

  readSecret(path: string): Promise<string> {
    return readPrivate(this.locate(path), path);
  }

  write(path: string, text: string): Promise<void> {
    return replace(this.locate(path), text);
  }

  remove(path: string): Promise<void> {
    return unlink(this.locate(path));
  }

  async list(directory: string): Promise<readonly string[]> {
    return (await readdir(this.locate(directory))).sort();
  }

  exists(path: string): Promise<boolean> {
    return Promise.resolve(existsSync(this.locate(path)));
  }

  create(path: string, options?: CreateOptions): Promise<FileWriter> {
    return createFile(this.locate(path), options);
  }

  /** The real place of a path; links may not lead outside. */
  private locate(path: string): string {
    const place = resolve(this.root, `.${sep}${path}`);
    const real = existsSync(place)
      ? realpathSync(place)
      : join(realDirectory(dirname(place)), place.slice(dirname(place).length + 1));
    if (real !== this.root && !real.startsWith(this.root + sep)) {
      throw new FileError('EACCES', `${path}: outside the machine's directory`);
    }
    return real;
  }
}

function realDirectory(directory: string): string {
  return existsSync(directory) ? realpathSync(directory) : directory;
}

/** Files of the working directory, for commands that run without a machine. */
export class WorkingFiles implements Files {
  private readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  read(path: string): Promise<string> {
    return readText(resolve(this.directory, path), path);
  }

  readBytes(path: string): Promise<Uint8Array> {
    return readBounded(resolve(this.directory, path), path);
  }

  readSecret(path: string): Promise<string> {
    return readPrivate(resolve(this.directory, path), path);
  }

  write(path: string, text: string): Promise<void> {
    return replace(resolve(this.directory, path), text);
  }

  remove(path: string): Promise<void> {
    return unlink(resolve(this.directory, path));
  }

  async list(directory: string): Promise<readonly string[]> {
    return (await readdir(resolve(this.directory, directory))).sort();
  }

  exists(path: string): Promise<boolean> {
    return Promise.resolve(existsSync(resolve(this.directory, path)));
  }

  create(path: string, options?: CreateOptions): Promise<FileWriter> {
    return createFile(resolve(this.directory, path), options);
  }
}

async function readPrivate(place: string, path: string): Promise<string> {
  const { mode } = await stat(place);
  if ((mode & OTHERS) !== 0) {
    throw new FileError('EFTYPE', 'others than its owner can read it (chmod 600)');
  }
  return readText(place, path);
}

async function readText(place: string, path: string): Promise<string> {
  return (await readBounded(place, path)).toString('utf8');
}

async function readBounded(place: string, path: string): Promise<Buffer> {
  const file = await open(place, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size } = await file.stat();
    if (size > MAXIMUM_FILE) throw new FileError('EFBIG', `${path}: too large to read`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** The old content or the new, never half of one: written beside, flushed, renamed. */
async function replace(place: string, text: string): Promise<void> {
  const beside = besideOf(place);
  const file = await open(beside, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
    await file.close();
    await rename(beside, place);
  } catch (error) {
    await file.close().catch(() => undefined); // it may be closed already; the first error is the one that counts
    await rm(beside, { force: true });
    throw error;
  }
}

async function createFile(place: string, { whole = false }: CreateOptions = {}): Promise<FileWriter> {
  await mkdir(dirname(place), { recursive: true });
  const written = whole ? besideOf(place) : place;
  const file = await open(written, 'w', 0o600);
  return {
    write: async (bytes) => {
      await file.writeFile(bytes);
    },
    close: async () => {
      if (whole) await file.sync();
      await file.close();
      if (whole) await rename(written, place);
    },
  };
}

function besideOf(place: string): string {
  return `${place}.${process.pid}.new`;
}
