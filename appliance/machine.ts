// SPDX-License-Identifier: ISC
//
// A machine that runs: its kernel's thread, its files, its log, its daemons and its control socket, made in the order of a boot.

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatAddress, formatLinkAddress } from './abi/addressText.ts';
import type { KernelClient } from './abi/client.ts';
import { openHardware } from './host/hardware.ts';
import { KernelThread } from './host/kernelThread.ts';
import { makePacketTrial } from './host/packetTrial.ts';
import { rehearsalKernel } from './host/rehearsalKernel.ts';
import type { CommandContext, MachineInfo } from './user/commands/command.ts';
import { runCommand } from './user/commands/index.ts';
import { type Machine, parseMachineJson } from './user/config/machineJson.ts';
import { answers, type CommandRunner, ControlServer } from './user/control/server.ts';
import { MachineFiles } from './user/files.ts';
import { MachineLog } from './user/log.ts';
import { type BootParts, boot } from './user/rc/boot.ts';
import { Configuration } from './user/rc/configuration.ts';
import { type Rehearsal, rehearse } from './user/rc/rehearse.ts';
import type { RelaydControl } from './user/relayd/control.ts';

const VERSION = '0.1.0';

/** Something that the one who boots can mend; the message says how it is. */
export class UserError extends Error {}

/** Why a machine ended, for the one who started it. */
export type Ending = 'halt' | 'reboot';

export const SOCKET = 'var/run/rhine.sock';

/** A daemon of this machine, and how it is ended. */
export interface Daemon {
  readonly control: unknown;
  /** Reads its files again; rejects with a sentence when they are wrong. Then everything stays. */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

/** A kernel and how it is ended: in a thread of its own, or in this one. */
export interface MachineKernel extends KernelClient {
  stop(): Promise<void>;
}

/** What a machine is made of. */
export interface MachineParts {
  readonly directory: string;
  readonly machine: Machine;
  readonly kernel: MachineKernel;
  readonly log: MachineLog;
  readonly startDaemon: DaemonTable;
  /** Lines of the boot log that tell of the hardware. */
  readonly attachLines: readonly string[];
  /** Whether the machine can be reached by its control socket. */
  readonly control: boolean;
}

/** Starts one daemon; rejects with a sentence when it cannot. */
export type DaemonStarter = (flags: string, machine: RunningMachine) => Promise<Daemon>;

/** Starts a daemon by name. */
export type DaemonTable = (name: string, flags: string, machine: RunningMachine) => Promise<Daemon>;

const SAVED_STATES = '/var/db/pf.states';

export class RunningMachine implements CommandRunner {
  readonly name: string;
  readonly log: MachineLog;
  readonly kernel: MachineKernel;
  readonly files: MachineFiles;
  readonly directory: string;
  /** Milliseconds since the epoch at which the kernel's clock read 0. */
  readonly booted = Date.now();
  readonly ended: Promise<Ending>;
  private readonly info: MachineInfo;
  private readonly configuration: Configuration;
  /** Its states are kept over a restart (rc.conf.local). */
  private savesStates = false;
  private readonly daemons = new Map<string, Daemon>();
  private readonly startDaemon: DaemonTable;
  private control: ControlServer | undefined;
  private end!: (how: Ending) => void;

  private constructor(parts: MachineParts) {
    const { directory, machine } = parts;
    this.directory = directory;
    this.files = new MachineFiles(directory);
    this.log = parts.log;
    this.kernel = parts.kernel;
    this.startDaemon = parts.startDaemon;
    this.name = hostName(directory, machine.name);
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
    this.configuration = this.makeConfiguration(parts);
    this.info = {
      name: this.name,
      directory,
      dialect: machine.pf,
      daemon: (name) => this.daemons.get(name)?.control,
      messages: () => this.log.recent,
      booted: this.booted,
      halt: (reboot) => this.end(reboot ? 'reboot' : 'halt'),
      configuration: this.configuration,
    };
  }

