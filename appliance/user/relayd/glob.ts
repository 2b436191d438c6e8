// SPDX-License-Identifier: ISC
//
// Shell patterns over a whole text (fnmatch(3) without flags): `*`, `?`, `[a-z]`, `[!a]`, and a backslash before a character
// that is meant as it is. In linear memory and without recursion: a pattern comes from a file, the text from a stranger.

/** Whether the pattern covers all of the text. */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let starPattern = -1;
  let starText = 0;
  while (t < text.length) {
    const width = p < pattern.length && pattern[p] !== '*' ? matchOne(pattern, p, text[t]!) : 0;
    if (width > 0) {
      p += width;
      t++;
    } else if (pattern[p] === '*') {
      starPattern = ++p;
      starText = t;
    } else if (starPattern >= 0) {
      // The last star takes one character more.
      p = starPattern;
      t = ++starText;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** How many characters of the pattern match this one character; 0 when they do not. */
function matchOne(pattern: string, at: number, char: string): number {
  const first = pattern[at]!;
  if (first === '?') return 1;
  if (first === '\\' && at + 1 < pattern.length) return pattern[at + 1] === char ? 2 : 0;
  if (first === '[') {
    const end = bracketEnd(pattern, at);
    if (end > 0) return bracketHolds(pattern.slice(at + 1, end), char) ? end + 1 - at : 0;
  }
  return first === char ? 1 : 0;
}

/** Where a bracket expression closes; a `]` at its very beginning is a member. 0 when it does not. */
function bracketEnd(pattern: string, at: number): number {
  let i = at + 1;
  if (pattern[i] === '!' || pattern[i] === '^') i++;
  if (pattern[i] === ']') i++;
  while (i < pattern.length && pattern[i] !== ']') i += pattern[i] === '\\' ? 2 : 1;
  return i < pattern.length ? i : 0;
}

function bracketHolds(body: string, char: string): boolean {
  const negated = body[0] === '!' || body[0] === '^';
  let i = negated ? 1 : 0;
  let found = false;
  const member = () => (body[i] === '\\' && i + 1 < body.length ? body[++i]! : body[i]!);
  while (i < body.length) {
    const low = member();
    let high = low;
    i++;
    if (body[i] === '-' && i + 1 < body.length) {
      i++;
      high = member();
      i++;
    }
    if (low <= char && char <= high) found = true;
  }
  return found !== negated;
}

/** The escapes of `expect`: `\n`, `\r`, `\xHH`. What they give is meant as it is; other backslashes are the pattern's. */
export function unescapePattern(text: string): string {
  return text.replace(/\\(n|r|x[0-9a-fA-F]{2}|.)/gs, (whole, code: string) => {
    if (code === 'n') return '\n';
    if (code === 'r') return '\r';
    if (!/^x[0-9a-fA-F]{2}$/.test(code)) return whole;
    const char = String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return '*?[]\\'.includes(char) ? `\\${char}` : char;
  });
}
