// SPDX-License-Identifier: ISC
//
// pfctl(8): control of the packet filter. What is asked for is done in the original's order: disable, show, clear, kill,
// tables, load, enable, debug level.

import { CallError } from '../../abi/errno.ts';
import type { Command, CommandContext } from './command.ts';
import {
  type Arguments,
  FLUSH,
  parseArguments,
  SHOW,
  TABLE_COMMANDS,
  UsageError,
} from './pfctl/arguments.ts';
import { explain as explainPacket } from './pfctl/explain.ts';
import { flush, killNodes, killStates } from './pfctl/flush.ts';
import { loadRuleset } from './pfctl/load.ts';
import { loadStates, saveStates } from './pfctl/savedStates.ts';
import { Failure, Session } from './pfctl/session.ts';
import { show } from './pfctl/show.ts';
import { tableCommand } from './pfctl/tableCommands.ts';

const SYNOPSIS =
  'pfctl [-AdeghmNnOPqRvz] [-a anchor] [-D macro=value] [-F modifier] [-f file] [-i interface] ' +
  '[-K host | network] [-k host | network | label | id | key] [-L statefile] [-o level] [-S statefile] [-s modifier] ' +
  '[-t table -T command [address ...]] [-x level] [--dialect dialect] [--facts file] [--hints] [--json] ' +
  '[explain packet]';

export const pfctl: Command = {
  name: 'pfctl',
  synopsis: SYNOPSIS,
  summary: 'control the packet filter',
  values: { '-s': SHOW, '-F': FLUSH, '-T': TABLE_COMMANDS, label: ['label'], id: ['id'], key: ['key'] },
  run,
};

async function run(args: readonly string[], context: CommandContext): Promise<number> {
  try {
    const parsed = parseArguments(args);
    if (parsed.help || args.length === 0) throw new UsageError('');
    return await perform(new Session(parsed, context));
  } catch (error) {
    return explain(error, context);
  }
}

function explain(error: unknown, context: CommandContext): number {
  if (error instanceof UsageError) {
    if (error.message !== '') context.stderr(`pfctl: ${error.message}\n`);
    if (error.usage) context.stderr(`usage: ${SYNOPSIS}\n`);
    return 1;
  }
  if (error instanceof Failure || error instanceof CallError) {
    if (error.message !== '') context.stderr(`pfctl: ${error.message}\n`);
    return 1;
  }
  throw error;
}

async function perform(session: Session): Promise<number> {
  const { args } = session;
  if (args.explain !== undefined) {
    await explainPacket(session, args.explain);
    return 0;
  }
  refuseReserved(args);
  // With -n only files are read and tables tried.
  if (!args.noAction) await change(session);
  const status = await tablesOrRules(session);
  if (args.enable && !args.noAction) await setEnabled(session, true);
  if (args.debugLevel !== undefined && !args.noAction) await setDebug(session, args.debugLevel);
  return status;
}

/** `-T COMMAND`, for which -f names a file of addresses, or else `-f`. */
async function tablesOrRules(session: Session): Promise<number> {
  const { tableCommand: command, file } = session.args;
  if (command !== undefined && command !== 'load') return tableCommand(session, command);
  if (file === undefined) return 0;
  return (await loadRuleset(session, command === 'load')) ? 0 : 1;
}

function refuseReserved(args: Arguments): void {
  const reserved = args.anchor.startsWith('_') || args.anchor.includes('/_');
  if (reserved && args.file !== undefined) {
    throw new Failure("anchor names beginning with '_' cannot be modified from the command line");
  }
}

async function change(session: Session): Promise<void> {
  const { args } = session;
  if (args.disable) await setEnabled(session, false);
  if (args.show !== undefined) await show(session, args.show);
  else if (args.zero) await session.kernel.call('pf.clearCounters', { what: 'rules' });
  if (args.flush !== undefined) await flush(session, args.flush);
  if (args.killStates.length > 0) await killStates(session);
  if (args.killNodes.length > 0) await killNodes(session);
  if (args.saveStates !== undefined) await saveStates(session, args.saveStates);
  if (args.loadStates !== undefined) await loadStates(session, args.loadStates);
}

async function setEnabled(session: Session, enabled: boolean): Promise<void> {
  const status = await session.kernel.call('pf.status', {});
  if (status.enabled === enabled) throw new Failure(`pf ${enabled ? 'already' : 'not'} enabled`);
  await session.kernel.call(enabled ? 'pf.enable' : 'pf.disable', {});
  session.say(`pf ${enabled ? 'enabled' : 'disabled'}`);
}

async function setDebug(session: Session, level: string): Promise<void> {
  await session.kernel.call('pf.setOptions', { debug: level });
  session.say(`debug level set to '${level}'`);
}
