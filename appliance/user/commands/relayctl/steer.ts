// SPDX-License-Identifier: ISC
//
// The switches of relayctl(8): what they ask of relayd, and how they say that it was done.

import { fileProblem } from '../../config/pf/loadPfConf.ts';
import type { Target } from '../../relayd/control.ts';
import { ConfigurationError } from '../../relayd/load.ts';
import { Failure } from '../failure.ts';
import { untilAborted } from './monitor.ts';
import type { Action, ActionRequest } from './words.ts';

export function redirect(on: boolean): Action {
  return async (request) =>
    answer(request, await request.relayd.switchRedirect(targetOf(request.argument), on));
}

export function table(on: boolean): Action {
  return async (request) => answer(request, await request.relayd.switchTable(targetOf(request.argument), on));
}

/** With `-w`, draining ends the command when the last session has. */
export function host(to: 'enabled' | 'disabled' | 'draining'): Action {
  return async (request) => {
    const { relayd, argument, options } = request;
    const target = targetOf(argument);
    const idle = to === 'draining' && options.wait ? waitForIdle(request) : undefined;
    const status = answer(request, await relayd.switchHost(target, to));
    if (status === 0 && idle !== undefined) await idle.wait();
    idle?.end();
    return status;
  };
}

export const poll: Action = async (request) => {
  request.relayd.poll();
  return answer(request, true);
};

/** `reload`, and `load FILE`. Says nothing when all is well. */
export const reload: Action = async ({ relayd, argument }) => {
  try {
    await relayd.reload(argument === '' ? undefined : argument);
    return 0;
  } catch (error) {
    if (error instanceof ConfigurationError) throw new Failure(`command failed\n${error.message}`);
    throw new Failure(`command failed: ${fileProblem(error)}`);
  }
};

export const stop: Action = async (request) => {
  await request.relayd.stop();
  return answer(request, true);
};

export function log(verbose: boolean): Action {
  return async ({ relayd, context }) => {
    relayd.setVerbose(verbose);
    context.stdout('logging request sent.\n');
    return 0;
  };
}

/** A number is an id, anything else a name. */
export function targetOf(argument: string): Target {
  return /^\d+$/.test(argument) ? Number(argument) : argument;
}

function answer({ options, context }: ActionRequest, succeeded: boolean): number {
  const text = `command ${succeeded ? 'succeeded' : 'failed'}`;
  context.stdout(options.json ? `${JSON.stringify({ succeeded })}\n` : `${text}\n`);
  return succeeded ? 0 : 1;
}

/** Waits until every host that drains by this command has no session left, or the command is interrupted. */
function waitForIdle({ relayd, argument, context }: ActionRequest): { wait(): Promise<void>; end(): void } {
  const target = targetOf(argument);
  const isMeant = (one: { id: number; name: string }) => one.id === target || one.name === target;
  const busy = () => {
    const { redirects, relays, routers } = relayd.show();
    const hosts = [...redirects, ...relays, ...routers].flatMap((one) =>
      one.tables.flatMap((each) => each.hosts),
    );
    return hosts.some((one) => isMeant(one) && one.status === 'draining');
  };
  let look: () => void = () => undefined;
  const end = relayd.monitor(({ event }) => {
    if (event !== 'sync') look();
  });
  const idle = () =>
    new Promise<void>((resolve) => {
      look = () => {
        if (!busy()) resolve();
      };
      look();
    });
  return { wait: () => Promise.race([idle(), untilAborted(context.signal)]), end };
}
