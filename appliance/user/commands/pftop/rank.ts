// SPDX-License-Identifier: ISC
//
// Which items take some ranks of an order, without sorting all the others (Hoare's selection): of a hundred thousand only those are
// sorted that are looked at.

/** Negative when item `a` comes before item `b`, 0 never for different ones. */
export type Compare = (a: number, b: number) => number;

/** Of the items 0 to `length` - 1 those with the ranks `first` to `first + count - 1`, in order. */
export function ranked(length: number, first: number, count: number, compare: Compare): Uint32Array {
  const items = Uint32Array.from({ length }, (_, i) => i);
  const from = Math.min(first, length);
  const to = Math.min(first + count, length);
  if (from > 0) divide(items, from, compare);
  if (to < length) divide(items.subarray(from), to - from, compare);
  return items.slice(from, to).sort(compare);
}

/** Puts the items of the first `rank` ranks in front. */
function divide(items: Uint32Array, rank: number, compare: Compare): void {
  let low = 0;
  let high = items.length - 1;
  while (low < high) {
    const pivot = items[(low + high) >>> 1]!;
    let i = low;
    let j = high;
    while (i <= j) {
      while (compare(items[i]!, pivot) < 0) i++;
      while (compare(items[j]!, pivot) > 0) j--;
      if (i > j) break;
      const item = items[i]!;
      items[i++] = items[j]!;
      items[j--] = item;
    }
    if (rank <= j) high = j;
    else if (rank >= i) low = i;
    else return;
  }
}
