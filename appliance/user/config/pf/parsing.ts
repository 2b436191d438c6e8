// SPDX-License-Identifier: ISC
//
// What the parts of the parser share: the cursor, the dialect, the facts, and the configuration that is being built.

import type { ConfigBuilder } from './build/config.ts';
import type { Cursor } from './cursor.ts';
import type { Diagnostics } from './diagnostics.ts';
import type { Traits } from './dialect.ts';
import type { Facts } from './facts.ts';
import type { Lexer } from './lexer.ts';

/** A file that the configuration names: its text, or why there is none. */
export type FileText = { readonly text: string } | { readonly error: string };

export interface Parsing {
  readonly cursor: Cursor;
  readonly lexer: Lexer;
  readonly traits: Traits;
  readonly facts: Facts;
  readonly diagnostics: Diagnostics;
  readonly config: ConfigBuilder;
  /** The text of a file; an empty one while it still has to be read, then the parse is done again. */
  readonly readFile: (path: string) => FileText;
  /** Four random 32-bit words: the key of a source-hash pool that has none. */
  readonly randomKey: () => readonly number[];
  /** Set when something was met that only the language of 2008 has. */
  classicSeen: boolean;
  /** Set when something was met that only FreeBSD has. */
  freebsdSeen: boolean;
}
