// SPDX-License-Identifier: ISC
//
// ndp(8): shows and changes the Ethernet addresses of IPv6 neighbours.

import { INET6, isLinkLocal } from '../../abi/address.ts';
import { formatAddress } from '../../abi/addressText.ts';
import type { Neighbor } from '../../abi/neighbor.ts';
import type { Command } from './command.ts';
import { command, kernelOf, UsageError } from './failure.ts';
import { addressOf, expiry, linkText, listNeighbors, neighborsJson } from './neighbors.ts';

const HEADER = row('Neighbor', 'Linklayer Address', 'Netif', 'Expire', 'S', 'Flags');

/** The letter of each state. */
const STATES: Readonly<Record<Neighbor['state'], string>> = {
  incomplete: 'I',
  reachable: 'R',
  stale: 'S',
  delay: 'D',
  probe: 'P',
  permanent: 'R',
  local: 'R',
};

export const ndp: Command = command(
  'ndp',
  'ndp [-acn] [--json] | ndp -d hostname',
  'show or change neighbor discovery entries',
  async (args, context) => {
    const words = args.filter((arg) => !arg.startsWith('-'));
    const flags = args.filter((arg) => /^-[a-z]+$/.test(arg)).join('');
    if (flags.includes('c')) {
      await kernelOf(context).call('neighbor.flush', { family: INET6 });
      return 0;
    }
    if (flags.includes('d')) {
      if (words[0] === undefined) throw new UsageError('');
      await kernelOf(context).call('neighbor.delete', { address: addressOf(words[0], INET6) });
      context.stdout(`${words[0]} deleted\n`);
      return 0;
    }
    if (!flags.includes('a') && !args.includes('--json')) throw new UsageError('');
    const all = await listNeighbors(context, INET6);
    context.stdout(args.includes('--json') ? neighborsJson(all) : HEADER + all.map(format).join(''));
    return 0;
  },
);

function row(
  host: string,
  link: string,
  netif: string,
  expire: string,
  state: string,
  flags: string,
): string {
  const line = `${host.padEnd(39)} ${link.padEnd(17)} ${netif.padStart(5)} ${expire.padEnd(9)} ${state} ${flags}`;
  return `${line.trimEnd()}\n`;
}

function format(neighbor: Neighbor): string {
  const zone = isLinkLocal(neighbor.address) ? `%${neighbor.interface}` : '';
  const flags = `${neighbor.state === 'local' ? 'l' : ''}${neighbor.router === true ? 'R' : ''}`;
  const host = `${formatAddress(neighbor.address)}${zone}`;
  return row(host, linkText(neighbor), neighbor.interface, expiry(neighbor), STATES[neighbor.state], flags);
}
