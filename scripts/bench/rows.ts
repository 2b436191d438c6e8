// SPDX-License-Identifier: ISC
//
// What a bench row is, and how its samples become a median, a ratio and a spread.

/**
 * What must hold: `ratio`, ours by the peer's at least so much; `share`, at most so much; `excess`, ours less the peer's at most so
 * much; `least` and `most`, ours alone.
 */
export type Judged = 'ratio' | 'share' | 'excess' | 'least' | 'most';

/** What a row says of itself before anything is measured. */
export interface RowHead {
  readonly name: string;
  readonly unit: string;
  readonly peerName?: string;
  readonly judged: Judged;
  readonly must?: number;
  readonly aim?: number;
}

/** One measurement against a peer in the same run, or alone where there is no peer. */
export interface Row extends RowHead {
  readonly ours: readonly number[];
  /** Samples of the peer, taken in turn with ours; empty where there is none. */
  readonly peer: readonly number[];
}

/** A row, or the reason why it could not be measured here. */
export type Measurement = Row | { readonly name: string; readonly missing: string };

/** How rows are taken; `pairs` alternating samples of `seconds` each. */
export interface BenchOptions {
  readonly project: string;
  readonly pairs: number;
  readonly seconds: number;
  readonly progress: (line: string) => void;
}

/** Rows that are measured in the same place: `names` that may be asked for, `run` those that were. */
export interface Bench {
  readonly names: readonly string[];
  run(wanted: readonly string[], options: BenchOptions): Promise<Measurement[]>;
}

/** Ours and the peer's, in turn: A B A B …, so that a machine whose speed drifts does both the same. */
export async function alternate(
  head: RowHead,
  options: BenchOptions,
  ours: () => Promise<number>,
  peer?: () => Promise<number>,
): Promise<Row> {
  const row = { ...head, ours: [] as number[], peer: [] as number[] };
  for (let pair = 0; pair < options.pairs; pair++) {
    row.ours.push(await ours());
    if (peer !== undefined) row.peer.push(await peer());
    const against = peer === undefined ? '' : ` against ${format(row.peer.at(-1)!)}`;
    options.progress(
      `${head.name} ${pair + 1}/${options.pairs}: ${format(row.ours.at(-1)!)}${against} ${head.unit}`,
    );
  }
  return row;
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** What is judged, sample by sample: ratios or differences pair by pair, which hold when the machine's speed drifts. */
export function judgedSamples(row: Row): number[] {
  switch (row.judged) {
    case 'ratio':
    case 'share':
      return row.peer.map((sample, i) => row.ours[i]! / sample);
    case 'excess':
      return row.peer.map((sample, i) => row.ours[i]! - sample);
    default:
      return [...row.ours];
  }
}

/** Whether the median is as good as `bound` asks. */
export function reaches(row: Row, bound: number): boolean {
  const value = median(judgedSamples(row));
  return row.judged === 'ratio' || row.judged === 'least' ? value >= bound : value <= bound;
}

/** One line: medians, what is judged and its spread, and what it must be. */
export function formatRow(row: Measurement): string {
  if ('missing' in row) return `${row.name.padEnd(24)} not measured: ${row.missing}`;
  const samples = judgedSamples(row);
  const spread = `${format(Math.min(...samples))} to ${format(Math.max(...samples))}`;
  const figures = [`${row.name.padEnd(24)} ${format(median(row.ours))} ${row.unit}`];
  if (row.peer.length > 0) {
    figures.push(`${row.peerName} ${format(median(row.peer))}`);
    figures.push(`${row.judged === 'excess' ? 'excess' : 'ratio'} ${format(median(samples))} (${spread})`);
  } else {
    figures.push(`(${spread})`);
  }
  if (row.must !== undefined)
    figures.push(`must ${format(row.must)}: ${reaches(row, row.must) ? 'met' : 'MISSED'}`);
  if (row.aim !== undefined)
    figures.push(`aim ${format(row.aim)}: ${reaches(row, row.aim) ? 'met' : 'not met'}`);
  return figures.join('  ');
}

export function format(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