  private makeConfiguration({ machine }: MachineParts): Configuration {
    return new Configuration({
      ...this.rcParts(),
      dialect: machine.pf,
      rehearsalKernel: () => rehearsalKernel(machine.interfaces),
      run: runCommand,
      output: (args) => this.output(args),
      relayd: () => (this.daemons.get('relayd')?.control as RelaydControl | undefined)?.show(),
      now: () => Date.now(),
      after: (milliseconds, fire) => {
        const timer = setTimeout(fire, milliseconds);
        return () => clearTimeout(timer);
      },
      runs: (daemon) => this.daemons.has(daemon),
      reloadDaemon: async (name) => this.daemons.get(name)?.reload(),
      stopDaemon: (name) => this.stopDaemon(name),
    });
  }

  /**
   * Boots the machine of a directory on TAPs. Resolves when every daemon runs. Throws MachineError, HardwareError or an error with a
   * sentence for the user when there is nothing to boot; a wrong file in etc/ is only said.
   */
  static async boot(
    directory: string,
    console: (line: string) => void,
    startDaemon: DaemonTable,
  ): Promise<RunningMachine> {
    const machine = readMachine(directory);
    if (await answers(join(directory, SOCKET)))
      throw new UserError(`${directory}: this machine is running already.`);
    const interfaces = await openHardware(machine.interfaces);
    const log = new MachineLog(join(directory, 'var/log/messages'), console);
    const kernel = new KernelThread(interfaces, (error) => {
      log.say('kernel', `panic: ${error.stack ?? error.message}`, 'error');
      process.exit(70);
    });
    const attachLines = interfaces.map((one) => one.attachLine);
    return RunningMachine.start({ directory, machine, kernel, log, startDaemon, attachLines, control: true });
  }

  /** Boots a machine whose hardware is there. */
  static async start(parts: MachineParts): Promise<RunningMachine> {
    const running = new RunningMachine(parts);
    try {
      if (parts.control) running.control = await ControlServer.listen(join(parts.directory, SOCKET), running);
      running.log.say('kernel', `rhine ${VERSION} (Node ${process.versions.node})`);
      running.log.say('kernel', 'mainbus0 at root');
      for (const line of parts.attachLines) running.log.say('kernel', line);
      running.listenToKernel();
      await running.rc();
      return running;
    } catch (error) {
      await running.shutdown();
      throw error;
    }
  }

  /** What the kernel reports goes to the log, in the original's words. */
  private listenToKernel(): void {
    this.kernel.on('neighbor.conflict', ({ address, linkAddress, interface: on, kind, previous }) => {
      const ip = formatAddress(address);
      const link = formatLinkAddress(linkAddress);
      const was = previous === undefined ? '' : formatLinkAddress(previous);
      const texts = {
        duplicate: `duplicate IP address ${ip} sent from ethernet address ${link}`,
        changed: `arp info overwritten for ${ip} by ${link} on ${on} (was ${was})`,
        'attempt-permanent': `attempt to overwrite permanent entry for ${ip} by ${link} on ${on}`,
      };
      this.log.say('kernel', texts[kind], kind === 'duplicate' ? 'error' : 'warning');
    });
    this.kernel.on('interface.duplicate', ({ name, address }) => {
      this.log.say(
        'kernel',
        `${name}: DAD detected duplicate IPv6 address ${formatAddress(address)}`,
        'error',
      );
    });
    const links = new Map<string, boolean>();
    this.kernel.on('interface.state', ({ name, link }) => {
      // Told of interfaces that are set up or down, too, which is no news of the link.
      if (links.get(name) !== link) this.log.say('kernel', `${name}: link state ${link ? 'up' : 'down'}`);
      links.set(name, link);
    });
    this.kernel.on('system.log', ({ level, text }) => this.log.say('kernel', text, level));
  }

  private async rc(): Promise<void> {
    await this.configuration.prepareBoot();
    await boot(this.rcParts());
    await this.configuration.booted();
  }

  private rcParts(): BootParts {
    return {
      kernel: this.kernel,
      files: this.files,
      say: (line) => this.log.say('rc', line),
      complain: (line) => this.log.say('rc', line, 'error'),
      command: (args, stdin = '') => this.runForRc(args, stdin),
      wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
      restoreStates: () => this.restoreStates(),
      now: () => performance.now(),
      daemon: async (name, flags) => {
        this.daemons.set(name, await this.startDaemon(name, flags, this));
      },
    };
  }

