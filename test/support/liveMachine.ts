// SPDX-License-Identifier: ISC
//
// A machine with a directory of its own in this process, on the real clock: vr0 is on a segment with an operator's station at
// 10.0.0.2 (2001:db8::2), vr1 on an empty one.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { parsePrefix } from '../../appliance/abi/addressText.ts';
import { startDaemon } from '../../appliance/daemons.ts';
import { DirectClient } from '../../appliance/host/directClient.ts';
import { RunningMachine, readMachine } from '../../appliance/machine.ts';
import type { Ask } from '../../appliance/user/commands/command.ts';
import { runCommand } from '../../appliance/user/commands/index.ts';
import { WorkingFiles } from '../../appliance/user/files.ts';
import { MachineLog } from '../../appliance/user/log.ts';
import { Segment } from '../../drivers/memory.ts';

export interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class LiveMachine {
  readonly directory: string;
  machine!: RunningMachine;
  readonly log: string[] = [];
  /** Microseconds. */
  now = 0;
  private readonly origin = performance.now();
  private readonly segments: Segment[] = [];
  private readonly kernels: DirectClient[] = [];
  private operator!: DirectClient;
  private running = true;
  private turning: Promise<void> | undefined;

  private constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'rhine-live-'));
  }

  static async boot(etc: Readonly<Record<string, string>>): Promise<LiveMachine> {
    const live = new LiveMachine();
    writeFileSync(
      join(live.directory, 'machine.json'),
      JSON.stringify({ name: 'box', interfaces: { vr0: { driver: 'memory' }, vr1: { driver: 'memory' } } }),
    );
    for (const [name, text] of Object.entries(etc)) live.write(name, text);
    live.operator = live.client(9);
    const segments = ['vr0', 'vr1'].map(() => new Segment({ clock: live }));
    live.segments.push(...segments);
    live.plug(live.operator, 'vr0', segments[0]!, [2, 0, 0, 0, 0, 2]);
    for (const text of ['10.0.0.2/24', '2001:db8::2/64']) {
      await live.operator.call('interface.addAddress', {
        name: 'vr0',
        address: parsePrefix(text)!,
        alias: true,
      });
    }
    live.turning = live.run();
    await live.start();
    return live;
  }

  /** Boots, again if it ran before. */
  async start(): Promise<void> {
    const definition = readMachine(this.directory);
    const kernel = this.client(1);
    definition.interfaces.forEach(({ name, linkAddress }, i) => {
      this.plug(kernel, name, this.segments[i]!, linkAddress);
    });
    this.machine = await RunningMachine.start({
      directory: this.directory,
      machine: definition,
      kernel: {
        call: (name, request) => kernel.call(name, request),
        on: (name, listener) => kernel.on(name, listener),
        stop: async () => {
          this.kernels.splice(this.kernels.indexOf(kernel), 1);
        },
      },
      log: new MachineLog(join(this.directory, 'var/log/messages'), (line) => this.log.push(line)),
      startDaemon,
      attachLines: [],
      control: false,
    });
  }

  write(name: string, text: string): void {
    const place = join(this.directory, 'etc', name);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, text);
  }

  read(path: string): string {
    return readFileSync(join(this.directory, path), 'utf8');
  }

  /** Runs a command line of the machine, words divided by blanks. */
  async command(line: string, ask?: Ask): Promise<Result> {
    let stdout = '';
    let stderr = '';
    const status = await this.machine.run(line.split(' '), {
      stdout: (text) => {
        stdout += text;
      },
      stderr: (text) => {
        stderr += text;
      },
      stdin: async () => '',
      signal: new AbortController().signal,
      ...(ask && { ask }),
    });
    return { status, stdout, stderr };
  }

  /** Whether the operator's ping to this address is answered. */
  async answersOperator(address = '10.0.0.1'): Promise<boolean> {
    const status = await runCommand(['ping', '-q', '-c', '1', '-w', '1', address], {
      kernel: this.operator,
      files: new WorkingFiles(this.directory),
      stdout: () => {},
      stderr: () => {},
      stdin: async () => '',
      signal: AbortSignal.timeout(1_500),
      machine: undefined,
      env: {},
      clock: { now: () => Date.now() },
    });
    return status === 0;
  }

  async down(): Promise<void> {
    await this.machine?.shutdown();
    this.running = false;
    await this.turning;
    rmSync(this.directory, { recursive: true });
  }

  private client(seed: number): DirectClient {
    const client = new DirectClient({ now: this.now, seed: [seed, 2, 3, 4] });
    this.kernels.push(client);
    return client;
  }

  private plug(
    { kernel }: DirectClient,
    name: string,
    segment: Segment,
    linkAddress: readonly number[],
  ): void {
    const port = segment.port(name);
    const on = kernel.attach(name, port, { linkAddress });
    port.receiver = (packet) => kernel.input(packet, on);
    kernel.setLink(on, true);
  }

  private async run(): Promise<void> {
    while (this.running) {
      this.now = Math.floor((performance.now() - this.origin) * 1000);
      for (const segment of this.segments) {
        for (let i = 0; i < 100 && segment.next <= this.now; i++) segment.deliver();
      }
      for (const { kernel } of this.kernels) kernel.advance(this.now);
      await turn();
    }
  }
}
