// SPDX-License-Identifier: ISC
//
// One machine in a network namespace of its own, its TAPs the namespace's interfaces: for tests against Linux programs.

import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { finish, Namespace, start, stop } from '../../scripts/lab/namespace.ts';
import type { CommandResult } from '../../scripts/lab/network.ts';
import { PROJECT } from './lab.ts';

const RHINE = join(PROJECT, 'dist/appliance/main.js');

export class LabMachine {
  readonly directory: string;
  readonly namespace: Namespace;
  private readonly ownsNamespace: boolean;
  private boot: ChildProcess | undefined;
  /** What it has printed. */
  private readonly lines: string[] = [];
  private ready: () => void = () => {};

  private constructor(directory: string, namespace: Namespace, ownsNamespace: boolean) {
    this.directory = directory;
    this.namespace = namespace;
    this.ownsNamespace = ownsNamespace;
  }

  /** A machine with these interfaces (TAPs of the same names with `prefix`) and files of etc/, booted. */
  static async up(options: {
    readonly name: string;
    readonly interfaces: readonly string[];
    readonly etc: Readonly<Record<string, string>>;
    readonly namespace?: Namespace;
  }): Promise<LabMachine> {
    const directory = mkdtempSync(join(tmpdir(), `rhine-${options.name}-`));
    const interfaces = Object.fromEntries(options.interfaces.map((vr) => [vr, {}]));
    mkdirSync(join(directory, 'etc'));
    writeFileSync(join(directory, 'machine.json'), JSON.stringify({ name: options.name, interfaces }));
    for (const [file, text] of Object.entries(options.etc)) writeFileSync(join(directory, 'etc', file), text);
    return LabMachine.boot(options.name, directory, options.namespace);
  }

  /** Boots the machine of a directory, which goes when the machine does. */
  static async boot(name: string, directory: string, shared?: Namespace): Promise<LabMachine> {
    const machine = new LabMachine(directory, shared ?? (await Namespace.create()), shared === undefined);
    try {
      await machine.start(name);
      return machine;
    } catch (error) {
      await machine.down();
      throw error;
    }
  }

  private async start(name: string): Promise<void> {
    const boot = this.namespace.start([process.execPath, RHINE, 'boot', this.directory, '--headless'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.boot = boot;
    createInterface({ input: boot.stdout! }).on('line', (line) => {
      this.lines.push(line);
      if (line.endsWith(`${name} ready`)) this.ready();
    });
    await this.untilReady(boot);
  }

  private async untilReady(boot: ChildProcess): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.ready = resolve;
      boot.once('exit', (code) => reject(new Error(`it ended with ${code}\n${this.lines.join('\n')}`)));
    });
    boot.removeAllListeners('exit');
  }

  /** Runs a command of the machine, and answers what it printed; one that fails rejects. */
  async rhine(...args: string[]): Promise<string> {
    const words = [process.execPath, RHINE, '-M', this.directory, ...args];
    const { status, stdout, stderr } = await finish(start(words, { stdio: ['pipe', 'pipe', 'pipe'] }));
    if (status !== 0) throw new Error(`${args.join(' ')}: status ${status}: ${stderr}`);
    return stdout;
  }

  /** Runs a program in the namespace. */
  linux(...command: string[]): Promise<CommandResult> {
    return this.namespace.run(command);
  }

  /** Reboots, and waits until it is there again: its TAPs are new ones. */
  async reboot(): Promise<void> {
    await Promise.all([this.untilReady(this.boot!), this.rhine('reboot')]);
  }

  /** Ends the appliance: in order, or as a crash would. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.boot !== undefined) await stop(this.boot, signal);
  }

  async down(): Promise<void> {
    await this.end('SIGTERM');
    if (this.ownsNamespace) await this.namespace.end();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
