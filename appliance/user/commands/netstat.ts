// SPDX-License-Identifier: ISC
//
// netstat(1): sockets, interfaces, routes and counters.

import { INET, INET6, network } from '../../abi/address.ts';
import { formatAddress, formatLinkAddress } from '../../abi/addressText.ts';
import { ARP } from '../../abi/counters/arp.ts';
import { CARP } from '../../abi/counters/carp.ts';
import type { CounterGroup } from '../../abi/counters/counters.ts';
import { DIVERT, DIVERT6 } from '../../abi/counters/divert.ts';
import { ETHER } from '../../abi/counters/ether.ts';
import { ICMP } from '../../abi/counters/icmp.ts';
import { ICMP6 } from '../../abi/counters/icmp6.ts';
import { IGMP } from '../../abi/counters/igmp.ts';
import { IP } from '../../abi/counters/ip.ts';
import { IP6 } from '../../abi/counters/ip6.ts';
import { ND6 } from '../../abi/counters/nd6.ts';
import { PFSYNC } from '../../abi/counters/pfsync.ts';
import { RAWIP } from '../../abi/counters/rawip.ts';
import { TCP } from '../../abi/counters/tcp.ts';
import { UDP } from '../../abi/counters/udp.ts';
import type { InterfaceInfo } from '../../abi/interface.ts';
import type { Endpoint, SocketInfo } from '../../abi/socket.ts';
import type { Command, CommandContext } from './command.ts';
import { command, Failure, kernelOf, UsageError } from './failure.ts';
import { listRoutes, printRoutes } from './routeTable.ts';

const GROUPS: readonly CounterGroup[] = [
  IP,
  ICMP,
  IGMP,
  TCP,
  UDP,
  CARP,
  PFSYNC,
  DIVERT,
  RAWIP,
  ARP,
  IP6,
  ICMP6,
  ND6,
  DIVERT6,
  ETHER,
];

export const netstat: Command = command(
  'netstat',
  'netstat [-abn] [--json] | netstat -r [-f inet|inet6] | netstat -i [-b] | netstat -s [-p protocol]',
  'show sockets, interfaces, routes and counters',
  async (args, context) => {
    const flags = args.filter((arg) => /^-[a-zA-Z]+$/.test(arg)).join('');
    const behind = (flag: string) =>
      args[args.findIndex((arg) => arg.startsWith('-') && arg.endsWith(flag)) + 1];
    const json = args.includes('--json');
    if (/[^abfinprsv-]/.test(flags)) throw new UsageError('unknown option');
    if (flags.includes('r')) return routes(flags.includes('f') ? behind('f') : undefined, json, context);
    if (flags.includes('i')) return interfaces(flags.includes('b'), json, context);
    if (flags.includes('s')) return statistics(flags.includes('p') ? behind('p') : undefined, json, context);
    return sockets(flags.includes('a'), json, context);
  },
);

async function routes(family: string | undefined, json: boolean, context: CommandContext): Promise<number> {
  const number = family === 'inet' ? INET : family === 'inet6' ? INET6 : undefined;
  if (family !== undefined && number === undefined) throw new UsageError(`${family}: unknown address family`);
  const list = await listRoutes(kernelOf(context), number);
  const interfaces = await kernelOf(context).call('interface.list', {});
  context.stdout(json ? `${JSON.stringify({ routes: list })}\n` : printRoutes(list, interfaces));
  return 0;
}

async function interfaces(bytes: boolean, json: boolean, context: CommandContext): Promise<number> {
  const list = await kernelOf(context).call('interface.list', {});
  if (json) {
    context.stdout(
      `${JSON.stringify({ interfaces: list.map(({ name, mtu, counters }) => ({ name, mtu, counters })) })}\n`,
    );
    return 0;
  }
  const heads = bytes ? ['Ibytes', 'Obytes'] : ['Ipkts', 'Ifail', 'Opkts', 'Ofail', 'Colls'];
  context.stdout(interfaceRow('Name', 'Mtu', 'Network', 'Address', heads));
  for (const on of list) for (const line of interfaceRows(on, bytes)) context.stdout(line);
  return 0;
}

