// SPDX-License-Identifier: ISC
//
// The picture of a run: how near each row came to what it must reach, as an SVG.

import { format, judgedSamples, type Measurement, median, type Row } from './rows.ts';

const WIDTH = 860;
const LINE = 26;
const LEFT = 190;
const RIGHT = 250;
const TOP = 40;
/** How far to the right the scale goes, in multiples of what a row must reach. */
const FULL = 2;

/** Bars as long as a row is good: the vertical line is what it must reach, whether that is an upper or a lower bound. */
export function chart(measurements: readonly Measurement[]): string {
  const rows = measurements.filter((row): row is Row => !('missing' in row) && row.must !== undefined);
  const height = TOP + LINE * rows.length + 20;
  const at = LEFT + (WIDTH - LEFT - RIGHT) / FULL;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    `<text x="${at}" y="20" text-anchor="middle" fill="#555">must</text>`,
    ...rows.map((row, i) => bar(row, TOP + LINE * i)),
    `<line x1="${at}" y1="26" x2="${at}" y2="${height - 12}" stroke="#222" stroke-dasharray="4 3"/>`,
    '</svg>',
    '',
  ].join('\n');
}

function bar(row: Row, y: number): string {
  const value = median(judgedSamples(row));
  const isLowerBound = row.judged === 'ratio' || row.judged === 'least';
  const goodness = isLowerBound ? value / row.must! : row.must! / Math.max(value, row.must! / FULL);
  const width = (Math.min(goodness, FULL) / FULL) * (WIDTH - LEFT - RIGHT);
  const colour = goodness >= 1 ? '#3a7d44' : '#b5432a';
  const sign = isLowerBound ? '≥' : '≤';
  const against = row.peerName === undefined ? row.unit : `of ${row.peerName}`;
  const words = `${format(value)} (must ${sign} ${format(row.must!)}) ${row.judged === 'excess' ? row.unit : against}`;
  return [
    `<text x="${LEFT - 8}" y="${y + 14}" text-anchor="end">${row.name}</text>`,
    `<rect x="${LEFT}" y="${y + 2}" width="${width.toFixed(1)}" height="${LINE - 8}" fill="${colour}"/>`,
    `<text x="${WIDTH - RIGHT + 8}" y="${y + 14}" fill="#333">${words}</text>`,
  ].join('');
}
