// SPDX-License-Identifier: ISC
//
// ifconfig(8): shows interfaces as OpenBSD lays them out, and sets them up.

import { formatAddress, formatLinkAddress } from '../../abi/addressText.ts';
import type { CarpInfo } from '../../abi/carp.ts';
import type { InterfaceAddress, InterfaceInfo } from '../../abi/interface.ts';
import type { PfsyncInfo } from '../../abi/pfsync.ts';
import type { Command, CommandContext } from './command.ts';
import { command, kernelOf, UsageError } from './failure.ts';
import { group } from './ifconfig/carp.ts';
import { PARAMETERS, Setter } from './ifconfig/set.ts';
import { formatInterface } from './ifconfig/show.ts';

export const ifconfig: Command = {
  ...command(
    'ifconfig',
    'ifconfig [-A] [--json] [interface] [address_family] [address [dest_address]] [parameters] | -g group [carpdemote [n] | -carpdemote [n]]',
    'show or set up interfaces',
    async (args, context) => {
      if (args.includes('--json'))
        return json(
          args.filter((arg) => arg !== '--json'),
          context,
        );
      const [first, ...rest] = args;
      if (first === undefined) return show(undefined, false, context);
      if (/^-[aA]$/.test(first)) return show(rest[0], true, context);
      if (first === '-g') return group(rest, context);
      if (first.startsWith('-')) throw new UsageError(`unknown option ${first}`);
      if (rest.length === 0) return show(first, true, context);
      await new Setter(first, context).apply(rest);
      return 0;
    },
  ),
  values: { address_family: PARAMETERS, parameters: PARAMETERS },
};

async function list(name: string | undefined, context: CommandContext): Promise<readonly InterfaceInfo[]> {
  return kernelOf(context).call('interface.list', name === undefined ? {} : { name });
}

/** Without a name aliases are left out, as ifconfig without -A does. */
async function show(name: string | undefined, aliases: boolean, context: CommandContext): Promise<number> {
  for (const on of await list(name, context)) context.stdout(formatInterface(on, aliases));
  return 0;
}

async function json(args: readonly string[], context: CommandContext): Promise<number> {
  const interfaces = (await list(args[0], context)).map((on) => ({
    ...on,
    linkAddress: on.linkAddress && formatLinkAddress(on.linkAddress),
    addresses: on.addresses.map((address) => ({ ...plain(address), length: address.length })),
    multicast: on.multicast.map(formatAddress),
    ...(on.carp && { carp: plainCarp(on.carp) }),
    ...(on.pfsync && { pfsync: plainPfsync(on.pfsync) }),
  }));
  context.stdout(`${JSON.stringify({ interfaces })}\n`);
  return 0;
}

function plainCarp({ peer, nodes, ...carp }: CarpInfo): object {
  return {
    ...carp,
    ...(peer && { peer: formatAddress(peer) }),
    nodes: nodes.map(({ heard, ...node }) => ({
      ...node,
      ...(heard && { heard: { ...heard, from: formatAddress(heard.from) } }),
    })),
  };
}

function plainPfsync({ peer, ...pfsync }: PfsyncInfo): object {
  return { ...pfsync, ...(peer && { peer: formatAddress(peer) }) };
}

function plain(address: InterfaceAddress): object {
  return {
    address: formatAddress(address),
    ...(address.broadcast ? { broadcast: formatAddress(address.broadcast) } : {}),
    ...(address.state ? { state: address.state } : {}),
  };
}
