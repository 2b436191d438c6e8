// SPDX-License-Identifier: ISC
//
// Bandwidths and schedulers of ALTQ as pfctl(8) prints them.

import { type Bandwidth, type Curve, type CurveName, formatRate, type SchedulerNode } from './queues.ts';

/** Service curves of hfsc in the order in which they are printed. */
export const CURVES: readonly CurveName[] = ['realtime', 'linkshare', 'upperlimit'];

/** A share is counted in hundredths of the reference, without fractions. */
export function evaluate(bandwidth: Bandwidth, reference: number): number {
  if (bandwidth.absolute > 0) return bandwidth.absolute;
  return Math.trunc(reference / 100) * bandwidth.percent;
}

export function writtenBandwidth(bandwidth: Bandwidth, absolute: number): string {
  if (bandwidth.percent === 0) return `bandwidth ${formatRate(absolute)} `;
  return bandwidth.percent < 100 ? `bandwidth ${bandwidth.percent}% ` : '';
}

/** `cbq( borrow default ) `; empty when the parentheses would be. */
export function schedulerText(scheduler: SchedulerNode, reference: number | undefined): string {
  const curves = CURVES.flatMap((name) => {
    const curve = scheduler.curves[name];
    return curve === undefined ? [] : [curveText(name, curve, reference)];
  });
  const { hogs, buckets } = scheduler;
  const words = [
    ...scheduler.flags,
    ...(buckets === undefined ? [] : [`buckets ${buckets}`]),
    ...(hogs === undefined ? [] : [`hogs ${formatRate(evaluate(hogs, reference ?? 0))}`]),
    ...curves,
  ];
  return words.length === 0 ? '' : `${scheduler.kind}( ${words.join(' ')} ) `;
}

function curveText(name: CurveName, curve: Curve, reference: number | undefined): string {
  const rate = (bandwidth: Bandwidth) =>
    bandwidth.percent > 0 && reference === undefined
      ? `${bandwidth.percent}%`
      : formatRate(evaluate(bandwidth, reference ?? 0));
  if (curve.d === 0) return `${name} ${rate(curve.m2)}`;
  return `${name}(${rate(curve.m1!)} ${curve.d} ${rate(curve.m2)})`;
}
