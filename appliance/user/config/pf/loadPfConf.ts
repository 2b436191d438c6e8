// SPDX-License-Identifier: ISC
//
// A pf.conf(5) with everything it names: included files, table files, anchors loaded from files. The parser itself reads
// nothing; what it misses is read here and the text parsed again.

import type { FileText } from './parsing.ts';
import { type ParsedPfConf, type ParseOptions, parsePfConf } from './pfConf.ts';

/** Reads a file; rejects with an error that carries an errno name as `code`. */
export type ReadFile = (path: string) => Promise<string>;

export interface LoadedPfConf {
  /** The configuration itself first, then those of `load anchor`, as far as there were no errors. */
  readonly configurations: readonly ParsedPfConf[];
}

/** Parses `text` and what it names. `file` is what messages call it. */
export async function loadPfConf(
  text: string,
  file: string,
  read: ReadFile,
  options: ParseOptions = {},
): Promise<LoadedPfConf> {
  const files = new Map(options.files);
  const configurations = [await parseWithFiles(text, file, read, { ...options, files }, files)];
  for (const parsed of configurations) {
    if (parsed.errors > 0) break;
    for (const { path, file: anchorFile } of parsed.anchorLoads) {
      const anchorOptions = {
        ...options,
        files,
        anchor: path,
        dialect: configurations[0]!.dialect,
        inheritedQueues: configurations[0]!.queues.map((queue) => queue.name),
      };
      const content = await readText(anchorFile, read, files);
      configurations.push(await parseWithFiles(content, anchorFile, read, anchorOptions, files));
    }
  }
  return { configurations };
}

async function parseWithFiles(
  text: string,
  file: string,
  read: ReadFile,
  options: ParseOptions,
  files: Map<string, FileText>,
): Promise<ParsedPfConf> {
  for (;;) {
    const parsed = parsePfConf(text, file, options);
    if (parsed.missingFiles.length === 0) return parsed;
    for (const path of parsed.missingFiles) files.set(path, await readFile(path, read));
  }
}

/** The text of a file that must be there. */
async function readText(path: string, read: ReadFile, files: Map<string, FileText>): Promise<string> {
  const content = files.get(path) ?? (await readFile(path, read));
  if ('error' in content) throw new Error(`${path}: ${content.error}`);
  return content.text;
}

const ERRNO_WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EISDIR: 'Is a directory',
  ENOTDIR: 'Not a directory',
  ENOSPC: 'No space left on device',
  EROFS: 'Read-only file system',
  ELOOP: 'Too many levels of symbolic links',
};

/** Why a file could not be read, as the originals' libraries word it. */
export function fileProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return ERRNO_WORDS[code] ?? (error instanceof Error ? error.message : String(error));
}

async function readFile(path: string, read: ReadFile): Promise<FileText> {
  try {
    return { text: await read(path) };
  } catch (error) {
    return { error: fileProblem(error) };
  }
}
