// SPDX-License-Identifier: ISC
//
// A lab on TAPs: appliances are `rhine boot` processes, hosts are namespaces with Linux's own TCP/IP, and segments are bridges
// in a namespace of their own. Nothing of it is seen from outside, and all of it goes with this process.

import type { ChildProcess } from 'node:child_process';
import { cpSync, createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootAppliance, RHINE } from './appliance.ts';
import type { HostDefinition, LabDefinition } from './definition.ts';
import { configureHost, startWebServer } from './linuxHost.ts';
import { finish, Namespace, start, stop } from './namespace.ts';
import type { Capture, CommandResult, Fetched, Network, Station } from './network.ts';

const FETCH = fileURLToPath(new URL('fetch.js', import.meta.url));

interface Appliance {
  readonly directory: string;
  readonly process: ChildProcess;
}

export class TapNetwork implements Network {
  readonly carrier: string;
  readonly stations: Station[] = [];
  readonly captures: Capture[] = [];
  readonly wire: Namespace;
  readonly hosts = new Map<string, Namespace>();
  readonly appliances = new Map<string, Appliance>();
  readonly webServers = new Map<string, ChildProcess>();
  private readonly captureProcesses: ChildProcess[] = [];
  private readonly definition: LabDefinition;
  private readonly project: string;
  private readonly directory: string;
  private readonly progress: (line: string) => void;
  private readonly capturing: boolean;

  private constructor(
    definition: LabDefinition,
    places: { project: string; directory: string },
    wire: Namespace,
    progress: (line: string) => void,
    capturing: boolean,
  ) {
    this.definition = definition;
    this.project = places.project;
    this.directory = places.directory;
    this.wire = wire;
    this.progress = progress;
    this.capturing = capturing;
    this.carrier = 'TAP devices and network namespaces of this Linux';
  }

  /** Brings a lab up; what was begun is taken down again when it fails. */
  static async up(
    definition: LabDefinition,
    places: { project: string; directory: string },
    progress: (line: string) => void,
    options: { readonly captures: boolean } = { captures: true },
  ): Promise<TapNetwork> {
    const network = new TapNetwork(definition, places, await Namespace.create(), progress, options.captures);
    try {
      await network.build();
      return network;
    } catch (error) {
      await network.down();
      throw error;
    }
  }

  private async build(): Promise<void> {
    for (const segment of this.definition.segments) await this.makeSegment(segment);
    const kinds = (kind: string) => this.definition.hosts.filter((host) => host.kind === kind);
    // Web servers answer before the first check asks them.
    await Promise.all(kinds('host').map((host) => this.startHost(host)));
    await Promise.all(kinds('appliance').map((host) => this.bootAppliance(host)));
  }

  /** A bridge that only joins: no address, no filter, no snooping, no delay before it forwards. */
  private async makeSegment(segment: string): Promise<void> {
    this.progress(`segment ${segment}`);
    const options = ['mcast_snooping', '0', 'stp_state', '0', 'forward_delay', '0'];
    await this.wire.must(['ip', 'link', 'add', segment, 'type', 'bridge', ...options]);
    await this.wire.must(['ip', 'link', 'set', segment, 'addrgenmode', 'none', 'up']);
  }

  private async bootAppliance(host: HostDefinition): Promise<void> {
    this.progress(`booting ${host.name} (rhine boot ${host.machine})`);
    const directory = join(this.directory, host.name);
    this.copyMachine(host, directory);
    const log = createWriteStream(join(directory, 'var/log/boot'));
    const boot = await bootAppliance(this.wire, host.name, directory, (line) => log.write(`${line}\n`));
    this.appliances.set(host.name, { directory, process: boot });
    for (const [vr, segment] of Object.entries(host.interfaces)) {
      if (this.capturing) await this.startCapture(host.name, vr);
      const shown = await this.command(host.name, ['ifconfig', vr]);
      this.addStation(host.name, vr, segment, /lladdr ([0-9a-f:]+)/.exec(shown.stdout)?.[1]);
    }
  }

  /** The copy's TAPs get names of their own and join the segments' bridges. */
  private copyMachine(host: HostDefinition, directory: string): void {
    cpSync(join(this.project, host.machine), directory, {
      recursive: true,
      filter: (path) => !path.includes('/var/'),
    });
    mkdirSync(join(directory, 'var/log'), { recursive: true });
    const file = join(directory, 'machine.json');
    const machine = JSON.parse(readFileSync(file, 'utf8')) as {
      name: string;
      interfaces: Record<string, Record<string, unknown>>;
    };
    for (const [vr, segment] of Object.entries(host.interfaces)) {
      machine.interfaces[vr] = { ...machine.interfaces[vr], bridge: segment };
    }
    writeFileSync(file, `${JSON.stringify(machine, null, 2)}\n`);
  }

