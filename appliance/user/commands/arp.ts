// SPDX-License-Identifier: ISC
//
// arp(8): shows and changes the Ethernet addresses of IPv4 neighbours.

import { INET } from '../../abi/address.ts';
import { formatAddress, parseLinkAddress } from '../../abi/addressText.ts';
import type { Neighbor } from '../../abi/neighbor.ts';
import type { Command, CommandContext } from './command.ts';
import { command, Failure, kernelOf, UsageError } from './failure.ts';
import { addressOf, expiry, linkText, listNeighbors, neighborsJson } from './neighbors.ts';

const HEADER = row('Host', 'Ethernet Address', 'Netif', 'Expire', 'Flags');

export const arp: Command = command(
  'arp',
  'arp [-adn] [--json] [hostname] | arp -s hostname ether_addr [temp]',
  'show or change ARP entries',
  async (args, context) => {
    const words = args.filter((arg) => !arg.startsWith('-'));
    const flags = args.filter((arg) => /^-[a-zA-Z]+$/.test(arg)).join('');
    if (flags.includes('s')) return set(words, context);
    if (flags.includes('d')) return remove(words, flags.includes('a'), context);
    const all = await listNeighbors(context, INET);
    const chosen =
      words[0] === undefined ? all : all.filter((one) => formatAddress(one.address) === words[0]);
    if (chosen.length === 0 && words[0] !== undefined) throw new Failure(`${words[0]}: no entry`);
    if (words[0] === undefined && !flags.includes('a') && !args.includes('--json')) throw new UsageError('');
    context.stdout(args.includes('--json') ? neighborsJson(chosen) : HEADER + chosen.map(format).join(''));
    return 0;
  },
);

function row(host: string, ethernet: string, netif: string, expire: string, flags: string): string {
  return `${`${host.padEnd(36)} ${ethernet.padEnd(18)} ${netif.padStart(6)} ${expire.padEnd(9)} ${flags}`.trimEnd()}\n`;
}

function format(neighbor: Neighbor): string {
  const flags = `${neighbor.state === 'local' ? 'l' : ''}${neighbor.published === true ? 'P' : ''}`;
  return row(
    formatAddress(neighbor.address),
    linkText(neighbor),
    neighbor.interface,
    expiry(neighbor),
    flags,
  );
}

async function set(words: readonly string[], context: CommandContext): Promise<number> {
  const [host, link, ...options] = words;
  if (host === undefined || link === undefined) throw new UsageError('');
  const linkAddress = parseLinkAddress(link);
  if (linkAddress === undefined) throw new Failure(`${link}: not an Ethernet address`);
  const temporary = options.includes('temp');
  await kernelOf(context).call('neighbor.set', { address: addressOf(host, INET), linkAddress, temporary });
  return 0;
}

async function remove(words: readonly string[], all: boolean, context: CommandContext): Promise<number> {
  if (all) await kernelOf(context).call('neighbor.flush', { family: INET });
  else if (words[0] === undefined) throw new UsageError('');
  else {
    await kernelOf(context).call('neighbor.delete', { address: addressOf(words[0], INET) });
    context.stdout(`${words[0]} deleted\n`);
  }
  return 0;
}
