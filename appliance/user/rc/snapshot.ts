// SPDX-License-Identifier: ISC
//
// What a machine is set up as, taken from its kernel and its relayd: the running one's and a rehearsed one's are compared.

import { isLinkLocal } from '../../abi/address.ts';
import { formatAddress, formatLinkAddress, formatPrefix } from '../../abi/addressText.ts';
import type { KernelClient } from '../../abi/client.ts';
import { IFF_UP, type InterfaceAddress, type InterfaceInfo } from '../../abi/interface.ts';
import type { RouteInfo } from '../../abi/route.ts';
import type { SysctlName } from '../../abi/system.ts';
import { listRoutes } from '../commands/routeTable.ts';
import type { RelaydView } from '../relayd/control.ts';
import { diffLines, formatDiff } from './lineDiff.ts';

/** Answers what a command prints; empty where it fails. */
export type CommandOutput = (args: readonly string[]) => Promise<string>;

export interface Snapshot {
  readonly settings: Readonly<Partial<Record<SysctlName, number>>>;
  readonly interfaces: readonly InterfaceInfo[];
  /** Those that somebody set, without relayd's. */
  readonly routes: readonly RouteInfo[];
  readonly filtering: boolean;
  /** As pfctl(8) prints them. */
  readonly rules: readonly string[];
  readonly translation: readonly string[];
  readonly options: readonly string[];
  readonly redirects: readonly string[];
}

export async function takeSnapshot(
  kernel: KernelClient,
  output: CommandOutput,
  relayd: RelaydView | undefined,
): Promise<Snapshot> {
  const list = async (modifier: string) => listing(await output(['pfctl', '-s', modifier]));
  const ofRelayd = new Set(relayd?.routers.flatMap((router) => router.routes) ?? []);
  const routes = await listRoutes(kernel);
  return {
    settings: await kernel.call('sysctl.get', {}),
    interfaces: [...(await kernel.call('interface.list', {}))].sort(byName),
    routes: routes.filter(
      ({ flags, destination }) => flags.includes('static') && !ofRelayd.has(formatPrefix(destination)),
    ),
    filtering: (await kernel.call('pf.status', {})).enabled,
    rules: await list('rules'),
    translation: await list('nat'),
    options: [...(await list('timeouts')), ...(await list('memory'))],
    redirects: redirectLines(relayd),
  };
}

function byName(a: InterfaceInfo, b: InterfaceInfo): number {
  return a.name.localeCompare(b.name, 'en', { numeric: true });
}

/** Tables that pf makes by itself have a random part in their names. */
function listing(text: string): readonly string[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => line.replace(/<__automatic_[0-9a-f]+_(\d+)>/g, '<__automatic_$1>'));
}

// What is shown of a snapshot, in lines.

const SECTIONS: readonly (readonly [string, (snapshot: Snapshot) => readonly string[]])[] = [
  ['settings', ({ settings }) => Object.entries(settings).map(([name, value]) => `${name}=${value}`)],
  ['interfaces', ({ interfaces }) => interfaces.flatMap(settingLines)],
  ['addresses', ({ interfaces }) => interfaces.flatMap(addressLines)],
  ['routes', ({ routes }) => routes.map(routeLine)],
  ['filter', ({ filtering }) => [`pf ${filtering ? 'enabled' : 'disabled'}`]],
  ['limits and timeouts', ({ options }) => options],
  ['translation rules', ({ translation }) => translation],
  ['rules', ({ rules }) => rules],
  ['redirects', ({ redirects }) => redirects],
];

/** How the running machine would change: a heading for each part that does, `-` what goes and `+` what comes. */
export function describeChange(running: Snapshot, wanted: Snapshot): readonly string[] {
  return SECTIONS.flatMap(([title, lines]) => {
    const changes = formatDiff(diffLines(lines(running), lines(wanted)), title === 'rules' ? 1 : 0);
    return changes.length === 0 ? [] : [`${title}:`, ...changes.map((line) => `  ${line}`)];
  });
}