  private async startCapture(host: string, vr: string): Promise<void> {
    const { directory } = this.appliances.get(host)!;
    const file = `var/log/${vr}.pcap`;
    const capture = start(
      [process.execPath, RHINE, '-M', directory, 'tcpdump', '-i', vr, '-s', '65535', '-U', '-w', `/${file}`],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.captureProcesses.push(capture);
    await new Promise<void>((resolve, reject) => {
      capture.once('error', reject);
      capture.once('exit', (code) => reject(new Error(`tcpdump on ${host} ${vr} ended with ${code}`)));
      capture.stderr!.once('data', () => resolve()); // "listening on vr0"
    });
    capture.removeAllListeners('exit');
    this.captures.push({ host, interface: vr, file: join(directory, file) });
  }

  private async startHost(host: HostDefinition): Promise<void> {
    this.progress(`host ${host.name}`);
    const namespace = await Namespace.create();
    this.hosts.set(host.name, namespace);
    for (const [vr, segment] of Object.entries(host.interfaces)) {
      await this.plugIn(namespace, host.name, vr, segment);
    }
    await configureHost(namespace, join(this.project, host.machine));
    if (host.serves) await this.startWeb(host.name);
  }

  /** A cable between a host's interface and a segment. */
  private async plugIn(namespace: Namespace, host: string, vr: string, segment: string): Promise<void> {
    const end = `${host}-${vr}`;
    const peer = ['peer', 'name', vr, 'netns', String(namespace.pid)];
    await this.wire.must(['ip', 'link', 'add', end, 'type', 'veth', ...peer]);
    await this.wire.must(['ip', 'link', 'set', end, 'addrgenmode', 'none', 'master', segment, 'up']);
    const shown = await namespace.must(['ip', '-o', 'link', 'show', vr]);
    this.addStation(host, vr, segment, /link\/ether ([0-9a-f:]+)/.exec(shown)?.[1]);
  }

  private addStation(host: string, vr: string, segment: string, linkAddress: string | undefined): void {
    if (linkAddress === undefined) throw new Error(`${host} ${vr} has no Ethernet address`);
    this.stations.push({ host, interface: vr, segment, linkAddress });
  }

  /** Starts (again) the web server of a host. */
  async startWeb(host: string): Promise<void> {
    const directory = join(this.directory, host);
    mkdirSync(directory, { recursive: true });
    this.webServers.set(host, await startWebServer(this.hosts.get(host)!, host, directory));
  }

  async stopWeb(host: string): Promise<void> {
    const server = this.webServers.get(host);
    if (server !== undefined) await stop(server, 'SIGTERM');
    this.webServers.delete(host);
  }

  async fetch(host: string, url: string): Promise<Fetched> {
    const [fetched] = await this.fetchMany(host, url, 1, 1);
    if (fetched === undefined || 'error' in fetched)
      throw new Error(`${url}: ${fetched?.error ?? 'no answer'}`);
    return fetched;
  }

  /** GETs `url` so many times, some at once, each by a connection of its own. */
  async fetchMany(
    host: string,
    url: string,
    count: number,
    concurrency: number,
  ): Promise<(Fetched | { readonly error: string })[]> {
    const command = [process.execPath, FETCH, url, '10', String(count), String(concurrency)];
    const output = await this.hosts.get(host)!.must(command);
    return output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Fetched | { error: string });
  }

  command(host: string, args: readonly string[]): Promise<CommandResult> {
    const { directory } = this.appliances.get(host)!;
    return finish(
      start([process.execPath, RHINE, '-M', directory, ...args], { stdio: ['pipe', 'pipe', 'pipe'] }),
    );
  }

  /** Kills an appliance as a power cut would. */
  async crash(host: string): Promise<void> {
    await stop(this.appliances.get(host)!.process, 'SIGKILL');
  }

  /** Boots an appliance again that has crashed or was halted. */
  async boot(host: string): Promise<void> {
    await this.bootAppliance(this.definition.hosts.find((one) => one.name === host)!);
  }

  /** tcpdump -U has written what it was handed; a batch on its way takes less than this. */
  async flushCaptures(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 500));
  }

  async down(): Promise<void> {
    await Promise.all([...this.webServers.values()].map((server) => stop(server, 'SIGTERM')));
    await Promise.all(this.captureProcesses.map((capture) => stop(capture, 'SIGINT')));
    await Promise.all([...this.appliances.values()].map((appliance) => stop(appliance.process, 'SIGTERM')));
    await Promise.all([...this.hosts.values()].map((host) => host.end()));
    await this.wire.end();
  }

  /** What lab.json says: where each host is and how to reach it. */
  describe(): object {
    const hosts = Object.fromEntries(
      this.definition.hosts.map((host) => {
        const appliance = this.appliances.get(host.name);
        return [
          host.name,
          appliance === undefined
            ? { kind: host.kind, pid: this.hosts.get(host.name)!.pid }
            : { kind: host.kind, pid: appliance.process.pid, machine: appliance.directory },
        ];
      }),
    );
    return { hosts, wire: { pid: this.wire.pid }, captures: this.captures, stations: this.stations };
  }
}
