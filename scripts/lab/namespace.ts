// SPDX-License-Identifier: ISC
//
// A Linux network namespace that lives exactly as long as the process that made it: no name, no mount, nothing to clean up.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import type { CommandResult } from './network.ts';

/** Words in front of a command so that the kernel ends it when this process ends, however it ends. */
const DIES_WITH_US = ['setpriv', '--pdeathsig', 'KILL', '--'];

export class Namespace {
  readonly pid: number;
  private readonly holder: ChildProcess;
  private readonly started: ChildProcess[] = [];

  private constructor(holder: ChildProcess) {
    this.holder = holder;
    this.pid = holder.pid!;
  }

  /** Makes a namespace; its loopback interface is up. Rejects with what unshare(1) said when that is not allowed. */
  static async create(): Promise<Namespace> {
    const script = 'ip link set lo up && echo up && exec sleep infinity';
    const holder = start(['unshare', '--net', '--', 'sh', '-c', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let complaint = '';
    holder.stderr!.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    await new Promise<void>((resolve, reject) => {
      holder.stdout!.once('data', () => resolve());
      holder.once('error', reject);
      holder.once('exit', () => reject(new Error(complaint.trim() || 'unshare --net failed')));
    });
    return new Namespace(holder);
  }

  /** Starts a long-lived program inside; it ends with the namespace, and dies with this process. */
  start(command: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const program = start([...enter(this.pid), ...command], options);
    this.started.push(program);
    return program;
  }

  /** Runs a program inside to its end. */
  run(command: readonly string[], input?: string): Promise<CommandResult> {
    return finish(start([...enter(this.pid), ...command], { stdio: ['pipe', 'pipe', 'pipe'] }), input);
  }

  /** Runs a program that has to succeed; rejects with its words when it does not. */
  async must(command: readonly string[], input?: string): Promise<string> {
    const result = await this.run(command, input);
    if (result.status !== 0) {
      throw new Error(
        `${command.join(' ')}: ${(result.stderr || result.stdout).trim() || `exit ${result.status}`}`,
      );
    }
    return result.stdout;
  }

  /** Ends it, and what was started inside; its interfaces go with the last process. */
  async end(): Promise<void> {
    await Promise.all(this.started.map((program) => stop(program, 'SIGTERM')));
    await stop(this.holder, 'SIGKILL');
  }
}

/** Words that run what follows inside the network namespace of a process. */
export function enter(pid: number): string[] {
  return ['nsenter', '--target', String(pid), '--net', '--'];
}

/** Starts a program that dies with this process and does not get the terminal's Ctrl-C. */
export function start(command: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const [program, ...args] = [...DIES_WITH_US, ...command];
  return spawn(program!, args, { detached: true, ...options });
}

/** Collects what a program printed and how it ended. */
export function finish(child: ChildProcess, input?: string): Promise<CommandResult> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin?.on('error', () => {}); // the program may end without reading: its status tells
  child.stdin?.end(input ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ status: code ?? 128, stdout, stderr }));
  });
}

/** Ends a program and waits until it has ended; by force after five seconds. */
export async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  const force = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(force);
}