  /** With `savestates` connections go on after a restart; the file serves once. */
  private async restoreStates(): Promise<void> {
    this.savesStates = true;
    if (!(await this.files.exists(SAVED_STATES))) return;
    await this.runForRc(['pfctl', '-L', SAVED_STATES], '');
    await this.files.remove(SAVED_STATES);
  }

  private async stopDaemon(name: string): Promise<void> {
    const daemon = this.daemons.get(name);
    this.daemons.delete(name);
    await daemon?.stop();
  }

  /** What a command prints; empty where it fails. */
  private async output(args: readonly string[]): Promise<string> {
    let text = '';
    const status = await this.run(args, {
      stdout: (chunk) => {
        text += chunk;
      },
      stderr: () => {},
      stdin: () => Promise.resolve(''),
      signal: new AbortController().signal,
    });
    return status === 0 ? text : '';
  }

  private async runForRc(args: readonly string[], stdin: string): Promise<number> {
    const say = (level: 'info' | 'error') => (text: string) => {
      for (const line of text.split('\n')) if (line !== '') this.log.say('rc', line, level);
    };
    return this.run(args, {
      stdout: say('info'),
      stderr: say('error'),
      stdin: () => Promise.resolve(stdin),
      signal: new AbortController().signal,
    });
  }

  /** Runs a command for someone: the console, a client of the control socket, rc. */
  async run(args: readonly string[], io: Parameters<CommandRunner['run']>[1]): Promise<number> {
    const context: CommandContext = {
      kernel: this.kernel,
      files: this.files,
      ...io,
      machine: this.info,
      env: {},
      clock: { now: () => Date.now() },
      trial: makePacketTrial,
    };
    try {
      return await runCommand(args, context);
    } catch (error) {
      this.log.say('rc', `${args[0]}: ${(error as Error).stack}`, 'error');
      io.stderr(`${args[0]}: internal error: ${(error as Error).message} (see var/log/messages)\n`);
      return 70;
    }
  }

  /** Asks the machine to end. */
  halt(): void {
    this.end('halt');
  }

  /** Hands over to carp's peers, then ends daemons, control socket and kernel, in this order. */
  async shutdown(): Promise<void> {
    this.configuration.stop();
    // First, while redirections are still loaded: who comes meanwhile is served by one machine or by the other.
    await this.handOver();
    if (this.savesStates) await this.runForRc(['pfctl', '-S', SAVED_STATES], '');
    for (const name of [...this.daemons.keys()]) await this.stopDaemon(name);
    await this.control?.close();
    await this.kernel.stop();
  }

  /** carp's peers are told that this machine goes, of all addresses at once, and take over. */
  private async handOver(): Promise<void> {
    const interfaces = await this.kernel.call('interface.list', {});
    const shared = interfaces.filter(({ type }) => type === 'carp');
    await Promise.all(shared.map(({ name }) => this.kernel.call('interface.set', { name, up: false })));
  }
}

/** Reads machine.json and makes the folders that a machine writes to. */
export function readMachine(directory: string): Machine {
  const file = join(directory, 'machine.json');
  if (!existsSync(file)) throw new UserError(`${file} is missing: this is no machine directory.`);
  const machine = parseMachineJson(readFileSync(file, 'utf8'), file);
  for (const folder of ['etc', 'var/run', 'var/log', 'var/db/config'])
    mkdirSync(join(directory, folder), { recursive: true });
  return machine;
}

/** /etc/myname, or the machine's own name. */
function hostName(directory: string, fallback: string): string {
  const file = join(directory, 'etc/myname');
  return (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n')[0] : undefined) || fallback;
}

/** What a boot of the machine in this directory would complain of and make; nothing of it runs. */
export function rehearseDirectory(directory: string): Promise<Rehearsal> {
  const machine = readMachine(directory);
  const kernel = rehearsalKernel(machine.interfaces);
  return rehearse({ kernel, files: new MachineFiles(directory), dialect: machine.pf, run: runCommand });
}

/** What a machine calls itself. */
export function machineName(directory: string): string {
  return hostName(directory, readMachine(directory).name);
}
