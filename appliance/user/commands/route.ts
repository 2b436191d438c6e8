// SPDX-License-Identifier: ISC
//
// route(8): shows and changes the routing table.

import { type Address, addressBits, INET, INET6, type Prefix } from '../../abi/address.ts';
import {
  formatAddress,
  parseAddress,
  parsePrefix,
  parseShortAddress,
  parseZonedAddress,
} from '../../abi/addressText.ts';
import { CallError } from '../../abi/errno.ts';
import { maskLength } from '../config/hostnameIf.ts';
import type { Command, CommandContext } from './command.ts';
import { command, Failure, kernelOf, UsageError } from './failure.ts';
import { listRoutes, printRoutes } from './routeTable.ts';

export const route: Command = command(
  'route',
  'route [-nqv] [--json] show|get|add|change|delete|flush [-inet|-inet6] [modifiers] [destination [gateway]]',
  'show or change the routing table',
  async (args, context) => {
    const words = args.filter((arg) => !/^-[nqvT]+$/.test(arg) && arg !== '--json');
    const [verb, ...rest] = words;
    switch (verb) {
      case 'show':
        return show(rest, args.includes('--json'), context);
      case 'get':
        return get(rest, context);
      case 'add':
      case 'change':
        return add(verb, rest, context);
      case 'delete':
        return remove(rest, context);
      case 'flush':
        await kernelOf(context).call('route.flush', familyOf(rest));
        return 0;
      default:
        throw new UsageError('');
    }
  },
);

function familyOf(words: readonly string[]): { family?: 4 | 6 } {
  if (words.includes('-inet6')) return { family: INET6 };
  return words.includes('-inet') ? { family: INET } : {};
}

async function show(words: readonly string[], json: boolean, context: CommandContext): Promise<number> {
  const kernel = kernelOf(context);
  const routes = await listRoutes(kernel, familyOf(words).family);
  if (json) context.stdout(`${JSON.stringify({ routes: routes.map(plain) })}\n`);
  else context.stdout(printRoutes(routes, await kernel.call('interface.list', {})));
  return 0;
}

function plain(info: Awaited<ReturnType<typeof listRoutes>>[number]): object {
  const { destination, gateway } = info;
  const prefix = `${formatAddress(destination)}/${destination.length}`;
  return { ...info, destination: prefix, ...(gateway ? { gateway: formatAddress(gateway) } : {}) };
}

async function get(words: readonly string[], context: CommandContext): Promise<number> {
  const text = words.find((word) => !word.startsWith('-')) ?? fail('an address is missing');
  const destination = parseAddress(text) ?? fail(`${text}: bad value`);
  const info = await kernelOf(context).call('route.get', { destination });
  const line = (name: string, value: string) => context.stdout(`${name.padStart(11)}: ${value}\n`);
  line('route to', text);
  line('destination', info.destination.length === 0 ? 'default' : formatAddress(info.destination));
  if (info.gateway !== undefined) line('gateway', formatAddress(info.gateway));
  line('interface', info.interface);
  if (info.source !== undefined) line('if address', formatAddress(info.source));
  line('priority', String(info.priority));
  line('flags', `<${info.flags.map((flag) => flag.toUpperCase()).join(',')}>`);
  if (info.mtu > 0) line('mtu', String(info.mtu));
  return 0;
}

async function add(
  verb: 'add' | 'change',
  words: readonly string[],
  context: CommandContext,
): Promise<number> {
  const parsed = parse(words);
  if (parsed.gateway === undefined && parsed.interface === undefined && !parsed.reject && !parsed.blackhole) {
    throw new UsageError('a gateway is missing');
  }
  await attempt(verb, parsed, async () => {
    await kernelOf(context).call('route.add', { ...parsed, change: verb === 'change' });
  });
  context.stdout(`${verb} ${describe(parsed)}\n`);
  return 0;
}

