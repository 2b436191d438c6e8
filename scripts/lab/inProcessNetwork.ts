// SPDX-License-Identifier: ISC
//
// A lab inside one process: every host is an appliance of ours, and segments are in memory. For where no TAP is to be had, and for
// systems that are not Linux.

import { cpSync, mkdirSync } from 'node:fs';
import { createServer, get, type Server } from 'node:http';
import { join } from 'node:path';
import { formatAddress, formatLinkAddress, parseAddress } from '../../appliance/abi/addressText.ts';
import { startDaemon } from '../../appliance/daemons.ts';
import { DirectClient } from '../../appliance/host/directClient.ts';
import { connectTcp, listenTcp } from '../../appliance/host/socketStream.ts';
import type { Interface } from '../../appliance/kernel/link/interface.ts';
import { type MachineKernel, RunningMachine, readMachine } from '../../appliance/machine.ts';
import { MachineLog } from '../../appliance/user/log.ts';
import { Segment } from '../../drivers/memory.ts';
import type { HostDefinition, LabDefinition } from './definition.ts';
import type { Capture, CommandResult, Fetched, Network, Station } from './network.ts';

/** Milliseconds that a fetch may take. */
const FETCH_TIMEOUT = 10_000;
/** Kernel steps in a row before Node's other work gets its turn. */
const BURST = 1_000;

/** Real time for kernels and segments in this thread: what is due is done, then the next deadline is slept for. */
class RealTime {
  now = 0;
  readonly segments: Segment[] = [];
  readonly clients: DirectClient[] = [];
  private readonly origin = performance.now();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  start(): void {
    this.step();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Something was called or sent from outside: look again soon. */
  kick(): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.step(), 0);
  }

  private step(): void {
    this.now = Math.floor((performance.now() - this.origin) * 1000);
    for (let burst = 0; burst < BURST && this.deliverOne(); burst++);
    for (const client of this.clients) client.kernel.advance(this.now);
    if (this.stopped) return;
    const deadlines = [
      ...this.segments.map((one) => one.next),
      ...this.clients.map((one) => one.kernel.nextDeadline()),
    ];
    const wait = Math.max(0, (Math.min(...deadlines) - this.now) / 1000);
    this.timer = setTimeout(() => this.step(), Math.min(wait, 1_000));
  }

  private deliverOne(): boolean {
    const segment = this.segments.find((one) => one.next <= this.now);
    segment?.deliver();
    return segment !== undefined;
  }
}

interface InsideHost {
  readonly machine: RunningMachine;
  readonly client: DirectClient;
  readonly directory: string;
}

export class InProcessNetwork implements Network {
  readonly carrier = "in-memory links inside one process (every host on rhine's own stack)";
  readonly stations: Station[] = [];
  readonly captures: Capture[] = [];
  private readonly time = new RealTime();
  private readonly hosts = new Map<string, InsideHost>();
  private readonly segments = new Map<string, Segment>();
  private readonly servers: { stop(): Promise<void> }[] = [];
  private readonly ending = new AbortController();
  private readonly capturing: Promise<number>[] = [];

  /** Brings a lab up in this process. */
  static async up(
    definition: LabDefinition,
    places: { readonly project: string; readonly directory: string },
    progress: (line: string) => void,
  ): Promise<InProcessNetwork> {
    const network = new InProcessNetwork();
    for (const name of definition.segments) {
      const segment = new Segment({ clock: network.time, switched: true });
      network.segments.set(name, segment);
      network.time.segments.push(segment);
    }
    network.time.start();
    try {
      // Web servers answer before the first check asks them.
      const inOrder = [...definition.hosts].sort((a, b) => Number(b.serves) - Number(a.serves));
      for (const [i, host] of inOrder.entries()) {
        progress(`booting ${host.name} (${host.machine})`);
        await network.bootHost(host, i + 1, places);
      }
      return network;
    } catch (error) {
      await network.down();
      throw error;
    }
  }

