// SPDX-License-Identifier: ISC
//
// Brings a running machine to what its files say, in the order of a boot: settings, interfaces, routes, filter, daemons. The aim is
// what a rehearsed boot of the same files was set up as; nothing is touched that is so already.

import { type Address, INET, isLinkLocal } from '../../abi/address.ts';
import { formatAddress } from '../../abi/addressText.ts';
import { CallError } from '../../abi/errno.ts';
import { IFF_UP, type InterfaceInfo } from '../../abi/interface.ts';
import type { SysctlName } from '../../abi/system.ts';
import { parseHostnameIf } from '../config/hostnameIf.ts';
import { parseRcConf, RcConf } from '../config/rcConf.ts';
import {
  type BootParts,
  DAEMONS,
  daemonFlags,
  ensureExists,
  orderOf,
  setSyncKey,
  untilDetected,
} from './boot.ts';
import { addressText, routeLine, type Snapshot, setAddresses, settingLines } from './snapshot.ts';
import type { Texts } from './versions.ts';

export interface ApplyParts extends BootParts {
  /** Ends a daemon that runs. */
  readonly stopDaemon: (name: string) => Promise<void>;
  /** Lets a daemon that runs read its files again; rejects with a sentence when it cannot. */
  readonly reloadDaemon: (name: string) => Promise<void>;
  readonly runs: (daemon: string) => boolean;
  /** What the machine is set up as now. */
  readonly snapshot: () => Promise<Snapshot>;
}

export interface Change {
  readonly running: Snapshot;
  readonly wanted: Snapshot;
  /** What etc/ held when it was applied last, and what it holds now. */
  readonly before: Texts;
  readonly after: Texts;
}

/** A step could not be done; the message says which and why. */
export class ApplyError extends Error {}

/** Makes the change. Rejects with ApplyError at the first step that fails; those before it stand. */
export async function apply(parts: ApplyParts, change: Change): Promise<void> {
  await setSettings(parts, change);
  await conformInterfaces(parts, change);
  await conformRoutes(parts, change.wanted);
  await untilDetected(parts);
  await conformFilter(parts, change);
  await conformDaemons(parts, change);
}

async function step(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    throw new ApplyError(`${what}: ${error.message}`);
  }
}

async function setSettings({ kernel }: ApplyParts, { running, wanted }: Change): Promise<void> {
  for (const [name, value] of Object.entries(wanted.settings) as [SysctlName, number][]) {
    if (running.settings[name] === value) continue;
    await step(name, () => kernel.call('sysctl.set', { name, value }));
  }
}

// Interfaces.

const CLONED = /^(vlan|carp|pfsync|lo[1-9])/;

async function conformInterfaces(parts: ApplyParts, change: Change): Promise<void> {
  const { running, wanted } = change;
  for (const { name } of running.interfaces) {
    if (!CLONED.test(name) || wanted.interfaces.some((on) => on.name === name)) continue;
    await step(`${name} destroy`, () => parts.kernel.call('interface.destroy', { name }));
  }
  const inOrder = [...wanted.interfaces].sort((a, b) => orderOf(a.name) - orderOf(b.name));
  for (const on of inOrder) {
    await step(`${on.name} create`, () => ensureExists(parts, on.name));
    await conformInterface(parts, on, fileChanged(change, `hostname.${on.name}`));
  }
}

function fileChanged({ before, after }: Change, path: string): boolean {
  return before[path] !== after[path];
}

async function conformInterface(parts: ApplyParts, wanted: InterfaceInfo, changed: boolean): Promise<void> {
  const { name } = wanted;
  const differs = async () => settingLines(await present(parts, name)).join() !== settingLines(wanted).join();
  if (CLONED.test(name) && (changed || (await differs()))) {
    await runOptions(parts, name);
    // Parameters that are no longer in the file have left their mark: begin anew.
    if (await differs()) await rebuild(parts, name);
  }
  await setOptions(parts, await present(parts, name), wanted);
  await conformAddresses(parts, await present(parts, name), wanted);
}

async function present({ kernel }: ApplyParts, name: string): Promise<InterfaceInfo> {
  const [on] = await kernel.call('interface.list', { name });
  return on!;
}

async function rebuild(parts: ApplyParts, name: string): Promise<void> {
  await step(`${name} destroy`, () => parts.kernel.call('interface.destroy', { name }));
  await step(`${name} create`, () => ensureExists(parts, name));
  await runOptions(parts, name);
}

/** The lines of hostname.if without their addresses. */
async function runOptions(parts: ApplyParts, name: string): Promise<void> {
  const file = `/etc/hostname.${name}`;
  if (!(await parts.files.exists(file))) return;
  await setSyncKey(parts, name);
  for (const line of parseHostnameIf(await parts.files.read(file), file).lines) {
    const words = line.kind === 'options' ? line.words : line.kind === 'address' ? line.rest : [];
    if (words.length === 0) continue;
    if ((await parts.command(['ifconfig', name, ...words])) !== 0) {
      throw new ApplyError(`${file}:${line.line}: ifconfig refused this line`);
    }
  }
}

