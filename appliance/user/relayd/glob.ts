// SPDX-License-Identifier: ISC
//
// Patterns of `expect` (fnmatch(3), no flags): the whole of what was received against a shell glob.

/** `*`, `?`, `[a-z]`, `[!a-z]`, and a backslash in front of what is meant as it is. Time: at most length of one times that of the other. */
export function matchesGlob(pattern: string, text: string): boolean {
  const items = itemsOf(pattern);
  let item = 0;
  let at = 0;
  // Where to go on when the text behind the last star does not fit: one character further.
  let star = -1;
  let starAt = 0;
  while (at < text.length) {
    const matches = items[item];
    if (matches === 'star') {
      star = item++;
      starAt = at;
    } else if (matches?.(text[at]!)) {
      item++;
      at++;
    } else if (star >= 0) {
      item = star + 1;
      at = ++starAt;
    } else {
      return false;
    }
  }
  while (items[item] === 'star') item++;
  return item === items.length;
}

type Item = 'star' | ((character: string) => boolean);

function itemsOf(pattern: string): Item[] {
  const items: Item[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!;
    const set = character === '[' ? /^\[(!?)(\]?[^\]]*)\]/s.exec(pattern.slice(i)) : null;
    if (character === '*') {
      items.push('star');
    } else if (character === '?') {
      items.push(() => true);
    } else if (set !== null) {
      items.push(memberOf(set[2]!, set[1] === '!'));
      i += set[0].length - 1;
    } else {
      const literal = character === '\\' && i + 1 < pattern.length ? pattern[++i]! : character;
      items.push((one) => one === literal);
    }
  }
  return items;
}

/** Members and ranges of a bracket expression. */
function memberOf(set: string, negated: boolean): (character: string) => boolean {
  const ranges = [...set.matchAll(/(.)-(.)|(.)/gs)].map(
    ([, low, high, single]) => [low ?? single!, high ?? single!] as const,
  );
  return (one) => ranges.some(([low, high]) => one >= low && one <= high) !== negated;
}

/** Escapes that `expect` knows: `\n`, `\r`, `\t`, and `\x` with two hexadecimal digits. */
export function unescapeExpected(text: string): string {
  const named: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
  return text.replace(/\\(?:([nrt])|x([0-9a-fA-F]{2}))/g, (_, letter?: string, hex?: string) =>
    letter === undefined ? String.fromCharCode(Number.parseInt(hex!, 16)) : named[letter]!,
  );
}
