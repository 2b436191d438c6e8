// SPDX-License-Identifier: ISC
//
// Which word was meant by a misspelt one.

/** Longer ones are no misspelt keywords. */
const LONGEST = 24;

/** The word that one or two slips of the hand lead from to `typed`, less in short ones; undefined when there is none. */
export function nearest(typed: string, words: readonly string[]): string | undefined {
  if (typed.length > LONGEST) return undefined;
  const slips = typed.length < 4 ? 1 : 2;
  let best: string | undefined;
  let least = slips + 1;
  for (const word of words) {
    if (!/^[a-z][a-z0-9-]+$/.test(word) || Math.abs(word.length - typed.length) > slips) continue;
    const slipsToIt = distance(typed, word);
    if (slipsToIt < least) {
      least = slipsToIt;
      best = word;
    }
  }
  return best;
}

/** Letters inserted, left out, replaced, or exchanged with their neighbour (Damerau; each place is changed once). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let steps = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        steps = Math.min(steps, before[j - 2]! + 1);
      }
      row.push(steps);
    }
    before = above;
    above = row;
  }
  return above[b.length]!;
}
