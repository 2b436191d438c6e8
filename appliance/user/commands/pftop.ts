// SPDX-License-Identifier: ISC
//
// pftop: the states of pf that come first by some order, found on the machine, so that a view of many thousands asks for few.

import { clockText } from '../dissect/pfState.ts';
import type { Command } from './command.ts';
import { command, kernelOf, UsageError } from './failure.ts';
import { ORDERS, type Order, type TopStates, topStates } from './pftop/topStates.ts';

interface Options {
  json: boolean;
  order: Order;
  text: string;
  first: number;
  count: number;
}

const DEFAULT_COUNT = 40;

export const pftop: Command = {
  ...command(
    'pftop',
    'pftop [--json] [-f text] [-o order] [-s skip] [number]',
    'show the states that come first',
    async (args, context) => {
      const options = parse(args);
      const top = await topStates(kernelOf(context), { ...options, signal: context.signal });
      context.stdout(options.json ? `${JSON.stringify(top)}\n` : listing(top));
      return 0;
    },
  ),
  values: { order: ORDERS },
};

function parse(args: readonly string[]): Options {
  const options: Options = { json: false, order: 'bytes', text: '', first: 0, count: DEFAULT_COUNT };
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--json') options.json = true;
    else if (word === '-f') options.text = argumentOf(word, rest);
    else if (word === '-o') options.order = orderOf(argumentOf(word, rest));
    else if (word === '-s') options.first = numberOf(argumentOf(word, rest));
    else options.count = numberOf(word);
  }
  return options;
}

function argumentOf(option: string, rest: string[]): string {
  const value = rest.shift();
  if (value === undefined) throw new UsageError(`${option} needs an argument`);
  return value;
}

function numberOf(word: string): number {
  if (!/^\d{1,9}$/.test(word)) throw new UsageError(`${word}: no number of states`);
  return Number(word);
}

function orderOf(word: string): Order {
  const order = ORDERS.find((one) => one === word);
  if (order === undefined) throw new UsageError(`${word}: no such order; there are ${ORDERS.join(', ')}`);
  return order;
}

function listing({ total, matching, states }: TopStates): string {
  const rows = states.map((one) => [
    one.protocol.padEnd(5),
    one.direction.padEnd(3),
    one.source.padEnd(24),
    one.destination.padEnd(24),
    one.gateway.padEnd(18),
    one.state.padEnd(24),
    clockText(one.age),
    clockText(one.expires),
    String(one.packets).padStart(8),
    String(one.bytes).padStart(10),
  ]);
  const heading =
    'PR    DIR SRC                      DEST                     GW                 STATE                    AGE      EXP          PKTS      BYTES';
  const lines = [`${matching} of ${total} states`, heading, ...rows.map((row) => row.join(' '))];
  return `${lines.join('\n')}\n`;
}
