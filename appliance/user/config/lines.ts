// SPDX-License-Identifier: ISC
//
// Files of one statement a line: comments and blanks left out, mistakes with `file:line: reason`.

/** A mistake in a file, with its place; what the user is shown is the message. */
export class ConfigError extends Error {
  readonly file: string;
  readonly line: number;

  constructor(file: string, line: number, reason: string) {
    super(`${file}:${line}: ${reason}`);
    this.name = 'ConfigError';
    this.file = file;
    this.line = line;
  }
}

export interface Line {
  readonly number: number;
  readonly text: string;
  /** The text at its blanks. */
  readonly words: readonly string[];
}

/** Lines with something on them; `#` begins a comment at the start of a line or behind a blank. */
export function significantLines(text: string): Line[] {
  return text.split('\n').flatMap((raw, index) => {
    const line = raw.replace(/(^|\s)#.*$/, '').trim();
    return line === '' ? [] : [{ number: index + 1, text: line, words: line.split(/\s+/) }];
  });
}
