// SPDX-License-Identifier: ISC
//
// What the reading of a configuration has to say: errors with their place, and lines without one, in order.

import { nearest } from './nearest.ts';

export interface Diagnostic {
  readonly text: string;
  /** Absent for lines that the originals print without a place. */
  readonly place?: { readonly file: string; readonly line: number };
  /** A warning does not prevent the load. */
  readonly warning?: boolean;
  /** For syntax errors: what could have stood there. */
  readonly expected?: readonly string[];
  /** And the word that stands there; absent at the end of a line. */
  readonly found?: string;
}

export class Diagnostics {
  readonly list: Diagnostic[] = [];
  /** Errors so far; anything but 0 forbids the load. */
  errors = 0;

  error(file: string, line: number, text: string, syntax?: Pick<Diagnostic, 'expected' | 'found'>): void {
    this.errors++;
    this.list.push({ text, place: { file, line }, ...syntax });
  }

  warning(file: string, line: number, text: string): void {
    this.list.push({ text: `warning: ${text}`, place: { file, line }, warning: true });
  }

  /** A line that the originals print without a place (it accompanies an error). */
  note(text: string): void {
    this.list.push({ text });
  }
}

/** `file:line: text`, as the originals print it. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { place, text } = diagnostic;
  return place === undefined ? text : `${place.file}:${place.line}: ${text}`;
}

/** More than so many words that could have stood there tell nothing. */
const MAXIMUM_EXPECTED = 6;

/** The same with help: which word is wrong, and the one that was meant or those that could have stood there. */
export function explainDiagnostic(diagnostic: Diagnostic): string {
  const { expected = [], found } = diagnostic;
  const at = found === undefined ? '' : ` at '${found}'`;
  return `${formatDiagnostic(diagnostic)}${at}${advice(found, expected)}`;
}

function advice(found: string | undefined, expected: readonly string[]): string {
  const meant = found === undefined ? undefined : nearest(found, expected);
  if (meant !== undefined) return `: did you mean ${meant}?`;
  if (expected.length === 0 || expected.length > MAXIMUM_EXPECTED) return '';
  const quoted = expected.map((word) => (/^[a-z]/.test(word) ? word : `'${word}'`));
  const last = quoted.pop()!;
  return `: expected ${quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`}`;
}