async function remove(words: readonly string[], context: CommandContext): Promise<number> {
  const { destination, gateway } = parse(words);
  const request = gateway === undefined ? { destination } : { destination, gateway };
  await attempt('delete', { destination }, async () => {
    await kernelOf(context).call('route.delete', request);
  });
  context.stdout(`delete ${describe({ destination, ...(gateway ? { gateway } : {}) })}\n`);
  return 0;
}

interface Parsed {
  readonly destination: Prefix;
  readonly gateway?: Address;
  readonly interface?: string;
  readonly reject?: boolean;
  readonly blackhole?: boolean;
  readonly mtu?: number;
  readonly label?: string;
}

/** `[-inet6] [-host|-net] [-reject] [-blackhole] [-mtu N] [-label L] [-ifp IF] DESTINATION [-prefixlen N] [-netmask M] [GATEWAY]`. */
function parse(words: readonly string[]): Parsed {
  const rest = [...words];
  const plainWords: string[] = [];
  const options: { -readonly [K in keyof Parsed]?: Parsed[K] } = {};
  let length: number | undefined;
  let family: 4 | 6 = INET;
  const argument = (word: string) => rest.shift() ?? fail(`${word} needs an argument`);
  while (rest.length > 0) {
    const word = rest.shift()!;
    if (word === '-inet6') family = INET6;
    else if (word === '-reject') options.reject = true;
    else if (word === '-blackhole') options.blackhole = true;
    else if (word === '-mtu') options.mtu = Number(argument(word));
    else if (word === '-label') options.label = argument(word);
    else if (word === '-ifp') options.interface = argument(word);
    else if (word === '-prefixlen') length = Number(argument(word));
    else if (word === '-netmask') length = maskLength(argument(word)) ?? fail('bad netmask');
    else if (!/^-(inet|host|net|priority|iface|static)$/.test(word)) plainWords.push(word);
  }
  const [to, via] = plainWords;
  if (to === undefined) throw new UsageError('a destination is missing');
  const zoned = via === undefined ? undefined : (parseZonedAddress(via) ?? fail(`${via}: bad value`));
  return {
    ...options,
    destination: destinationOf(to, length, zoned?.address.family ?? family),
    ...(zoned === undefined ? {} : { gateway: zoned.address }),
    ...(zoned?.zone === undefined ? {} : { interface: zoned.zone }),
  };
}

function destinationOf(text: string, length: number | undefined, family: 4 | 6): Prefix {
  if (text === 'default') return { family, words: family === INET ? [0] : [0, 0, 0, 0], length: 0 };
  const prefix =
    parsePrefix(text) ??
    shortNetwork(text, length) ??
    fail(`${text}: bad value; a network is written as in 192.0.2.0/24`);
  if (length === undefined) return prefix;
  const fits = Number.isInteger(length) && length >= 0 && length <= addressBits(prefix.family);
  return fits ? { ...prefix, length } : fail('bad prefix length');
}

/** `10/8`; with a mask of its own behind it `10`. */
function shortNetwork(text: string, given: number | undefined): Prefix | undefined {
  const [short = '', digits] = text.split('/');
  const length = digits === undefined ? given : /^\d{1,2}$/.test(digits) ? Number(digits) : undefined;
  const address = parseShortAddress(short);
  return address && length !== undefined && length <= 32 ? { ...address, length } : undefined;
}

function describe(parsed: Parsed): string {
  const { destination, gateway } = parsed;
  const isHost = destination.length === addressBits(destination.family);
  const isDefault = destination.length === 0;
  const to = isDefault ? 'default' : formatAddress(destination) + (isHost ? '' : `/${destination.length}`);
  return `${isHost ? 'host' : 'net'} ${to}${gateway ? `: gateway ${formatAddress(gateway)}` : ''}`;
}

async function attempt(verb: string, parsed: Parsed, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    throw new Failure(`${verb} ${describe(parsed)}: ${error.message}`);
  }
}

function fail(message: string): never {
  throw new Failure(message);
}
