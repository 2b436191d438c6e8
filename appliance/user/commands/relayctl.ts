// SPDX-License-Identifier: ISC
//
// relayctl(8): shows what relayd does and steers it.

import type { Control, Switched, Views } from '../relayd/control.ts';
import { Relayd } from '../relayd/relayd.ts';
import type { Command, CommandContext } from './command.ts';
import { command, Failure } from './failure.ts';
import { hosts, jsonOf, monitorLines, redirects, relays, routers, summary } from './relayctl/layout.ts';
import { resolveWords, type Word } from './relayctl/words.ts';

interface Call {
  readonly control: Control;
  readonly argument: string;
  readonly json: boolean;
  readonly context: CommandContext;
}
type Run = (call: Call) => Promise<number>;

/** Where rc reads the file from. */
const FILE = '/etc/relayd.conf';

export const COMMANDS: Word<Run> = {
  next: {
    monitor: { run: monitor },
    show: {
      next: {
        hosts: show('hosts', hosts),
        redirects: show('redirects', redirects),
        relays: show('relays', relays),
        routers: show('routers', routers),
        sessions: { run: async () => 0 },
        summary: show('summary', summary),
      },
    },
    poll: { run: poll },
    load: { next: { '<path>': { run: (call) => load(call, call.argument) } } },
    reload: { run: (call) => load(call, FILE) },
    redirect: switchable('rdr', '<redirectid>'),
    table: switchable('table', '<tableid>'),
    host: {
      next: { ...switchable('host', '<hostid>').next, drain: { next: { '<hostid>': { run: drain } } } },
    },
  },
};

export const relayctl: Command = command(
  'relayctl',
  'relayctl [--json] command [argument ...]',
  'show and steer the load balancer',
  async (args, context) => {
    const words = args.filter((arg) => arg !== '--json');
    const { run, argument } = resolveWords(COMMANDS, words);
    const json = args.includes('--json');
    if (json && !'show'.startsWith(words[0]!)) throw new Failure('--json goes with show');
    const relayd = context.machine?.daemon('relayd');
    if (!(relayd instanceof Relayd)) throw new Failure('relayd is not running');
    return run({ control: relayd.control, argument, json, context });
  },
);

function show(what: Parameters<typeof jsonOf>[0], text: (views: Views) => string): Word<Run> {
  return {
    run: async ({ control, json, context }) => {
      const views = control.views();
      context.stdout(json ? `${JSON.stringify(jsonOf(what, views))}\n` : text(views));
      return 0;
    },
  };
}

function switchable(kind: Switched, placeholder: string): Word<Run> {
  const to = (on: boolean): Word<Run> => ({
    next: {
      [placeholder]: {
        run: async ({ control, argument, context }) =>
          answer(context, await control.switch(kind, argument, on)),
      },
    },
  });
  return { next: { disable: to(false), enable: to(true) } };
}

function answer(context: CommandContext, succeeded: boolean): number {
  context.stdout(`command ${succeeded ? 'succeeded' : 'failed'}\n`);
  return succeeded ? 0 : 1;
}

async function drain({ control, argument, context }: Call): Promise<number> {
  return answer(context, await control.drain(argument));
}

async function poll({ control, context }: Call): Promise<number> {
  control.poll();
  return answer(context, true);
}

/** Says nothing when all is well, as today's does; a wrong file is told with its mistakes. */
async function load({ control, context }: Call, path: string): Promise<number> {
  try {
    await control.reload(await context.files.read(path), path);
    return 0;
  } catch (error) {
    context.stderr(`${(error as Error).message}\n`);
    return answer(context, false);
  }
}

async function monitor({ control, context }: Call): Promise<number> {
  const end = control.monitor((event) => context.stdout(monitorLines(event)));
  await new Promise<void>((resolve) => {
    if (context.signal.aborted) resolve();
    context.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  end();
  return 0;
}
