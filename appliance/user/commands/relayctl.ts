// SPDX-License-Identifier: ISC
//
// relayctl(8): shows what relayd does and steers it. Words may be cut short as long as they stay unambiguous.

import { formatAddress } from '../../abi/addressText.ts';
import type { Host } from '../relayd/host.ts';
import { instanceName, type Redirect, type TableInstance } from '../relayd/redirect.ts';
import { Relayd } from '../relayd/relayd.ts';
import type { Command, CommandContext } from './command.ts';
import { command, Failure } from './failure.ts';

interface Word {
  /** What may follow: words by name, or an argument under a placeholder. */
  readonly next?: Readonly<Record<string, Word>>;
  readonly run?: (relayd: Relayd, argument: string, context: CommandContext) => Promise<number>;
}

const HEADER = row('Id', 'Type', 'Name', 'Avlblty', 'Status');

/** Every command, as a tree of words. */
const COMMANDS: Word = {
  next: {
    show: {
      next: {
        summary: { run: async (relayd, _, context) => show(relayd, context, summary) },
        hosts: { run: async (relayd, _, context) => show(relayd, context, hosts) },
        redirects: { run: async (relayd, _, context) => show(relayd, context, redirects) },
        relays: { run: async (relayd, _, context) => show(relayd, context, () => []) },
        routers: { run: async (relayd, _, context) => show(relayd, context, () => []) },
        sessions: { run: async () => 0 },
      },
    },
    redirect: switchable('<redirectid>', switchRedirect),
    table: switchable('<tableid>', switchTable),
    host: {
      next: {
        ...switchable('<hostid>', switchHost).next,
        drain: { next: { '<hostid>': { run: drain } } },
      },
    },
    poll: { run: poll },
    reload: { run: reload },
    load: { next: { '<path>': { run: load } } },
    monitor: { run: monitor },
  },
};

function switchable(
  placeholder: string,
  apply: (relayd: Relayd, argument: string, on: boolean) => boolean,
): Word {
  const run = (on: boolean): Word => ({
    next: {
      [placeholder]: {
        run: async (relayd, argument, context) => {
          const found = apply(relayd, argument, on);
          if (found) await relayd.sync();
          context.stdout(found ? 'command succeeded\n' : 'command failed\n');
          return found ? 0 : 1;
        },
      },
    },
  });
  return { next: { disable: run(false), enable: run(true) } };
}

export const relayctl: Command = command(
  'relayctl',
  'relayctl [--json] command [argument ...]',
  'show and steer the load balancer',
  async (args, context) => {
    const words = args.filter((arg) => arg !== '--json');
    const { run, argument } = resolve(words);
    const relayd = context.machine?.daemon('relayd');
    if (!(relayd instanceof Relayd)) throw new Failure('relayd is not running');
    const json = args.includes('--json');
    if (json) return printJson(words, relayd, context);
    return run(relayd, argument, context);
  },
);

/** Follows the words through the tree. */
function resolve(words: readonly string[]): { run: NonNullable<Word['run']>; argument: string } {
  let place = COMMANDS;
  let argument = '';
  for (const word of words) {
    if (place.next === undefined) throw new Failure(`superfluous argument: ${word}`);
    const [placeholder] = Object.keys(place.next).filter((name) => name.startsWith('<'));
    if (placeholder !== undefined) {
      argument = word;
      place = place.next[placeholder]!;
      continue;
    }
    const exact = place.next[word];
    const fitting = Object.keys(place.next).filter((name) => name.startsWith(word));
    if (exact === undefined && fitting.length !== 1) {
      throw new Failure(
        `${fitting.length === 0 ? 'unknown' : 'ambiguous'} argument: ${word}\n${valid(place)}`,
      );
    }
    place = exact ?? place.next[fitting[0]!]!;
  }
  if (place.run === undefined) throw new Failure(`missing argument:\n${valid(place)}`);
  return { run: place.run, argument };
}

function valid(place: Word): string {
  const names = Object.keys(place.next ?? {}).map((name) => `  ${name}`);
  return ['valid commands/args:', ...names].join('\n');
}

// Printing.

/** One row; columns are at least so wide, and parted by tabs. */
function row(id: string | number, type: string, name: string, availability: string, status: string): string {
  return `${String(id).padEnd(4)}\t${type.padEnd(8)}\t${name.padEnd(24)}\t${availability.padEnd(7)}\t${status}\n`;
}

function detail(text: string): string {
  return `\t        \t${text}\n`;
}

async function show(
  relayd: Relayd,
  context: CommandContext,
  lines: (relayd: Relayd) => readonly string[],
): Promise<number> {
  context.stdout(HEADER + lines(relayd).join(''));
  return 0;
}

function summary(relayd: Relayd): string[] {
  return relayd.redirects.flatMap((redirect) => [
    redirectRow(redirect),
    ...(redirect.disabled ? [] : redirect.instances.flatMap((instance) => tableRows(instance, hostRow))),
  ]);
}

function hosts(relayd: Relayd): string[] {
  return relayd.redirects.flatMap((redirect) =>
    redirect.instances.flatMap((instance) => tableRows(instance, (host) => hostRow(host) + checksLine(host))),
  );
}

