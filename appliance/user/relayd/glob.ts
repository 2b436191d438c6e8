// SPDX-License-Identifier: ISC
//
// Patterns of `expect` (fnmatch(3)): the whole of what was received against a shell glob, in time linear in both.

/** `*`, `?`, `[a-z]`, `[!a-z]`, and a backslash in front of what is meant as it is. */
export function matchesGlob(pattern: string, text: string): boolean {
  return new RegExp(`^${translate(pattern)}$`, 's').test(text);
}

function translate(pattern: string): string {
  let expression = '';
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!;
    if (character === '*') {
      // One star is as good as many, and keeps the search from branching.
      if (pattern[i - 1] !== '*') expression += '.*';
    } else if (character === '?') {
      expression += '.';
    } else if (character === '[' && pattern.indexOf(']', i + 2) > 0) {
      const end = pattern.indexOf(']', i + 2);
      const set = pattern
        .slice(i + 1, end)
        .replace(/^!/, '^')
        .replace(/[\\[]/g, '\\$&');
      expression += `[${set}]`;
      i = end;
    } else {
      const literal = character === '\\' && i + 1 < pattern.length ? pattern[++i]! : character;
      expression += literal.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
    }
  }
  return expression;
}

/** Escapes that `expect` knows: \\r, \\n, \\t, \\0 and so on; `send` takes its string as it is. */
export function unescapeExpected(text: string): string {
  const named: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' };
  return text.replace(/\\([nrt0])/g, (_, letter: string) => named[letter]!);
}