  private async bootHost(
    host: HostDefinition,
    number: number,
    places: { readonly project: string; readonly directory: string },
  ): Promise<void> {
    const directory = join(places.directory, host.name);
    cpSync(join(places.project, host.machine), directory, {
      recursive: true,
      filter: (path) => !path.includes('/var/'),
    });
    mkdirSync(join(directory, 'var/log'), { recursive: true });
    const definition = readMachine(directory);
    const client = new DirectClient({ now: this.time.now, seed: [number, 2, 3, 4] });
    for (const { name, linkAddress, mtu } of definition.interfaces) {
      const port = this.segments.get(host.interfaces[name]!)!.port(`${host.name} ${name}`);
      const on = client.kernel.attach(name, port, { linkAddress, mtu });
      port.receiver = (packet) => client.kernel.input(packet, on);
      this.addStation(host, on);
    }
    this.time.clients.push(client);
    const log = new MachineLog(join(directory, 'var/log/messages'), () => {});
    const machine = await RunningMachine.start({
      directory,
      machine: definition,
      kernel: this.kernelOf(client),
      log,
      startDaemon,
      attachLines: definition.interfaces.map(({ name }) => `${name} at mainbus0 memory`),
      control: false,
    });
    this.hosts.set(host.name, { machine, client, directory });
    if (host.kind === 'appliance')
      for (const vr of Object.keys(host.interfaces)) this.startCapture(host.name, vr);
    if (host.serves) await this.serve(host.name);
  }

  /** The client with a nudge to the clock after every call, since calls set timers and send frames. */
  private kernelOf(client: DirectClient): MachineKernel {
    return {
      call: async (name, request) => {
        try {
          return await client.call(name, request);
        } finally {
          this.time.kick();
        }
      },
      on: (name, listener) => client.on(name, listener),
      stop: async () => {},
    };
  }

  private addStation(host: HostDefinition, on: Interface): void {
    const linkAddress = formatLinkAddress([...on.linkAddress]);
    this.stations.push({
      host: host.name,
      interface: on.name,
      segment: host.interfaces[on.name]!,
      linkAddress,
    });
  }

  private startCapture(host: string, vr: string): void {
    const { machine, directory } = this.hosts.get(host)!;
    const args = ['tcpdump', '-i', vr, '-s', '65535', '-w', `/var/log/${vr}.pcap`];
    this.capturing.push(
      machine.run(args, {
        stdout: () => {},
        stderr: () => {},
        stdin: () => Promise.resolve(''),
        signal: this.ending.signal,
      }),
    );
    this.captures.push({ host, interface: vr, file: join(directory, `var/log/${vr}.pcap`) });
  }

  /** A web server on port 80 of both families whose page is the host's name. */
  private async serve(host: string): Promise<void> {
    const { machine } = this.hosts.get(host)!;
    const server: Server = createServer((_request, response) => response.end(`${host}\n`));
    for (const family of [4, 6] as const) {
      const stop = await listenTcp(machine.kernel, { family, port: 80 }, (socket) =>
        server.emit('connection', socket),
      );
      this.servers.push({ stop });
    }
  }

  async fetch(host: string, url: string): Promise<Fetched> {
    const { machine } = this.hosts.get(host)!;
    const { hostname, port } = new URL(url);
    const address = parseAddress(hostname.replace(/^\[|\]$/g, ''));
    if (address === undefined) throw new Error(`${url}: an address is needed`);
    const to = { address, port: Number(port || 80), timeout: FETCH_TIMEOUT };
    const socket = await connectTcp(machine.kernel, to);
    const { status, body } = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      const request = get(url, { createConnection: () => socket }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode!, body: text }));
      });
      request.on('error', reject);
      setTimeout(
        () => request.destroy(new Error(`no answer within ${FETCH_TIMEOUT / 1000} s`)),
        FETCH_TIMEOUT,
      ).unref();
    });
    const text = (end: { readonly address: typeof address; readonly port: number }) => ({
      address: formatAddress(end.address),
      port: end.port,
    });
    return { status, body, local: text(socket.local!), remote: text(socket.remote) };
  }

  async command(host: string, args: readonly string[]): Promise<CommandResult> {
    let stdout = '';
    let stderr = '';
    const status = await this.hosts.get(host)!.machine.run(args, {
      stdout: (text) => {
        stdout += text;
      },
      stderr: (text) => {
        stderr += text;
      },
      stdin: () => Promise.resolve(''),
      signal: this.ending.signal,
    });
    return { status, stdout, stderr };
  }

  /** Frames reach the files within one turn of the captures' readers. */
  async flushCaptures(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 300));
  }

  async down(): Promise<void> {
    this.ending.abort();
    await Promise.all(this.capturing);
    for (const server of this.servers) await server.stop();
    for (const { machine } of this.hosts.values()) await machine.shutdown();
    this.time.stop();
  }
}
