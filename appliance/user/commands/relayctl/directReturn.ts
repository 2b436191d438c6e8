// SPDX-License-Identifier: ISC
//
// `relayctl dsr`: which leg of Direct Server Return to a host is broken.

import type { PathView } from '../../relayd/control.ts';
import { targetOf } from './steer.ts';
import type { Action } from './words.ts';

/** Exit status 1 when a leg is broken, or there is no way to such a host. */
export const dsr: Action = async ({ relayd, argument, options, context }) => {
  const view = await relayd.proveDsr(targetOf(argument));
  const { paths, problem } = view;
  if (options.json) context.stdout(`${JSON.stringify(view)}\n`);
  else if (problem !== undefined) context.stderr(`command failed: ${problem}\n`);
  else context.stdout(paths.map(pathText).join(''));
  const isBroken = paths.some(({ legs }) => legs.some((one) => one.state === 'broken'));
  return isBroken || problem !== undefined ? 1 : 0;
};

function pathText({ host, redirect, address, port, legs }: PathView): string {
  const lines = legs.map(({ leg, state, evidence }) => `\t${leg.padEnd(11)} ${state}: ${evidence}\n`);
  return `host ${host}, redirect ${redirect} ${address} port ${port}\n${lines.join('')}`;
}
