// SPDX-License-Identifier: ISC
//
// ping(8): ICMP echo requests, and what comes back.

import { type Address, type Family, INET, INET6 } from '../../abi/address.ts';
import { CallError } from '../../abi/errno.ts';
import type { Command, CommandContext } from './command.ts';
import { type Answer, EchoSocket, type Message, pause } from './echo.ts';
import { command, Failure, kernelOf, UsageError } from './failure.ts';
import { Zones } from './zone.ts';

interface Options {
  count: number;
  /** Milliseconds. */
  interval: number;
  wait: number;
  size: number;
  hops: number | undefined;
  quiet: boolean;
}

const SYNOPSIS = '[-q] [-c count] [-i interval] [-s packetsize] [-t ttl] [-w maxwait] host';

export const ping: Command = pingOf('ping', INET);
export const ping6: Command = pingOf('ping6', INET6);

function pingOf(name: string, family: Family): Command {
  return command(
    name,
    `${name} ${SYNOPSIS}`,
    `send ICMP echo requests over IPv${family}`,
    async (args, context) => {
      const rest = [...args];
      const options: Options = {
        count: 0,
        interval: 1000,
        wait: 10_000,
        size: 56,
        hops: undefined,
        quiet: false,
      };
      while (rest[0]?.startsWith('-')) option(options, rest.shift()!, rest);
      const [host] = rest;
      if (host === undefined) throw new UsageError('');
      const zones = await Zones.of(kernelOf(context));
      const address = zones.parse(host);
      if (address.family !== family) throw new Failure(`${host}: not an IPv${family} address`);
      return new Ping(address, zones, options, context).run();
    },
  );
}

function option(options: Options, word: string, rest: string[]): void {
  const number = (): number => {
    const value = Number(word.slice(2) || rest.shift());
    if (!(value >= 0)) throw new UsageError(`${word} needs a number`);
    return value;
  };
  switch (word.slice(0, 2)) {
    case '-c':
      options.count = number();
      return;
    case '-i':
      options.interval = Math.max(10, number() * 1000);
      return;
    case '-s':
      options.size = Math.min(number(), 65_467);
      return;
    case '-t':
      options.hops = number();
      return;
    case '-w':
      options.wait = number() * 1000;
      return;
    case '-q':
      options.quiet = true;
      return;
    case '-n':
      return;
    default:
      throw new UsageError(`unknown option ${word}`);
  }
}

class Ping {
  private readonly address: Address;
  private readonly zones: Zones;
  private readonly options: Options;
  private readonly context: CommandContext;
  private readonly sentAt = new Map<number, number>();
  private readonly times: number[] = [];
  private readonly seen = new Set<number>();
  private duplicates = 0;
  private sent = 0;

  constructor(address: Address, zones: Zones, options: Options, context: CommandContext) {
    this.address = address;
    this.zones = zones;
    this.options = options;
    this.context = context;
  }

  async run(): Promise<number> {
    const { options, context } = this;
    const text = this.zones.format(this.address);
    const socket = await EchoSocket.open(context, this.address.family, (message, answer) =>
      this.hear(message, answer),
    );
    context.stdout(`PING ${text} (${text}): ${options.size} data bytes\n`);
    try {
      while (!context.signal.aborted && (options.count === 0 || this.sent < options.count)) {
        await this.sendOne(socket);
        if (options.count === 0 || this.sent < options.count) await pause(context, options.interval);
      }
      await this.lastAnswers();
    } finally {
      await socket.close();
    }
    this.summary(text);
    return this.seen.size > 0 ? 0 : 1;
  }

  private async sendOne(socket: EchoSocket): Promise<void> {
    const sequence = this.sent++;
    this.sentAt.set(sequence & 0xffff, performance.now());
    try {
      await socket.send(this.address, sequence, this.options.size, this.options.hops);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.context.stderr(`ping: sendmsg: ${error.message}\n`);
    }
  }

  private async lastAnswers(): Promise<void> {
    const until = performance.now() + this.options.wait;
    while (this.seen.size < this.sent && performance.now() < until && !this.context.signal.aborted) {
      await pause(this.context, 20);
    }
  }

  private hear(message: Message, answer: Answer): void {
    const started = this.sentAt.get(answer.sequence);
    if (started === undefined) return;
    const from = this.zones.format(message.from.address);
    const { stdout } = this.context;
    if (answer.kind !== 'reply') {
      const what = answer.kind === 'exceeded' ? 'Time to live exceeded' : 'Destination unreachable';
      if (!this.options.quiet) stdout(`${message.data.length} bytes from ${from}: ${what}\n`);
      return;
    }
    const time = performance.now() - started;
    const again = this.seen.has(answer.sequence);
    if (again) this.duplicates++;
    else this.times.push(time);
    this.seen.add(answer.sequence);
    if (this.options.quiet) return;
    const hops = this.address.family === INET ? 'ttl' : 'hlim';
    const line = `${message.data.length} bytes from ${from}: icmp_seq=${answer.sequence} ${hops}=${message.hops}`;
    stdout(`${line} time=${time.toFixed(3)} ms${again ? ' (DUP!)' : ''}\n`);
  }

  private summary(text: string): void {
    const { stdout } = this.context;
    const received = this.seen.size;
    const loss = this.sent === 0 ? 0 : ((this.sent - received) * 100) / this.sent;
    const duplicates = this.duplicates === 0 ? '' : `, ${this.duplicates} duplicates`;
    stdout(`\n--- ${text} ping statistics ---\n`);
    stdout(
      `${this.sent} packets transmitted, ${received} packets received${duplicates}, ${loss.toFixed(1)}% packet loss\n`,
    );
    if (this.times.length === 0) return;
    const mean = this.times.reduce((sum, time) => sum + time, 0) / this.times.length;
    const variance = this.times.reduce((sum, time) => sum + (time - mean) ** 2, 0) / this.times.length;
    const figures = [Math.min(...this.times), mean, Math.max(...this.times), Math.sqrt(variance)];
    stdout(`round-trip min/avg/max/std-dev = ${figures.map((one) => one.toFixed(3)).join('/')} ms\n`);
  }
}