function interfaceRow(
  name: string,
  mtu: string,
  net: string,
  address: string,
  numbers: readonly string[],
): string {
  const columns = numbers.map((number) => number.padStart(8)).join(' ');
  return `${name.padEnd(7)} ${mtu.padEnd(5)} ${net.padEnd(11)} ${address.padEnd(17)} ${columns}\n`;
}

function interfaceRows(on: InterfaceInfo, bytes: boolean): string[] {
  const { counters: c } = on;
  const values = bytes
    ? [c.inputBytes, c.outputBytes]
    : [
        c.inputPackets,
        c.inputErrors + c.inputDrops,
        c.outputPackets,
        c.outputErrors + c.outputDrops,
        c.collisions,
      ];
  const numbers = values.map(String);
  const mtu = String(on.mtu);
  const link = on.linkAddress === undefined ? '' : formatLinkAddress(on.linkAddress);
  return [
    interfaceRow(on.name, mtu, '<Link>', link, numbers),
    ...on.addresses.map((address) => {
      const net = `${formatAddress(network(address))}/${address.length}`;
      return interfaceRow(on.name, mtu, net, formatAddress(address), numbers);
    }),
  ];
}

async function statistics(
  protocol: string | undefined,
  json: boolean,
  context: CommandContext,
): Promise<number> {
  const all = await kernelOf(context).call('system.statistics', { all: true });
  const chosen = GROUPS.filter((group) => protocol === undefined || group.heading === protocol);
  if (chosen.length === 0) throw new Failure(`${protocol}: unknown or uninstrumented protocol`);
  if (json) {
    context.stdout(
      `${JSON.stringify(Object.fromEntries(chosen.map(({ heading }) => [heading, all[heading]])))}\n`,
    );
    return 0;
  }
  for (const group of chosen) {
    context.stdout(`${group.heading}:\n`);
    for (const [name, text] of group.counters) {
      context.stdout(`\t${counterLine(text, all[group.heading]?.[name] ?? 0)}\n`);
    }
  }
  return 0;
}

/** The number in its text, with the plural that goes with it. */
export function counterLine(text: string, value: number): string {
  return text
    .replace('%d', String(value))
    .replaceAll('%es', value === 1 ? '' : 'es')
    .replaceAll('%y', value === 1 ? 'y' : 'ies')
    .replaceAll('%s', value === 1 ? '' : 's');
}

async function sockets(all: boolean, json: boolean, context: CommandContext): Promise<number> {
  const list = (await kernelOf(context).call('socket.list', {})).filter(
    (one) => all || one.state !== 'LISTEN',
  );
  if (json) {
    const rows = list.map((one) => ({
      ...one,
      local: end(one.local),
      remote: one.remote && end(one.remote),
    }));
    context.stdout(`${JSON.stringify({ sockets: rows })}\n`);
    return 0;
  }
  context.stdout(`Active Internet connections${all ? ' (including servers)' : ''}\n`);
  context.stdout(socketRow('Proto', 'Recv-Q', 'Send-Q', 'Local Address', 'Foreign Address', '(state)'));
  for (const one of list) context.stdout(formatSocket(one));
  return 0;
}

function socketRow(
  ...[proto, receive, send, local, remote, state]: [string, string, string, string, string, string]
): string {
  const line = `${proto.padEnd(7)} ${receive.padStart(6)} ${send.padStart(6)}  ${local.padEnd(22)} ${remote.padEnd(22)} ${state}`;
  return `${line.trimEnd()}\n`;
}

function end(endpoint: Endpoint): string {
  const isAny = endpoint.address.words.every((word) => word === 0);
  return `${isAny ? '*' : formatAddress(endpoint.address)}.${endpoint.port === 0 ? '*' : endpoint.port}`;
}

function formatSocket(one: SocketInfo): string {
  const name = one.type === 'raw' ? 'ip' : one.type;
  const proto = one.family === INET6 ? `${name}6` : name;
  const remote = one.remote === undefined ? '*.*' : end(one.remote);
  return socketRow(
    proto,
    String(one.receiveQueue),
    String(one.sendQueue),
    end(one.local),
    remote,
    one.state ?? '',
  );
}
