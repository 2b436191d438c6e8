// SPDX-License-Identifier: ISC
//
// A lab of conf/labs on virtual time: every host is booted by rc from its own files, userland and all, and each segment is recorded.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatLinkAddress } from '../../appliance/abi/addressText.ts';
import { networkOf } from '../../appliance/daemons.ts';
import type { Files } from '../../appliance/user/commands/command.ts';
import { COMMAND_NAMES, findCommand, runCommand } from '../../appliance/user/commands/index.ts';
import { type Machine, parseMachineJson } from '../../appliance/user/config/machineJson.ts';
import { boot } from '../../appliance/user/rc/boot.ts';
import type { Timers } from '../../appliance/user/relayd/network.ts';
import { type Relayd, startRelayd } from '../../appliance/user/relayd/relayd.ts';
import { type HostDefinition, readLab } from '../../scripts/lab/definition.ts';
import { type Host, type Wire, World } from './world.ts';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const MILLISECOND = 1_000;

/** A machine of the lab that has booted. */
export interface LabHost {
  readonly host: Host;
  /** What rc and daemons said. */
  readonly lines: readonly string[];
  readonly relayd: Relayd | undefined;
  /** Runs a command on it, and answers what it printed. */
  readonly command: (...args: string[]) => Promise<string>;
}

export class LabWorld {
  readonly world: World;
  readonly wires = new Map<string, Wire>();
  private readonly hosts = new Map<string, LabHost>();

  private constructor(seed: number) {
    this.world = new World(seed);
  }

  /** Boots a lab, one host after the other in the order of its file. */
  static async boot(name: string, seed: number): Promise<LabWorld> {
    const lab = new LabWorld(seed);
    // Commands are loaded from disk when they are first used, which takes real time: now, not within the world's.
    for (const command of COMMAND_NAMES) await findCommand(command);
    const { segments, hosts } = readLab(PROJECT, name);
    for (const segment of segments) lab.wires.set(segment, lab.world.wire({ switched: true }));
    for (const definition of hosts) await lab.bootHost(definition);
    return lab;
  }

  host(name: string): LabHost {
    const found = this.hosts.get(name);
    if (found === undefined) throw new Error(`no host ${name}`);
    return found;
  }

  /** Userland's time: the world's. */
  private get timers(): Timers {
    const { world } = this;
    return {
      now: () => Math.floor(world.now / MILLISECOND),
      after: (milliseconds, fire) => world.after(milliseconds * MILLISECOND, fire),
    };
  }

  private async bootHost(definition: HostDefinition): Promise<void> {
    const directory = join(PROJECT, definition.machine);
    const machine = parseMachineJson(readFileSync(join(directory, 'machine.json'), 'utf8'), 'machine.json');
    const host = this.world.host(machine.name);
    for (const { name, linkAddress, mtu } of machine.interfaces) {
      const wire = this.wires.get(definition.interfaces[name]!)!;
      host.connect(name, wire, { linkAddress: formatLinkAddress(linkAddress), mtu });
    }
    const lines: string[] = [];
    const files = filesOf(directory);
    const run = (args: readonly string[], stdin: string, say: (text: string) => void) =>
      this.run(host, machine, files, args, stdin, say);
    let relayd: Relayd | undefined;
    const booted = boot({
      kernel: host.client,
      files,
      say: (line) => lines.push(line),
      complain: (line) => lines.push(line),
      command: (args, stdin = '') => run(args, stdin, (text) => lines.push(text)),
      wait: (milliseconds) => new Promise((resolve) => this.timers.after(milliseconds, resolve)),
      daemon: async (name) => {
        if (name !== 'relayd') return;
        relayd = await this.startRelayd(host, files, lines);
      },
    });
    let over = false;
    booted.then(
      () => {
        over = true;
      },
      () => {
        over = true;
      },
    );
    while (!over) await this.world.live(100 * MILLISECOND);
    await booted;
    const command = async (...args: string[]) => {
      let text = '';
      await run(args, '', (piece) => {
        text += piece;
      });
      return text;
    };
    this.hosts.set(definition.name, { host, lines, relayd, command });
  }

  private run(
    host: Host,
    machine: Machine,
    files: Files,
    args: readonly string[],
    stdin: string,
    say: (text: string) => void,
  ): Promise<number> {
    return runCommand(args, {
      kernel: host.client,
      files,
      stdout: say,
      stderr: say,
      stdin: () => Promise.resolve(stdin),
      signal: new AbortController().signal,
      machine: {
        name: machine.name,
        directory: '/',
        dialect: machine.pf,
        daemon: (name) => (name === 'relayd' ? this.hosts.get(machine.name)?.relayd?.control : undefined),
        messages: () => [],
        booted: 0,
        halt: () => {},
      },
      env: {},
      clock: { now: () => this.timers.now() },
    });
  }

  private async startRelayd(host: Host, files: Files, lines: string[]): Promise<Relayd> {
    const file = '/etc/relayd.conf';
    return startRelayd({
      text: await files.read(file),
      file,
      readFile: (path) => files.read(path),
      macros: {},
      kernel: host.client,
      network: networkOf(host.client),
      clock: this.timers,
      random: () => 0.5,
      log: (line) => lines.push(line),
      runScript: () => Promise.reject(new Error('a world on virtual time runs no scripts')),
    });
  }
}

/** The files of a machine directory, read once and for all. */
function filesOf(directory: string): Files {
  const texts = new Map<string, string>();
  for (const name of readdirSync(join(directory, 'etc'))) {
    texts.set(`/etc/${name}`, readFileSync(join(directory, 'etc', name), 'utf8'));
  }
  const read = async (path: string): Promise<string> => {
    const found = texts.get(path);
    if (found === undefined) throw Object.assign(new Error(`${path}: no such file`), { code: 'ENOENT' });
    return found;
  };
  const refuse = () => Promise.reject(Object.assign(new Error('read-only'), { code: 'EROFS' }));
  return {
    read,
    readBytes: async (path) => new TextEncoder().encode(await read(path)),
    readSecret: read,
    write: refuse,
    remove: refuse,
    create: refuse,
    list: async (folder) =>
      [...texts.keys()]
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1))
        .sort(),
    exists: async (path) => texts.has(path),
  };
}
