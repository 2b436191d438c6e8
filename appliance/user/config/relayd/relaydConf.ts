// SPDX-License-Identifier: ISC
//
// The way into this folder: a relayd.conf(5) as text, in the language of 2008 or of today, becomes a syntax tree. The
// parser reads no file: what an include misses is read here and the text parsed again.

import { Cursor } from '../pf/cursor.ts';
import { type Diagnostic, Diagnostics } from '../pf/diagnostics.ts';
import type { Facts } from '../pf/facts.ts';
import { Lexer } from '../pf/lexer.ts';
import { fileProblem, type ReadFile } from '../pf/loadPfConf.ts';
import type { FileText } from '../pf/parsing.ts';
import { parseStatements } from './parse/statements.ts';
import type { Globals, RelaydConf, Statement } from './syntax.ts';
import { LEXICAL_TRAITS } from './words.ts';

export interface ParsedRelaydConf {
  readonly conf: RelaydConf;
  readonly diagnostics: readonly Diagnostic[];
  /** Anything but 0 forbids the use of `conf`. */
  readonly errors: number;
  readonly unusedMacros: readonly string[];
  /** Files that were named and not given. */
  readonly missingFiles: readonly string[];
}

export interface ParseOptions {
  readonly facts: Facts;
  /** Macros of the command line, which the text cannot change. */
  readonly macros?: Readonly<Record<string, string>>;
  readonly files?: ReadonlyMap<string, FileText>;
}

/** Reads a configuration. `file` is what messages call it. */
export function parseRelaydConf(text: string, file: string, options: ParseOptions): ParsedRelaydConf {
  const diagnostics = new Diagnostics();
  const lexer = new Lexer(text, file, LEXICAL_TRAITS, diagnostics);
  for (const [name, value] of Object.entries(options.macros ?? {})) lexer.defineMacro(name, value, true);
  const globals: Globals = { log: { changes: false, checks: false } };
  const statements: Statement[] = [];
  const missing = new Set<string>();
  parseStatements({
    cursor: new Cursor(lexer, diagnostics),
    lexer,
    facts: options.facts,
    globals,
    statements,
    readFile(path) {
      const content = options.files?.get(path);
      if (content === undefined) missing.add(path);
      return content ?? { text: '' };
    },
  });
  return {
    conf: { globals, statements },
    diagnostics: diagnostics.list,
    errors: diagnostics.errors,
    unusedMacros: lexer.unusedMacros(),
    missingFiles: [...missing],
  };
}

/** As `parseRelaydConf`, with the files that are included. */
export async function loadRelaydConf(
  text: string,
  file: string,
  read: ReadFile,
  options: ParseOptions,
): Promise<ParsedRelaydConf> {
  const files = new Map(options.files);
  for (;;) {
    const parsed = parseRelaydConf(text, file, { ...options, files });
    if (parsed.missingFiles.length === 0) return parsed;
    for (const path of parsed.missingFiles) files.set(path, await readFile(path, read));
  }
}

async function readFile(path: string, read: ReadFile): Promise<FileText> {
  try {
    return { text: await read(path) };
  } catch (error) {
    return { error: fileProblem(error) };
  }
}
