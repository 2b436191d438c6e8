// SPDX-License-Identifier: ISC
//
// A rehearsal: the files of etc/ are booted in a second kernel that no wire reaches. What boot would complain of is known before
// anything is touched, and so is what the machine would then be set up as.

import type { KernelClient } from '../../abi/client.ts';
import type { CommandContext, Files, MachineInfo } from '../commands/command.ts';
import { ConfigError } from '../config/lines.ts';
import { fileProblem } from '../config/pf/loadPfConf.ts';
import { parsePflogdFlags } from '../pflogd/pflogd.ts';
import type { RelaydView } from '../relayd/control.ts';
import { parseRelaydFlags } from '../relayd/flags.ts';
import { ConfigurationError, loadConfiguration } from '../relayd/load.ts';
import { Objects } from '../relayd/objects.ts';
import { viewOf } from '../relayd/views.ts';
import { readUsers } from '../users/masterPasswd.ts';
import { boot } from './boot.ts';
import { type Snapshot, takeSnapshot } from './snapshot.ts';
import { strangers } from './strangers.ts';

/** A second kernel with the machine's interfaces. */
export type RehearsalKernel = () => KernelClient;

export interface RehearsalParts {
  readonly kernel: KernelClient;
  readonly files: Files;
  readonly dialect: MachineInfo['dialect'];
  readonly run: RunCommand;
}

/** Runs one of the machine's commands. */
export type RunCommand = (args: readonly string[], context: CommandContext) => Promise<number>;

export interface Rehearsal {
  /** What boot would complain of, `file:line: reason` where it has a place. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly snapshot: Snapshot;
}

/** Commands of hostname.if's `!command` that set the machine up; the others only do something and are not rehearsed. */
const SETTING_UP = new Set(['arp', 'ifconfig', 'ndp', 'pfctl', 'route', 'sysctl']);

export async function rehearse(parts: RehearsalParts): Promise<Rehearsal> {
  const problems: string[] = [];
  const warnings: string[] = [];
  let relayd: RelaydView | undefined;
  const run = new RehearsedCommands(parts);
  await boot({
    kernel: parts.kernel,
    files: parts.files,
    say: () => {},
    complain: (line) => problems.push(line),
    command: async (args, stdin = '') => {
      const { status, lines } = await run.command(args, stdin);
      (status === 0 ? warnings : problems).push(...lines);
      return status;
    },
    wait: async () => {},
    daemon: async (name, flags) => {
      if (name === 'pflogd') checkPflogd(flags, problems);
      if (name === 'relayd') relayd = await rehearseRelayd(parts, flags, problems, warnings);
    },
  });
  await checkUsers(parts.files, problems);
  const snapshot = await takeSnapshot(parts.kernel, (args) => run.output(args), relayd);
  warnings.push(...strangers(snapshot));
  return { problems, warnings, snapshot };
}

/** Nobody could log in with a file that is wrong. */
async function checkUsers(files: Files, problems: string[]): Promise<void> {
  try {
    await readUsers(files);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(error.message);
  }
}

function wordsOf(flags: string): readonly string[] {
  return flags.split(/\s+/).filter((word) => word !== '');
}

function checkPflogd(words: string, problems: string[]): void {
  const flags = parsePflogdFlags(wordsOf(words));
  if ('problem' in flags) problems.push(`/etc/rc.conf.local: pflogd_flags: ${flags.problem}`);
}

async function rehearseRelayd(
  { kernel, files }: RehearsalParts,
  words: string,
  problems: string[],
  warnings: string[],
): Promise<RelaydView | undefined> {
  const flags = parseRelaydFlags(wordsOf(words));
  if ('problem' in flags) {
    problems.push(`/etc/rc.conf.local: relayd_flags: ${flags.problem}`);
    return undefined;
  }
  const { file, macros } = flags;
  try {
    const readFile = (path: string) => files.read(path);
    const loaded = await loadConfiguration({ text: await readFile(file), file, readFile, kernel, macros });
    warnings.push(...loaded.warnings);
    const redirects = loaded.conf.redirects.length > 0;
    if (redirects && !(await kernel.call('pf.status', {})).enabled) {
      problems.push(
        `${file}: redirections need pf, which is off (pf=YES in rc.conf.local, and an /etc/pf.conf)`,
      );
    }
    return viewOf(new Objects(loaded.conf, () => 0));
  } catch (error) {
    if (error instanceof ConfigurationError) problems.push(...error.problems);
    else if (error instanceof Error && 'code' in error) problems.push(`${file}: ${fileProblem(error)}`);
    else throw error;
    return undefined;
  }
}

/** Runs commands on the rehearsal's kernel; files can be read only. */
class RehearsedCommands {
  private readonly parts: RehearsalParts;

  constructor(parts: RehearsalParts) {
    this.parts = parts;
  }

  async command(
    args: readonly string[],
    stdin: string,
  ): Promise<{ readonly status: number; readonly lines: readonly string[] }> {
    if (!SETTING_UP.has(args[0]!)) return { status: 0, lines: [] };
    let stderr = '';
    const collect = (text: string) => {
      stderr += text;
    };
    const status = await this.parts.run(
      args,
      this.context(() => {}, collect, stdin),
    );
    return { status, lines: stderr.split('\n').filter((line) => line !== '') };
  }

  async output(args: readonly string[]): Promise<string> {
    let stdout = '';
    const collect = (text: string) => {
      stdout += text;
    };
    const status = await this.parts.run(
      args,
      this.context(collect, () => {}, ''),
    );
    return status === 0 ? stdout : '';
  }

  private context(
    stdout: (text: string) => void,
    stderr: (text: string) => void,
    stdin: string,
  ): CommandContext {
    const { kernel, files, dialect } = this.parts;
    return {
      kernel,
      files: readOnly(files),
      stdout,
      stderr,
      stdin: async () => stdin,
      signal: new AbortController().signal,
      machine: {
        name: '',
        directory: '',
        dialect,
        daemon: () => undefined,
        messages: () => [],
        booted: 0,
        halt: () => {},
      },
      env: {},
      clock: { now: () => 0 },
    };
  }
}

function readOnly(files: Files): Files {
  const refuse = (path: string) =>
    Promise.reject(Object.assign(new Error(`${path}: Read-only file system`), { code: 'EROFS' }));
  return {
    read: (path) => files.read(path),
    readBytes: (path) => files.readBytes(path),
    readSecret: (path) => files.readSecret(path),
    list: (path) => files.list(path),
    exists: (path) => files.exists(path),
    write: refuse,
    create: refuse,
    remove: refuse,
  };
}
