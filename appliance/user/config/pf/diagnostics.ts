// SPDX-License-Identifier: ISC
//
// What the reading of a configuration has to say: errors with their place, and lines without one, in order.

export interface Diagnostic {
  readonly text: string;
  /** Absent for lines that the originals print without a place. */
  readonly place?: { readonly file: string; readonly line: number };
  /** A warning does not prevent the load. */
  readonly warning?: boolean;
  /** For syntax errors: what could have stood there. */
  readonly expected?: readonly string[];
}

export class Diagnostics {
  readonly list: Diagnostic[] = [];
  /** Errors so far; anything but 0 forbids the load. */
  errors = 0;

  error(file: string, line: number, text: string, expected?: readonly string[]): void {
    this.errors++;
    this.list.push({ text, place: { file, line }, expected });
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
