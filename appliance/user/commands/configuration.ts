// SPDX-License-Identifier: ISC
//
// The commands about a machine's configuration: check, apply, confirm, history, diff, rollback.

import { fileProblem } from '../config/pf/loadPfConf.ts';
import { ApplyError } from '../rc/apply.ts';
import { type Configuration, ConfigurationBusy, type Plan } from '../rc/configuration.ts';
import { diffLines, formatDiff } from '../rc/lineDiff.ts';
import type { Texts, Version } from '../rc/versions.ts';
import type { Command, CommandContext } from './command.ts';
import { command, Failure, UsageError } from './failure.ts';
import { formatDate } from './system.ts';

/** Exit statuses beside 0 and 1. */
const WRONG_FILES = 3;
const NOT_NOW = 5;

function configurationOf({ machine }: CommandContext): Configuration {
  if (machine?.configuration === undefined) throw new Failure('no running machine (name one with -M DIR)');
  return machine.configuration;
}

/** What the configuration refuses becomes a Failure with its exit status. */
async function refusals<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ConfigurationBusy) throw new Failure(error.message, NOT_NOW);
    if (error instanceof ApplyError) {
      throw new Failure(
        `${error.message}; what came before it stands (rollback N goes back, history lists N)`,
      );
    }
    if (error instanceof Error && 'code' in error) {
      throw new Failure(`nothing was applied, for it could not be kept: ${fileProblem(error)}`);
    }
    throw error;
  }
}

export const check: Command = command(
  'check',
  'check [--json]',
  'check all files of etc/ as a boot would read them',
  async (args, context) => {
    const json = args.includes('--json');
    if (args.length > (json ? 1 : 0)) throw new UsageError('');
    return reportCheck(await configurationOf(context).rehearse(), json, context);
  },
);

/** What a rehearsal found; the exit status. */
export function reportCheck(
  { problems, warnings }: Pick<Plan, 'problems' | 'warnings'>,
  json: boolean,
  { stdout, stderr }: Pick<CommandContext, 'stdout' | 'stderr'>,
): number {
  if (json) stdout(`${JSON.stringify({ problems, warnings })}\n`);
  else {
    for (const line of [...warnings, ...problems]) stderr(`${line}\n`);
    if (problems.length === 0) stdout('configuration OK\n');
  }
  return problems.length === 0 ? 0 : WRONG_FILES;
}

interface ApplyArguments {
  readonly json: boolean;
  readonly showOnly: boolean;
  readonly unasked: boolean;
  /** Until the change is taken back. */
  readonly seconds?: number;
}

const LONGEST = 24 * 3600;
const DEFAULT_SECONDS = 60;

function applyArguments(args: readonly string[]): ApplyArguments {
  const flags = args.filter((arg) => arg.startsWith('-'));
  const unknown = flags.find((flag) => !['-n', '-y', '--json'].includes(flag));
  if (unknown !== undefined) throw new UsageError(`unknown option ${unknown}`);
  const json = flags.includes('--json');
  if (json && !flags.includes('-n')) throw new UsageError('--json needs -n');
  const [word, number = String(DEFAULT_SECONDS), ...more] = args.filter((arg) => !arg.startsWith('-'));
  if ((word !== undefined && word !== 'confirm') || more.length > 0) throw new UsageError('');
  const seconds = Number(number);
  if (!/^\d+$/.test(number) || seconds < 1 || seconds > LONGEST) {
    throw new UsageError(`${number}: a number of seconds from 1 to ${LONGEST} is needed`);
  }
  const safe = word === undefined ? {} : { seconds };
  return { json, showOnly: flags.includes('-n'), unasked: flags.includes('-y'), ...safe };
}

export const apply: Command = {
  ...command(
    'apply',
    'apply [-n [--json] | -y] [confirm [seconds]]',
    'make the running machine what the files of etc/ say',
    async (args, context) => {
      const parsed = applyArguments(args);
      const configuration = configurationOf(context);
      if (configuration.waitsForConfirm && !parsed.showOnly) {
        throw new Failure('the last apply waits: confirm keeps it, rollback takes it back', NOT_NOW);
      }
      const plan = await refusals(configuration.plan());
      if (parsed.json) return planAsJson(plan, context);
      const ready = await showPlan(plan, configuration, context);
      if (ready !== undefined) return ready;
      if (parsed.showOnly) return 0;
      if (!(await agreed(parsed, context))) return 1;
      return carryOut(plan, parsed, context);
    },
  ),
  values: { confirm: ['confirm'] },
};

function planAsJson({ problems, warnings, lines }: Plan, { stdout }: CommandContext): number {
  stdout(`${JSON.stringify({ problems, warnings, changes: lines })}\n`);
  return problems.length === 0 ? 0 : WRONG_FILES;
}

/** Shows what would change; an exit status where that is all. */
async function showPlan(
  plan: Plan,
  configuration: Configuration,
  context: CommandContext,
): Promise<number | undefined> {
  for (const line of [...plan.warnings, ...plan.problems]) context.stderr(`${line}\n`);
  if (plan.problems.length > 0) {
    context.stderr('nothing was applied\n');
    return WRONG_FILES;
  }
  for (const line of plan.lines) context.stdout(`${line}\n`);
  if (plan.lines.length > 0) return undefined;
  if (!(await configuration.isEdited())) {
    context.stdout('the machine is what its files say\n');
    return 0;
  }
  context.stdout('files have changed; nothing that is shown here does\n');
  return undefined;
}