/** What ifconfig(8) sets of an interface besides addresses, a line each. */
export function settingLines(on: InterfaceInfo): readonly string[] {
  const { name, vlan, carp, pfsync } = on;
  const lines = [`${name} ${(on.flags & IFF_UP) === 0 ? 'down' : 'up'} mtu ${on.mtu}`];
  if (on.linkAddress !== undefined && on.carp === undefined) {
    lines.push(`${name} lladdr ${formatLinkAddress(on.linkAddress)}`);
  }
  if (on.description) lines.push(`${name} description ${on.description}`);
  for (const group of on.groups) lines.push(`${name} group ${group}`);
  if (vlan !== undefined) lines.push(`${name} vlan ${vlan.tag} vlandev ${vlan.parent}`);
  if (carp !== undefined) {
    const nodes = carp.nodes.map((node) => `${node.vhid}:${node.advskew}`).join(',');
    const peer = carp.peer === undefined ? '' : ` carppeer ${formatAddress(carp.peer)}`;
    lines.push(
      `${name} carpnodes ${nodes} advbase ${carp.advbase} balancing ${carp.balancing} ` +
        `carpdev ${carp.parent ?? 'none'}${peer}`,
    );
  }
  if (pfsync !== undefined) {
    const peer = pfsync.peer === undefined ? '' : ` syncpeer ${formatAddress(pfsync.peer)}`;
    lines.push(
      `${name} syncdev ${pfsync.syncDevice ?? 'none'}${peer} maxupd ${pfsync.maxUpdates}${pfsync.defer ? ' defer' : ''}${pfsync.sealed ? ' synckey' : ''}`,
    );
  }
  return lines;
}

/** Addresses that somebody set: IPv6's own link-local ones come and go with the link. */
export function setAddresses(on: InterfaceInfo): readonly InterfaceAddress[] {
  return on.addresses.filter((address) => !isLinkLocal(address));
}

/** One address as it is told and compared. */
export function addressText(address: InterfaceAddress): string {
  const { broadcast, peer, anycast } = address;
  const text = formatPrefix(address);
  const more = [
    broadcast === undefined ? '' : ` broadcast ${formatAddress(broadcast)}`,
    peer === undefined ? '' : ` peer ${formatAddress(peer)}`,
    anycast ? ' anycast' : '',
  ];
  return `${text}${more.join('')}`;
}

function addressLines(on: InterfaceInfo): readonly string[] {
  return setAddresses(on).map((address) => `${on.name} ${addressText(address)}`);
}

/** A route as it is told and compared. */
export function routeLine({ destination, gateway, interface: on, flags }: RouteInfo): string {
  const to = destination.length === 0 ? 'default' : formatPrefix(destination);
  const via = gateway === undefined ? on : formatAddress(gateway);
  const what = (['reject', 'blackhole'] as const).filter((flag) => flags.includes(flag));
  return [to, destination.family === 6 && to === 'default' ? '(IPv6)' : '', via, ...what]
    .filter((word) => word !== '')
    .join(' ');
}

function redirectLines(view: RelaydView | undefined): readonly string[] {
  if (view === undefined) return [];
  const tables = (list: RelaydView['redirects'][number]['tables']) =>
    list.map((table) => `  <${table.name}> ${table.hosts.map((host) => host.name).join(' ')}`);
  return [
    ...view.redirects.flatMap(({ name, kind, listen, tables: list }) => [
      `redirect ${name} (${kind} to)`,
      ...listen.map(
        ({ address, port, lastPort, interface: on }) =>
          `  listen on ${address} port ${port}${lastPort === undefined ? '' : `:${lastPort}`}${on === undefined ? '' : ` interface ${on}`}`,
      ),
      ...tables(list),
    ]),
    ...view.routers.flatMap(({ name, routes, tables: list }) => [
      `router ${name}: ${routes.join(' ')}`,
      ...tables(list),
    ]),
    ...view.relays.map(({ name }) => `relay ${name}`),
  ];
}
