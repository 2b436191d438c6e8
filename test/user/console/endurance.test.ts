// SPDX-License-Identifier: ISC
//
// Consoles that stay open: hours of refresh on virtual time, with interfaces, states, rules and packets that come and go, grow no memory.
// RHINE_HOURS sets how many (default 1; 24 take some minutes).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { frameJson } from '../../../appliance/user/captureJson.ts';
import type { CommandIo } from '../../../appliance/user/commands/command.ts';
import { UNICODE } from '../../../appliance/user/console/glyphs.ts';
import { MachineCommands } from '../../../appliance/user/console/machine.ts';
import { Scrollback } from '../../../appliance/user/console/shell/scrollback.ts';
import type { View, ViewHost } from '../../../appliance/user/console/view.ts';
import { makeViews } from '../../../appliance/user/console/views/index.ts';
import { echo } from '../../support/frames.ts';
import { MemoryFiles } from '../../support/memoryFiles.ts';

const HOURS = Number(process.env.RHINE_HOURS ?? 1);
/** Seconds until every memory of the past (rates, packets, lines) is full. */
const WARM_UP = 1_500;
const LOOK = { columns: 120, rows: 40, glyphs: UNICODE };
/** Of the heap, in bytes: what the collector leaves here and there. */
const NOISE = 512 * 1024;
const PACKETS_A_SECOND = 5;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapUsed(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

/** A machine whose every answer is another one each second. */
class BusyMachine {
  second = 0;
  /** Of the capture that runs. */
  capture: CommandIo | undefined;

  async run(args: readonly string[], io: CommandIo): Promise<number> {
    if (args[0] === 'tcpdump') return this.tcpdump(io);
    io.stdout(this.answer(args.join(' ')));
    return 0;
  }

  pass(): void {
    this.second++;
    for (let i = 0; i < PACKETS_A_SECOND; i++) {
      const frame = {
        time: this.second * 1e6 + i,
        linkType: 1,
        wireLength: echo.length,
        text: `echo ${this.second}`,
      };
      this.capture?.stdout(`${frameJson({ ...frame, bytes: echo }, false)}\n`);
    }
  }

  private tcpdump(io: CommandIo): Promise<number> {
    this.capture = io;
    return new Promise((resolve) => io.signal.addEventListener('abort', () => resolve(0), { once: true }));
  }

  private answer(command: string): string {
    if (command === 'ifconfig --json') return JSON.stringify({ interfaces: this.interfaces() });
    if (command === 'ifconfig -g carp') return 'carp: carp demote count 0\n';
    if (command === 'netstat -s --json') return JSON.stringify({ carp: { sent4: this.second }, pfsync: {} });
    if (command === 'pfctl -si --json') return JSON.stringify({ states: { current: this.second % 100 } });
    if (command === 'pfctl -vvsr') return this.rules();
    if (command.startsWith('pftop')) return JSON.stringify(this.states());
    if (command.startsWith('relayctl')) return JSON.stringify(this.relayd());
    if (command === 'dmesg') return this.messages();
    throw new Error(`nobody asked for ${command} before`);
  }

  private interfaces(): readonly object[] {
    const { second } = this;
    const names = ['vr0', 'vr1', `vlan${second % 4096}`];
    const counters = { inputPackets: second, inputBytes: 99 * second, outputPackets: 0, outputBytes: second };
    const none = { inputErrors: 0, outputErrors: 0, inputDrops: 0, outputDrops: 0, collisions: 0 };
    const carp = {
      parent: 'vr0',
      advbase: 1,
      demotion: 0,
      nodes: [{ vhid: 1, advskew: 0, state: 'MASTER' }],
    };
    return names.map((name, i) => ({
      name,
      type: 'ethernet',
      flags: 1,
      link: 'active',
      mtu: 1500,
      addresses: [{ address: `10.0.${second % 256}.1`, length: 24 }],
      counters: { ...counters, ...none },
      ...(i === 1 && { carp }),
    }));
  }

  private rules(): string {
    const count = 1 + (this.second % 40);
    const rule = (i: number) =>
      `@${i} pass in on vr0 proto tcp to port = ${this.second % 65_536}\n` +
      `  [ Evaluations: ${this.second}  Packets: ${this.second}  Bytes: ${this.second}  States: 0 ]\n` +
      '  [ Inserted: uid 0 pid 0 State Creations: 0     ]\n';
    return Array.from({ length: count }, (_, i) => rule(i)).join('');
  }

  private states(): object {
    const state = (i: number) => ({
      id: (1000 * this.second + i).toString(16),
      creatorId: 'badcafe',
      protocol: 'tcp',
      direction: 'in',
      interface: 'all',
      source: `10.0.0.1:${i}`,
      destination: '192.0.2.1:80',
      gateway: '',
      state: 'ESTABLISHED:ESTABLISHED',
      age: 1,
      expires: 60,
      packets: this.second,
      bytes: this.second,
      rule: 0,
      anchor: '',
    });
    return { total: 500, matching: 500, states: Array.from({ length: 100 }, (_, i) => state(i)) };
  }

  private relayd(): object {
    const { second } = this;
    const host = { id: 1, name: '10.0.0.11', address: '10.0.0.11', status: 'up', availability: '99.00%' };
    const checks = { checks: second, successes: second, outcomes: '+'.repeat(60), retry: 0, retriesLeft: 0 };
    const hosts = [{ ...host, ...checks, message: `http code ${second}` }];
    const tables = [{ id: 1, name: 'web:80', status: 'active', up: 1, hosts }];
    const statistics = { total: second, interval: 60, last: 0, lastHour: 0, lastDay: 0 };
    const redirect = {
      id: 1,
      name: 'www',
      status: 'active',
      active: true,
      kind: 'forward',
      listen: [],
      tables,
      hosts,
    };
    return { redirects: [{ ...redirect, statistics }], relays: [], routers: [] };
  }

  private messages(): string {
    return Array.from({ length: 200 }, (_, i) => `vr0: message ${this.second + i}\n`).join('');
  }
}

function hostOf(machine: BusyMachine): ViewHost {
  const complain = (text: string) => assert.fail(text);
  return {
    machine: new MachineCommands((args, io) => machine.run(args, io)),
    files: new MemoryFiles({}),
    redraw: () => {},
    refresh: () => {},
    ask: async () => undefined,
    confirm: async () => false,
    say: complain,
    act: () => {},
  };
}

async function lookAt(view: View): Promise<void> {
  await view.refresh?.();
  const rows = view.rows(LOOK);
  assert.ok(rows.length > 0 && rows.length <= LOOK.rows, view.title);
}

test(`${HOURS} hours of every view's refresh grow no memory`, async (t) => {
  const machine = new BusyMachine();
  const { now } = performance;
  performance.now = () => 1000 * machine.second;
  t.after(() => {
    performance.now = now;
  });
  const views = makeViews(hostOf(machine));
  const scrollback = new Scrollback();
  for (const view of views) view.shown?.();
  const run = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      machine.pass();
      for (const view of views) await lookAt(view);
      scrollback.write(`line ${machine.second} of a shell\nand another\n`);
    }
  };
  await run(WARM_UP);
  const before = heapUsed();
  await run(HOURS * 3600);
  const after = heapUsed();
  for (const view of views) view.hidden?.();
  t.diagnostic(
    `heap ${before} bytes before, ${after} after: ${((after - before) / HOURS / 1024).toFixed(1)} KiB an hour`,
  );
  assert.ok(after - before < NOISE, `${after - before} bytes in ${HOURS} hours`);
});
