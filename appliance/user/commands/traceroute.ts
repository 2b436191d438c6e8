// SPDX-License-Identifier: ISC
//
// traceroute(8): the routers on the way, by echo requests with few hops to live (the original's -I).

import { type Address, type Family, INET, INET6 } from '../../abi/address.ts';
import type { Command, CommandContext } from './command.ts';
import { type Answer, EchoSocket, pause } from './echo.ts';
import { command, Failure, kernelOf, UsageError } from './failure.ts';
import { Zones } from './zone.ts';

interface Options {
  hops: number;
  queries: number;
  /** Milliseconds. */
  wait: number;
}

/** Bytes of data, so that the packet has the original's 40. */
const SIZE = 12;

export const traceroute: Command = tracerouteOf('traceroute', INET);
export const traceroute6: Command = tracerouteOf('traceroute6', INET6);

function tracerouteOf(name: string, family: Family): Command {
  const synopsis = `${name} [-In] [-m max_ttl] [-q nqueries] [-w waittime] host`;
  return command(name, synopsis, `show the way of packets over IPv${family}`, async (args, context) => {
    const rest = [...args];
    const options: Options = { hops: 64, queries: 3, wait: 5000 };
    while (rest[0]?.startsWith('-')) option(options, rest.shift()!, rest);
    const [host] = rest;
    if (host === undefined) throw new UsageError('');
    const zones = await Zones.of(kernelOf(context));
    const address = zones.parse(host);
    if (address.family !== family) throw new Failure(`${host}: not an IPv${family} address`);
    return trace(address, zones, options, context);
  });
}

function option(options: Options, word: string, rest: string[]): void {
  if (/^-[In]+$/.test(word)) return;
  const value = Number(word.slice(2) || rest.shift());
  if (!/^-[mqw]/.test(word) || !(value >= 1)) throw new UsageError(`${word} is not understood`);
  if (word.startsWith('-m')) options.hops = Math.min(value, 255);
  else if (word.startsWith('-q')) options.queries = value;
  else options.wait = value * 1000;
}

interface Heard {
  readonly from: string;
  readonly answer: Answer;
  readonly at: number;
}

async function trace(
  address: Address,
  zones: Zones,
  options: Options,
  context: CommandContext,
): Promise<number> {
  const heard = new Map<number, Heard>();
  const socket = await EchoSocket.open(context, address.family, (message, answer) => {
    heard.set(answer.sequence, { from: zones.format(message.from.address), answer, at: performance.now() });
  });
  const text = zones.format(address);
  const bytes = address.family === INET ? 40 : 60;
  context.stdout(
    `${traceName(address.family)} to ${text} (${text}), ${options.hops} hops max, ${bytes} byte packets\n`,
  );
  try {
    let sequence = 0;
    for (let hops = 1; hops <= options.hops && !context.signal.aborted; hops++) {
      context.stdout(String(hops).padStart(2));
      let last = '';
      let done = false;
      for (let query = 0; query < options.queries && !context.signal.aborted; query++) {
        const started = performance.now();
        const number = sequence++;
        await socket.send(address, number, SIZE, hops);
        while (!heard.has(number) && performance.now() - started < options.wait && !context.signal.aborted) {
          await pause(context, 5);
        }
        const one = heard.get(number);
        if (one === undefined) {
          context.stdout(' *');
          continue;
        }
        if (one.from !== last) context.stdout(`  ${one.from}`);
        last = one.from;
        const mark = one.answer.kind === 'unreachable' ? ' !H' : '';
        context.stdout(`  ${(one.at - started).toFixed(3)} ms${mark}`);
        if (one.answer.kind !== 'exceeded') done = true;
      }
      context.stdout('\n');
      if (done) return 0;
    }
    return 0;
  } finally {
    await socket.close();
  }
}

function traceName(family: Family): string {
  return family === INET ? 'traceroute' : 'traceroute6';
}
