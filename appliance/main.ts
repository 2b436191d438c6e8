#!/usr/bin/env node
// SPDX-License-Identifier: ISC
//
// The rhine command: boots machines, runs commands on them, and runs those that need no machine.

import { readFileSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { startDaemon } from './daemons.ts';
import { HardwareError } from './host/hardware.ts';
import { makePacketTrial } from './host/packetTrial.ts';
import { machineName, RunningMachine, rehearseDirectory, SOCKET, UserError } from './machine.ts';
import type { CommandContext } from './user/commands/command.ts';
import { reportCheck } from './user/commands/configuration.ts';
import { findCommand, runCommand } from './user/commands/index.ts';
import { ConfigError } from './user/config/lines.ts';
import { MachineError } from './user/config/machineJson.ts';
import { keepConsole } from './user/console/keepConsole.ts';
import { MachineGone, NotRunning, runRemote, untilGone } from './user/control/client.ts';
import { answers, type CommandRunner } from './user/control/server.ts';
import { MachineFiles, WorkingFiles } from './user/files.ts';
import { DialogueEnded, FileDialogue, TerminalDialogue } from './user/install/dialogue.ts';
import { InstallError, install } from './user/install/install.ts';
import { comparePair } from './user/pair/compare.ts';
import { type Candidate, members, readPassphrases, readRelayd, readSyncKey } from './user/pair/member.ts';
import { describePair, pairValue } from './user/pair/report.ts';
import { History } from './user/shell/history.ts';
import { askOnTerminal, lineConsole } from './user/shell/lineConsole.ts';
import { Shell } from './user/shell/shell.ts';

const USAGE = `usage: rhine boot DIR [--headless | --plain]
       rhine console DIR [--plain]
       rhine install DIR [-f ANSWERS]
       rhine pair DIR DIR [--json]
       rhine -M DIR COMMAND [ARGUMENT ...]      (or RHINE_MACHINE=DIR rhine COMMAND ...)
       rhine COMMAND [ARGUMENT ...]             (commands that need no machine: pfctl -n, relayd -n, help, ...)
`;

/** Commands that read their standard input; others must not wait for it. */
const READS_INPUT = new Set(['pfctl']);

async function main(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === undefined || first === '--help' || first === '-h') {
    process.stdout.write(USAGE);
    return first === undefined ? 2 : 0;
  }
  if (first === 'boot') return bootMachine(rest);
  if (first === 'install') return installMachine(rest);
  if (first === 'pair') return checkPair(rest);
  if (first === 'console') return console(rest);
  if (first === '-M') return onMachine(directoryOf(rest[0]), rest.slice(1));
  const named = process.env.RHINE_MACHINE;
  if (named !== undefined && named !== '') return onMachine(named, args);
  return offline(args);
}

function directoryOf(word: string | undefined): string {
  if (word !== undefined) return word;
  process.stderr.write(USAGE);
  process.exit(2);
}

/** Signals that halt a machine in order; SIGHUP is the end of its terminal. */
const ENDING = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Boots, and boots again as often as `reboot` says so. */
async function bootMachine(args: readonly string[]): Promise<number> {
  const headless = args.includes('--headless');
  const screens = hasScreens(args);
  const directory = resolve(directoryOf(args.find((arg) => !arg.startsWith('--'))));
  for (;;) {
    // On screens there is a view of the log; lines between would spoil them.
    let isCovered = false;
    const say = (line: string) => {
      if (!isCovered) process.stdout.write(`${line}\n`);
    };
    const machine = await RunningMachine.boot(directory, say, startDaemon);
    const halt = () => machine.halt();
    for (const signal of ENDING) process.on(signal, halt);
    process.stdout.write(`${machine.name} ready\n`);
    const left = new AbortController();
    let console = Promise.resolve();
    if (!headless && process.stdin.isTTY) {
      const ended = left.signal;
      console = keepConsole({
        screens,
        open: (onScreens) => {
          isCovered = onScreens;
          const opened = openConsole({ directory, screens: onScreens, ended, isMachine: true });
          return opened.finally(() => {
            isCovered = false;
          });
        },
        isOver: () => ended.aborted || process.stdin.readableEnded,
        say,
        log: (text) => machine.log.say('console', text, 'error'),
      }).then((isLeft) => {
        if (isLeft) machine.halt();
      });
    }
    const ending = await machine.ended;
    left.abort();
    if (isCovered) await console;
    process.stdout.write(`syncing disks... done\n`);
    await machine.shutdown();
    for (const signal of ENDING) process.off(signal, halt);
    if (ending === 'halt') return 0;
  }
}

/** A console that is to be opened on this process's terminal. */
interface ConsoleChoice {
  readonly directory: string;
  /** Virtual consoles, or a prompt alone. */
  readonly screens: boolean;
  /** Whether the machine runs in this process. */
  readonly isMachine: boolean;
  readonly ended?: AbortSignal;
}

/** Screens need a terminal that can be written to anywhere; --plain does without them. */
function hasScreens(args: readonly string[]): boolean {
  const { TERM = 'dumb' } = process.env;
  return process.stdin.isTTY && process.stdout.isTTY && TERM !== 'dumb' && !args.includes('--plain');
}

async function console(args: readonly string[]): Promise<number> {
  const given = directoryOf(args.find((arg) => !arg.startsWith('--')));
  const directory = realpathSync(given);
  if (!(await answers(join(directory, SOCKET)))) return notRunning(given);
  return openConsole({ directory, screens: hasScreens(args), isMachine: false });
}

