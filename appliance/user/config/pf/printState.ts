// SPDX-License-Identifier: ISC
//
// The options of a state as pfctl(8) prints them.

import { TIMEOUTS } from '../../../abi/names.ts';
import type { StateOptions } from '../../../abi/rule.ts';

/** Timeouts of a rule are printed in the kernel's order: that of the listing with tcp.tsdiff last. */
const STATE_TIMEOUTS = [
  ...TIMEOUTS.filter((timeout) => timeout.name !== 'tcp.tsdiff'),
  ...TIMEOUTS.filter((timeout) => timeout.name === 'tcp.tsdiff'),
];

/** What stands in the parentheses behind `keep state`. */
export function stateWords(options: StateOptions): string[] {
  const words: string[] = [];
  const { max, maxSrcStates, maxSrcConn, maxSrcConnRate: rate, maxSrcNodes, overload } = options;
  if (max) words.push(`max ${max}`);
  if (options.noSync) words.push('no-sync');
  if (options.sourceTrack !== undefined) words.push(`source-track ${options.sourceTrack}`);
  if (maxSrcStates) words.push(`max-src-states ${maxSrcStates}`);
  if (maxSrcConn) words.push(`max-src-conn ${maxSrcConn}`);
  if (rate !== undefined) words.push(`max-src-conn-rate ${rate.limit}/${rate.seconds}`);
  if (maxSrcNodes) words.push(`max-src-nodes ${maxSrcNodes}`);
  if (overload !== undefined) {
    const flush = overload.flush ? ` flush${overload.global ? ' global' : ''}` : '';
    words.push(`overload <${overload.table}>${flush}`);
  }
  if (options.ifBound) words.push('if-bound');
  if (options.sloppy) words.push('sloppy');
  if (options.observed) words.push('observed');
  if (options.pflow) words.push('pflow');
  if (options.allowRelated) words.push('allow-related');
  for (const { name } of STATE_TIMEOUTS) {
    const value = options.timeouts?.[name];
    if (value) words.push(`${name} ${value}`);
  }
  return words;
}
