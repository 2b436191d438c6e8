// SPDX-License-Identifier: ISC
//
// The difference of two texts, line by line (E. Myers, 'An O(ND) Difference Algorithm and Its Variations', 1986).

export interface DiffLine {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

/** Beyond so many steps the texts are too different for a fine answer: all of one goes, all of the other comes. */
const MAXIMUM_STEPS = 2_000;

/** How `before` becomes `after`. */
export function diffLines(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  const shorter = Math.min(before.length, after.length) - head;
  while (tail < shorter && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  const same = (text: string): DiffLine => ({ sign: ' ', text });
  return [
    ...before.slice(0, head).map(same),
    ...middle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

function middle(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  const trace = furthest(before, after);
  if (trace === undefined) {
    return [
      ...before.map((text): DiffLine => ({ sign: '-', text })),
      ...after.map((text): DiffLine => ({ sign: '+', text })),
    ];
  }
  return walkBack(before, after, trace);
}

/** For each number of steps, how far down each diagonal one gets; undefined when it takes too many. */
function furthest(
  before: readonly string[],
  after: readonly string[],
): readonly ReadonlyMap<number, number>[] | undefined {
  const trace: Map<number, number>[] = [];
  const reach = new Map<number, number>([[1, 0]]);
  const maximum = Math.min(before.length + after.length, MAXIMUM_STEPS);
  for (let steps = 0; steps <= maximum; steps++) {
    trace.push(new Map(reach));
    for (let diagonal = -steps; diagonal <= steps; diagonal += 2) {
      let x = comesFromAbove(reach, diagonal, steps)
        ? reach.get(diagonal + 1)!
        : reach.get(diagonal - 1)! + 1;
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x++;
      reach.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return trace;
    }
  }
  return undefined;
}

function comesFromAbove(reach: ReadonlyMap<number, number>, diagonal: number, steps: number): boolean {
  if (diagonal === -steps) return true;
  return diagonal !== steps && reach.get(diagonal - 1)! < reach.get(diagonal + 1)!;
}

function walkBack(
  before: readonly string[],
  after: readonly string[],
  trace: readonly ReadonlyMap<number, number>[],
): readonly DiffLine[] {
  const lines: DiffLine[] = [];
  let x = before.length;
  let y = after.length;
  for (let steps = trace.length - 1; steps >= 0; steps--) {
    const reach = trace[steps]!;
    const above = comesFromAbove(reach, x - y, steps);
    const from = x - y + (above ? 1 : -1);
    const fromX = reach.get(from)!;
    while (x > fromX && y > fromX - from) {
      lines.push({ sign: ' ', text: before[--x]! });
      y--;
    }
    if (steps === 0) break;
    lines.push(above ? { sign: '+', text: after[--y]! } : { sign: '-', text: before[--x]! });
  }
  return lines.reverse();
}

/** Lines around a change that are shown with it. */
const CONTEXT = 3;

/** The changes with so many lines around them, as diff(1) -u shows them, and `...` for what is left out between them. */
export function formatDiff(lines: readonly DiffLine[], context = CONTEXT): readonly string[] {
  const shown: string[] = [];
  let last = -1;
  lines.forEach(({ sign, text }, i) => {
    const near = lines.slice(Math.max(0, i - context), i + context + 1);
    if (!near.some((line) => line.sign !== ' ')) return;
    if (context > 0 && shown.length > 0 && i > last + 1) shown.push('...');
    shown.push(`${sign}${text}`);
    last = i;
  });
  return shown;
}