async function setOptions(parts: ApplyParts, running: InterfaceInfo, wanted: InterfaceInfo): Promise<void> {
  const { kernel } = parts;
  const { name, mtu, description = '', linkAddress, vlan } = wanted;
  const up = (wanted.flags & IFF_UP) !== 0;
  const change = {
    ...(mtu === running.mtu ? {} : { mtu }),
    ...(description === (running.description ?? '') ? {} : { description }),
    ...(up === ((running.flags & IFF_UP) !== 0) ? {} : { up }),
    ...(linkAddress === undefined || String(linkAddress) === String(running.linkAddress) || wanted.carp
      ? {}
      : { linkAddress }),
    ...(vlan === undefined || (vlan.tag === running.vlan?.tag && vlan.parent === running.vlan.parent)
      ? {}
      : { vlan }),
  };
  if (Object.keys(change).length > 0) {
    await step(name, () => kernel.call('interface.set', { name, ...change }));
  }
  for (const group of new Set([...running.groups, ...wanted.groups])) {
    const member = wanted.groups.includes(group);
    if (member === running.groups.includes(group)) continue;
    await step(`${name} group ${group}`, () => kernel.call('interface.setGroup', { name, group, member }));
  }
}

async function conformAddresses(
  { kernel }: ApplyParts,
  running: InterfaceInfo,
  wanted: InterfaceInfo,
): Promise<void> {
  const { name } = wanted;
  const remove = (address: Address) =>
    step(`${name} ${formatAddress(address)}`, () =>
      kernel.call('interface.deleteAddress', { name, address }),
    );
  const texts = new Set(setAddresses(wanted).map(addressText));
  let left = setAddresses(running).filter((address) => texts.has(addressText(address)));
  for (const address of setAddresses(running)) if (!left.includes(address)) await remove(address);
  // The first address of IPv4 is the main one; where another is to be it, they are all set anew.
  const [main] = setAddresses(wanted).filter(({ family }) => family === INET);
  const [first] = left.filter(({ family }) => family === INET);
  if (main !== undefined && first !== undefined && addressText(main) !== addressText(first)) {
    for (const address of left) if (address.family === INET) await remove(address);
    left = left.filter(({ family }) => family !== INET);
  }
  const there = new Set(left.map(addressText));
  for (const address of setAddresses(wanted)) {
    if (there.has(addressText(address))) continue;
    const { state: _ofTheRehearsal, ...set } = address;
    await step(`${name} ${formatAddress(address)}`, () =>
      kernel.call('interface.addAddress', { name, address: set, alias: true }),
    );
  }
}

// Routes. Those of addresses that are gone are gone as well, so what there is is asked anew.

async function conformRoutes({ kernel, snapshot }: ApplyParts, wanted: Snapshot): Promise<void> {
  const { routes } = await snapshot();
  const texts = new Set(wanted.routes.map(routeLine));
  const there = new Set(routes.map(routeLine));
  for (const route of routes) {
    if (texts.has(routeLine(route))) continue;
    const { destination, gateway } = route;
    await step(`route ${routeLine(route)}`, () =>
      kernel.call('route.delete', { destination, ...(gateway && { gateway }) }),
    );
  }
  for (const route of wanted.routes) {
    if (there.has(routeLine(route))) continue;
    const { destination, gateway, flags, mtu, label } = route;
    await step(`route ${routeLine(route)}`, () =>
      kernel.call('route.add', {
        destination,
        ...(gateway ? { gateway } : { interface: route.interface }),
        ...(gateway !== undefined && isLinkLocal(gateway) ? { interface: route.interface } : {}),
        reject: flags.includes('reject'),
        blackhole: flags.includes('blackhole'),
        mtu,
        ...(label === undefined ? {} : { label }),
      }),
    );
  }
}

// The filter.

/** Files that the filter does not read, nor do files that it includes. */
const NOT_FOR_FILTER = /^(myname|mygate|sysctl\.conf|rc\.conf\.local|relayd\.conf|hostname\..*)$/;

async function conformFilter(parts: ApplyParts, change: Change): Promise<void> {
  const { running, wanted } = change;
  if (!wanted.filtering) {
    if (running.filtering) await pfctl(parts, ['-q', '-d']);
    return;
  }
  const differs = (['rules', 'translation', 'options'] as const).some(
    (part) => running[part].join('\n') !== wanted[part].join('\n'),
  );
  if (differs || !running.filtering || touched(change, NOT_FOR_FILTER)) {
    await pfctl(parts, ['--hints', '-f', '/etc/pf.conf']);
  }
  if (!running.filtering) await pfctl(parts, ['-q', '-e']);
}

async function pfctl(parts: ApplyParts, args: readonly string[]): Promise<void> {
  if ((await parts.command(['pfctl', ...args])) === 0) return;
  throw new ApplyError(`pfctl ${args.join(' ')} failed`);
}

/** Whether a file changed that is none of these. */
function touched(change: Change, others: RegExp): boolean {
  const paths = new Set([...Object.keys(change.before), ...Object.keys(change.after)]);
  return [...paths].some((path) => !others.test(path) && fileChanged(change, path));
}

// Daemons.

/** Files that no daemon reads. */
const NOT_FOR_DAEMONS = /^(myname|mygate|sysctl\.conf|rc\.conf\.local|pf\.conf|hostname\..*)$/;

async function conformDaemons(parts: ApplyParts, change: Change): Promise<void> {
  const before = rcConfOf(change.before);
  const after = rcConfOf(change.after);
  for (const name of DAEMONS) {
    const flags = daemonFlags(name, after, change.wanted.filtering);
    if (flags === undefined || flags !== daemonFlags(name, before, change.running.filtering)) {
      if (parts.runs(name)) await parts.stopDaemon(name);
    }
    if (flags === undefined) continue;
    try {
      if (!parts.runs(name)) await parts.daemon(name, flags);
      else if (touched(change, NOT_FOR_DAEMONS)) await parts.reloadDaemon(name);
    } catch (error) {
      throw new ApplyError(`${name}: ${(error as Error).message}`);
    }
  }
}

function rcConfOf(texts: Texts): RcConf {
  const text = texts['rc.conf.local'];
  return text === undefined ? new RcConf({}) : parseRcConf(text, '/etc/rc.conf.local');
}
