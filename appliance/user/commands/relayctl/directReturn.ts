// SPDX-License-Identifier: ISC
//
// `relayctl dsr`: which leg of Direct Server Return to a host is broken.

import type { PathView } from '../../relayd/control.ts';
import { targetOf } from './steer.ts';
import type { Action } from './words.ts';

/** Exit status 1 when a leg is broken, or there is no such host. */
export const dsr: Action = async ({ relayd, argument, options, context }) => {
  const paths = await relayd.proveDsr(targetOf(argument));
  if (paths.length === 0) {
    context.stderr('command failed\n');
    return 1;
  }
  context.stdout(options.json ? `${JSON.stringify({ paths })}\n` : paths.map(pathText).join(''));
  return paths.some(({ legs }) => legs.some((one) => one.state === 'broken')) ? 1 : 0;
};

function pathText({ host, redirect, address, port, legs }: PathView): string {
  const lines = legs.map(({ leg, state, evidence }) => `\t${leg.padEnd(11)} ${state}: ${evidence}\n`);
  return `host ${host}, redirect ${redirect} ${address} port ${port}\n${lines.join('')}`;
}
