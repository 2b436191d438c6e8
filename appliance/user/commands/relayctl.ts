// SPDX-License-Identifier: ISC
//
// relayctl(8): shows what relayd does, and steers it.

import type { RelaydControl } from '../relayd/control.ts';
import type { Command, CommandContext } from './command.ts';
import { command, Failure, UsageError } from './failure.ts';
import { dsr } from './relayctl/directReturn.ts';
import { monitor } from './relayctl/monitor.ts';
import { showText, showValue } from './relayctl/show.ts';
import { host, log, poll, redirect, reload, stop, table } from './relayctl/steer.ts';
import { type Action, parseWords, type Word, WordsError } from './relayctl/words.ts';

/** Where the original's socket is; ours has no file of its own, but whoever knows the original looks for this message. */
const SOCKET = '/var/run/relayd.sock';

const OPTIONS = ['--json', '-w', '-v'];

/** Every command, as a tree of words. */
const COMMANDS: Word = {
  next: {
    show: {
      next: {
        summary: { action: show('summary') },
        hosts: { action: show('hosts') },
        redirects: { action: show('redirects') },
        relays: { action: show('relays') },
        routers: { action: show('routers') },
        sessions: { action: show('sessions') },
      },
    },
    redirect: {
      next: {
        disable: { next: { '<redirectid>': { action: redirect(false) } } },
        enable: { next: { '<redirectid>': { action: redirect(true) } } },
      },
    },
    table: {
      next: {
        disable: { next: { '<tableid>': { action: table(false) } } },
        enable: { next: { '<tableid>': { action: table(true) } } },
      },
    },
    host: {
      next: {
        disable: { next: { '<hostid>': { action: host('disabled') } } },
        enable: { next: { '<hostid>': { action: host('enabled') } } },
        drain: { next: { '<hostid>': { action: host('draining') } } },
      },
    },
    dsr: { next: { '<hostid>': { action: dsr } } },
    monitor: { action: monitor },
    poll: { action: poll },
    reload: { action: reload },
    load: { next: { '<path>': { action: reload } } },
    stop: { action: stop },
    log: { next: { brief: { action: log(false) }, verbose: { action: log(true) } } },
  },
};

export const relayctl: Command = {
  ...command(
    'relayctl',
    'relayctl [-vw] [--json] command [argument ...]',
    'show and steer the load balancer',
    async (args, context) => {
      const words = args.filter((arg) => !OPTIONS.includes(arg));
      const unknown = words.find((word) => word.startsWith('-'));
      if (unknown !== undefined) throw new UsageError(`unknown option -- ${unknown.slice(1)}`);
      if (words.length === 0) throw new UsageError('');
      try {
        const { action, argument } = parseWords(COMMANDS, words);
        const options = {
          json: args.includes('--json'),
          wait: args.includes('-w'),
          verbose: args.includes('-v'),
        };
        return await action({ relayd: relaydOf(context), argument, options, context });
      } catch (error) {
        if (!(error instanceof WordsError)) throw error;
        context.stderr(error.message);
        return 1;
      }
    },
  ),
  words: COMMANDS,
};

/** The daemon of this machine. */
function relaydOf(context: CommandContext): RelaydControl {
  if (context.machine === undefined) throw new Failure('no running machine (name one with -M DIR)');
  const daemon = context.machine.daemon('relayd');
  if (daemon === undefined)
    throw new Failure(
      `connect: ${SOCKET}: No such file or directory (relayd does not run: write relayd_flags= into /etc/rc.conf.local, then apply)`,
    );
  return daemon as RelaydControl;
}

function show(what: Parameters<typeof showText>[0]): Action {
  return async ({ relayd, options, context }) => {
    const view = relayd.show();
    const observed = what === 'redirects' && (options.json || options.verbose) ? await relayd.observed() : [];
    const text = options.json
      ? `${JSON.stringify(showValue(what, view, observed))}\n`
      : showText(what, view, observed);
    context.stdout(text);
    return 0;
  };
}
