// SPDX-License-Identifier: ISC
//
// What a bench row is, and how its samples become a median, a ratio and a spread.

/** One measurement against a peer in the same run, or alone where there is no peer. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly ours: readonly number[];
  /** Samples of the peer, taken in turn with ours; empty where there is none. */
  readonly peer: readonly number[];
  readonly peerName?: string;
  /** The ratio to our peer (or the absolute figure without one) that this row must reach. */
  readonly must?: number;
}

/** A row, or the reason why it could not be measured here. */
export type Measurement = Row | { readonly name: string; readonly missing: string };

/** How a row is taken; `pairs` alternating samples of `seconds` each. */
export type Bench = (options: BenchOptions) => Promise<Measurement[]>;

export interface BenchOptions {
  readonly project: string;
  readonly pairs: number;
  readonly seconds: number;
  readonly progress: (line: string) => void;
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Ratios pair by pair; they hold when the machine's speed drifts during the run. */
export function ratios(row: Row): number[] {
  return row.peer.map((sample, i) => row.ours[i]! / sample);
}

/** One line: medians, ratio and its spread, and what it must be. */
export function formatRow(row: Measurement): string {
  if ('missing' in row) return `${row.name.padEnd(28)} not measured: ${row.missing}`;
  const ours = `${format(median(row.ours))} ${row.unit}`;
  if (row.peer.length === 0) {
    const spread = `${format(Math.min(...row.ours))} to ${format(Math.max(...row.ours))}`;
    return `${row.name.padEnd(28)} ${ours}  (${spread})${verdict(median(row.ours), row.must)}`;
  }
  const each = ratios(row);
  const ratio = median(each);
  const spread = `${Math.min(...each).toFixed(2)} to ${Math.max(...each).toFixed(2)}`;
  const peer = `${row.peerName} ${format(median(row.peer))} ${row.unit}`;
  return `${row.name.padEnd(28)} ${ours}  ${peer}  ratio ${ratio.toFixed(2)} (${spread})${verdict(ratio, row.must)}`;
}

function verdict(value: number, must: number | undefined): string {
  if (must === undefined) return '';
  return value >= must ? `  must ${must}: met` : `  must ${must}: MISSED`;
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