/** A change that takes itself back needs no question. */
async function agreed(
  { unasked, seconds }: Pick<ApplyArguments, 'unasked' | 'seconds'>,
  context: CommandContext,
): Promise<boolean> {
  if (unasked || seconds !== undefined) return true;
  if (context.ask === undefined) {
    throw new Failure('nobody can be asked here: apply -y applies, apply -n only shows');
  }
  const answer = await context.ask('apply this? [no] ');
  if (/^y(es)?$/i.test(answer?.trim() ?? '')) return true;
  context.stderr('nothing was applied\n');
  return false;
}

async function carryOut(plan: Plan, { seconds }: ApplyArguments, context: CommandContext): Promise<number> {
  const configuration = configurationOf(context);
  const by = seconds === undefined ? 'apply' : `apply confirm ${seconds}`;
  const version = await refusals(configuration.apply(plan, by, seconds));
  context.stdout(`applied as version ${version.number}\n`);
  if (seconds !== undefined) {
    context.stdout(`it is taken back in ${seconds} seconds unless you type: confirm\n`);
  }
  return 0;
}

export const confirm: Command = command(
  'confirm',
  'confirm',
  'keep what apply confirm applied',
  async (args, context) => {
    if (args.length > 0) throw new UsageError('');
    if (!(await configurationOf(context).confirm())) {
      throw new Failure('nothing waits to be confirmed', NOT_NOW);
    }
    context.stdout('confirmed: what was applied stays\n');
    return 0;
  },
);

export const history: Command = command(
  'history',
  'history [--json]',
  'list the versions of the configuration',
  async (args, context) => {
    const json = args.includes('--json');
    if (args.length > (json ? 1 : 0)) throw new UsageError('');
    const { versions } = configurationOf(context);
    const rows: Omit<Version, 'files'>[] = [];
    for (const number of await versions.numbers()) {
      const { files: _left, ...row } = await versionOf(context, number);
      rows.push(row);
    }
    if (json) context.stdout(`${JSON.stringify({ versions: rows })}\n`);
    else for (const row of rows) context.stdout(historyLine(row));
    return 0;
  },
);

function historyLine({ number, time, by }: Omit<Version, 'files'>): string {
  return `${String(number).padStart(6)}  ${formatDate(time)}  ${by}\n`;
}

async function versionOf(context: CommandContext, number: number): Promise<Version> {
  const version = await configurationOf(context).versions.read(number);
  if (version === undefined) throw new Failure(`there is no version ${number} (history lists them)`);
  return version;
}

function numberOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${text}: not the number of a version`);
  return Number(text);
}

export const diff: Command = command(
  'diff',
  'diff [version [version]]',
  'compare versions of the configuration; one with etc/, the latest if none is named',
  async (args, context) => {
    if (args.length > 2) throw new UsageError('');
    const { versions } = configurationOf(context);
    const [from, to] = args.map(numberOf);
    const before = from === undefined ? await versions.latest() : await versionOf(context, from);
    const after = to === undefined ? await versions.present() : (await versionOf(context, to)).files;
    for (const line of diffTexts(before?.files ?? {}, after)) context.stdout(`${line}\n`);
    return 0;
  },
);

/** Changes of all files, each under its name. */
export function diffTexts(before: Texts, after: Texts): readonly string[] {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return paths.flatMap((path) => {
    const lines = (texts: Texts) => texts[path]?.replace(/\n$/, '').split('\n') ?? [];
    const changes = formatDiff(diffLines(lines(before), lines(after)));
    if (changes.length === 0) return [];
    const name = (texts: Texts) => (texts[path] === undefined ? '/dev/null' : `etc/${path}`);
    return [`--- ${name(before)}`, `+++ ${name(after)}`, ...changes];
  });
}

export const rollback: Command = command(
  'rollback',
  'rollback [-y] [version]',
  'go back to a version; without one, take back an apply that waits for its confirm',
  async (args, context) => {
    const words = args.filter((arg) => arg !== '-y');
    if (words.length > 1) throw new UsageError('');
    const configuration = configurationOf(context);
    if (configuration.waitsForConfirm) return takeBack(words, context);
    if (words[0] === undefined) throw new Failure('nothing waits to be confirmed: name a version', NOT_NOW);
    const version = await versionOf(context, numberOf(words[0]));
    const unasked = args.includes('-y');
    if (!unasked && context.ask === undefined) {
      throw new Failure('nobody can be asked here: rollback -y N goes back');
    }
    const plan = await refusals(configuration.prepareRollback(version));
    const ready = await showPlan(plan, configuration, context);
    if (ready !== undefined) return ready;
    if (!(await agreed({ unasked }, context))) {
      context.stderr(`etc/ holds version ${version.number} now; the machine is as it was\n`);
      return 1;
    }
    const now = await refusals(configuration.apply(plan, `rollback to ${version.number}`));
    context.stdout(`back to version ${version.number}, as version ${now.number}\n`);
    return 0;
  },
);

async function takeBack(words: readonly string[], context: CommandContext): Promise<number> {
  if (words.length > 0) {
    throw new Failure('an apply waits for its confirm: rollback alone takes it back first', NOT_NOW);
  }
  const back = await refusals(configurationOf(context).takeBack());
  if (back !== undefined) context.stdout(`back to version ${back.number}\n`);
  return 0;
}