function redirects(relayd: Relayd): string[] {
  return relayd.redirects.map(redirectRow);
}

function redirectStatus(redirect: Redirect): string {
  if (redirect.disabled) return 'disabled';
  if (redirect.isDown || !redirect.active) return 'down';
  return redirect.usesBackup ? 'active (using backup table)' : 'active';
}

function redirectRow(redirect: Redirect): string {
  return row(redirect.id, 'redirect', redirect.conf.name, '', redirectStatus(redirect));
}

function tableRows(instance: TableInstance, host: (host: Host) => string): string[] {
  const up = instance.hosts.filter((one) => one.usable).length;
  const status = instance.disabled ? 'disabled' : up === 0 ? 'empty' : `active (${up} hosts)`;
  const own = row(instance.id, 'table', instanceName(instance), '', status);
  return instance.disabled ? [own] : [own, ...instance.hosts.map(host)];
}

function hostStatus(host: Host): string {
  if (host.disabled) return 'disabled';
  return host.draining ? `${host.state} (draining)` : host.state;
}

function hostRow(host: Host): string {
  const parent = host.conf.parent === undefined ? '' : ` parent ${host.conf.parent}`;
  return row(host.id, 'host', host.conf.name + parent, host.availability, hostStatus(host));
}

function checksLine(host: Host): string {
  return host.checks === 0 ? '' : detail(`total: ${host.up}/${host.checks} checks`);
}

/** The same as data, for what `show` shows. */
function printJson(words: readonly string[], relayd: Relayd, context: CommandContext): number {
  if (!'show'.startsWith(words[0] ?? '?')) throw new Failure('--json goes with show');
  const data = relayd.redirects.map((redirect) => ({
    id: redirect.id,
    name: redirect.conf.name,
    status: redirectStatus(redirect),
    active: redirect.active,
    listen: redirect.conf.listen.map(({ address, port }) => ({ address: formatAddress(address), port })),
    hosts: redirect.instances.flatMap((instance) =>
      instance.hosts.map((host) => ({
        id: host.id,
        table: instanceName(instance),
        name: host.conf.name,
        status: host.disabled ? 'disabled' : host.state,
        checks: host.checks,
        up: host.up,
      })),
    ),
  }));
  context.stdout(`${JSON.stringify({ redirects: data })}\n`);
  return 0;
}

// Steering.

/** A number is an id, anything else a name. */
function named<T>(
  all: readonly T[],
  argument: string,
  id: (one: T) => number,
  name: (one: T) => string,
): T | undefined {
  return all.find((one) => (/^\d+$/.test(argument) ? id(one) === Number(argument) : name(one) === argument));
}

function switchRedirect(relayd: Relayd, argument: string, on: boolean): boolean {
  const redirect = named(
    relayd.redirects,
    argument,
    (one) => one.id,
    (one) => one.conf.name,
  );
  if (redirect !== undefined) redirect.disabled = !on;
  return redirect !== undefined;
}

function instancesOf(relayd: Relayd): TableInstance[] {
  return relayd.redirects.flatMap((redirect) => redirect.instances);
}

function switchTable(relayd: Relayd, argument: string, on: boolean): boolean {
  const instance = named(instancesOf(relayd), argument, (one) => one.id, instanceName);
  if (instance !== undefined) instance.disabled = !on;
  return instance !== undefined;
}

/** A name means the host in every table that has it. */
function hostsNamed(relayd: Relayd, argument: string): Host[] {
  const all = instancesOf(relayd).flatMap((instance) => instance.hosts);
  return all.filter((host) =>
    /^\d+$/.test(argument) ? host.id === Number(argument) : host.conf.name === argument,
  );
}

function switchHost(relayd: Relayd, argument: string, on: boolean): boolean {
  const found = hostsNamed(relayd, argument);
  for (const host of found) {
    if (on) host.enable();
    else host.disable();
  }
  return found.length > 0;
}

async function drain(relayd: Relayd, argument: string, context: CommandContext): Promise<number> {
  const found = hostsNamed(relayd, argument);
  for (const host of found) host.draining = true;
  await relayd.sync();
  context.stdout(found.length > 0 ? 'command succeeded\n' : 'command failed\n');
  return found.length > 0 ? 0 : 1;
}

async function poll(relayd: Relayd, _: string, context: CommandContext): Promise<number> {
  relayd.poll();
  context.stdout('command succeeded\n');
  return 0;
}

async function reload(relayd: Relayd, _: string, context: CommandContext): Promise<number> {
  return load(relayd, '/etc/relayd.conf', context);
}

async function load(relayd: Relayd, path: string, context: CommandContext): Promise<number> {
  try {
    await relayd.load(await context.files.read(path), path);
    return 0;
  } catch (error) {
    throw new Failure(`command failed\n${(error as Error).message}`);
  }
}

async function monitor(relayd: Relayd, _: string, context: CommandContext): Promise<number> {
  const end = relayd.monitor((line) => context.stdout(`${line}\n`));
  await new Promise<void>((resolve) => {
    if (context.signal.aborted) resolve();
    context.signal.addEventListener('abort', () => resolve());
  });
  end();
  return 0;
}