/** The console of a running machine on this terminal, over its control socket; resolves when it is left. */
async function openConsole({ directory, screens, isMachine, ended }: ConsoleChoice): Promise<number> {
  const files = new MachineFiles(directory);
  const socket = join(directory, SOCKET);
  const run: CommandRunner['run'] = (args, io) => runRemote(socket, args, io);
  const shell = new Shell({ run, files, history: await History.load(files) });
  const { stdin: input, stdout: output, env } = process;
  const parts = { shell, run, name: machineName(directory), files, input, output, ended };
  if (!screens) return lineConsole(parts);
  // Loaded where it is wanted only: it takes a moment.
  const { virtualConsoles } = await import('./user/console/consoles.ts');
  if (isMachine) return virtualConsoles({ ...parts, env, isMachine });
  const left = new AbortController();
  try {
    return await virtualConsoles({ ...parts, env, isMachine, gone: untilGone(socket, left.signal) });
  } finally {
    left.abort();
  }
}

/** Makes a machine's directory by question and answer, or from a file of answers. */
async function installMachine(args: readonly string[]): Promise<number> {
  const from = args.indexOf('-f');
  const directory = directoryOf(args.find((_, i) => from < 0 || (i !== from && i !== from + 1)));
  const file = from < 0 ? undefined : (args[from + 1] ?? directoryOf(undefined));
  const dialogue =
    file === undefined
      ? new TerminalDialogue(askOnTerminal, (line) => process.stdout.write(`${line}\n`))
      : new FileDialogue(readFileSync(file, 'utf8'), file);
  const check = async (made: string) => (await rehearseDirectory(made)).problems;
  await install({ directory, dialogue, check });
  process.stdout.write(`${directory} is ready; boot it with: rhine boot ${directory}\n`);
  return 0;
}

/** `check` of a machine that does not run. */
async function checkDirectory(directory: string, json: boolean): Promise<number> {
  return reportCheck(await rehearseDirectory(directory), json, {
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
  });
}

/** Checks two machine directories against each other; status 1 when they are no pair. */
async function checkPair(args: readonly string[]): Promise<number> {
  const [one, other, ...more] = args.filter((arg) => arg !== '--json');
  if (more.length > 0) directoryOf(undefined);
  const [a, b] = members(await candidate(directoryOf(one)), await candidate(directoryOf(other)));
  const findings = comparePair(a, b);
  const lines = args.includes('--json')
    ? [JSON.stringify(pairValue(a, b, findings))]
    : describePair(a, b, findings);
  process.stdout.write(`${lines.join('\n')}\n`);
  return findings.length === 0 ? 0 : 1;
}

async function candidate(directory: string): Promise<Candidate> {
  const rehearsal = await rehearseDirectory(directory);
  const files = new MachineFiles(directory);
  return {
    directory,
    name: machineName(directory),
    rehearsal,
    passphrases: await readPassphrases(files),
    relayd: await readRelayd(files),
    syncKey: await readSyncKey(files),
  };
}

function notRunning(directory: string): number {
  process.stderr.write(`rhine: no machine is running there; boot it with: rhine boot ${directory}\n`);
  return 4;
}

async function onMachine(directory: string, args: readonly string[]): Promise<number> {
  if (args.length === 0) directoryOf(undefined);
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  process.once('SIGTERM', () => abort.abort());
  try {
    return await runRemote(join(realpathSync(directory), SOCKET), args, {
      stdout: (chunk) => process.stdout.write(chunk),
      stderr: (chunk) => process.stderr.write(chunk),
      stdin: async () => (wantsInput(args) ? text(process.stdin) : ''),
      signal: abort.signal,
      ...(process.stdin.isTTY && { ask: askOnTerminal }),
    });
  } catch (error) {
    if (!(error instanceof NotRunning)) throw error;
    return args[0] === 'check' ? checkDirectory(directory, args.includes('--json')) : notRunning(directory);
  }
}

function wantsInput(args: readonly string[]): boolean {
  return READS_INPUT.has(args[0]!) && args.includes('-');
}

/** A command without a machine, on the files of the working directory. */
async function offline(args: readonly string[]): Promise<number> {
  if (findCommand(args[0]!) === undefined) {
    process.stderr.write(`rhine: ${args[0]}: no such command\n${USAGE}`);
    return 2;
  }
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  const context: CommandContext = {
    kernel: undefined,
    files: new WorkingFiles(process.cwd()),
    stdout: (chunk) => process.stdout.write(chunk),
    stderr: (chunk) => process.stderr.write(chunk),
    stdin: () => text(process.stdin),
    ...(process.stdin.isTTY && { ask: askOnTerminal }),
    signal: abort.signal,
    machine: undefined,
    env: process.env,
    clock: { now: () => Date.now() },
    trial: makePacketTrial,
  };
  return runCommand(args, context);
}

// A reader that went away is no reason to complain.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

/** What a user can mend; the message alone says it. */
const EXPECTED = [
  ConfigError,
  DialogueEnded,
  HardwareError,
  InstallError,
  MachineError,
  MachineGone,
  UserError,
];

main(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status;
  },
  (error: NodeJS.ErrnoException) => {
    const known = EXPECTED.some((kind) => error instanceof kind);
    process.stderr.write(
      `rhine: ${known || error.code !== undefined ? error.message : (error.stack ?? error.message)}\n`,
    );
    process.exit(1);
  },
);
