// SPDX-License-Identifier: ISC
//
// A pf.conf(5) with everything it names: included files, table files, anchors loaded from files. The parser itself reads
// nothing; what it misses is read here and the text parsed again.

import type { FileText } from './parsing.ts';
import { type ParsedPfConf, type ParseOptions, parsePfConf } from './pfConf.ts';

/** Reads a file; rejects with an error that carries an errno name as `code`. */
export type ReadFile = (path: string) => Promise<string>;

/** How deep files may name each other by `load anchor`, and how many they may be. */
const MAXIMUM_DEPTH = 32;
const MAXIMUM_LOADS = 1_000;

export interface LoadedPfConf {
  /** The configuration itself first, then those of `load anchor`, as far as there were no errors. */
  readonly configurations: readonly ParsedPfConf[];
  /** The file of each. */
  readonly files: readonly string[];
  /** Why a file of `load anchor` could not be had; nothing may be loaded then. */
  readonly problem: string | undefined;
}

/** Parses `text` and what it names. `file` is what messages call it. */
export async function loadPfConf(
  text: string,
  file: string,
  read: ReadFile,
  options: ParseOptions = {},
): Promise<LoadedPfConf> {
  const files = new Map(options.files);
  const main = await parseWithFiles(text, file, read, { ...options, files }, files);
  const loaded = [{ parsed: main, file, depth: 0 }];
  const inherited = { dialect: main.dialect, inheritedQueues: main.queues.map((queue) => queue.name) };
  const answer = (problem?: string): LoadedPfConf => ({
    configurations: loaded.map(({ parsed }) => parsed),
    files: loaded.map((one) => one.file),
    problem,
  });
  for (const { parsed, depth } of loaded) {
    if (parsed.errors > 0) break;
    for (const { path, file: anchorFile } of parsed.anchorLoads) {
      const content = files.get(anchorFile) ?? (await readFile(anchorFile, read));
      if ('error' in content) return answer(`${anchorFile}: ${content.error}`);
      if (depth >= MAXIMUM_DEPTH || loaded.length > MAXIMUM_LOADS) {
        return answer(`${anchorFile}: too many anchors load each other`);
      }
      const anchorOptions = { ...options, ...inherited, files, anchor: path };
      const anchor = await parseWithFiles(content.text, anchorFile, read, anchorOptions, files);
      loaded.push({ parsed: anchor, file: anchorFile, depth: depth + 1 });
    }
  }
  return answer();
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
