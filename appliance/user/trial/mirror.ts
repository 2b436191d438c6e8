// SPDX-License-Identifier: ISC
//
// Sets a trial up as a running machine is: its interfaces, routes and settings, its ruleset and tables. What it has counted, and its
// states, are left out.

import type { KernelClient } from '../../abi/client.ts';
import type { InterfaceInfo } from '../../abi/interface.ts';
import type { MakePacketTrial, PacketTrial } from '../../abi/judgement.ts';
import type { AnchorRules, TableDefinition } from '../../abi/pf.ts';
import type { SysctlName } from '../../abi/system.ts';
import { allPages } from '../commands/pfctl/session.ts';

export async function mirror(machine: KernelClient, make: MakePacketTrial): Promise<PacketTrial> {
  const interfaces = await machine.call('interface.list', {});
  const trial = make(interfaces.filter((on) => on.type !== 'loopback').map((on) => on.name));
  const { kernel } = trial;
  for (const [name, value] of Object.entries(await machine.call('sysctl.get', {}))) {
    await kernel.call('sysctl.set', { name: name as SysctlName, value });
  }
  await kernel.call('sysctl.set', { name: 'net.inet6.ip6.dad_count', value: 0 });
  for (const on of interfaces) await mirrorInterface(kernel, on);
  await mirrorRoutes(machine, kernel);
  await mirrorFilter(machine, kernel);
  return trial;
}

async function mirrorInterface(kernel: KernelClient, on: InterfaceInfo): Promise<void> {
  const { name } = on;
  if (on.type === 'loopback' && name !== 'lo0') await kernel.call('interface.create', { name });
  const known = await kernel.call('interface.list', { name });
  for (const address of on.addresses) {
    if (known[0]!.addresses.some((one) => one.words.every((word, i) => word === address.words[i]))) continue;
    await kernel.call('interface.addAddress', { name, address, alias: true });
  }
  for (const group of on.groups) await kernel.call('interface.setGroup', { name, group, member: true });
  await kernel.call('interface.set', { name, up: true });
}

async function mirrorRoutes(machine: KernelClient, kernel: KernelClient): Promise<void> {
  const routes = await allPages((cursor) => machine.call('route.list', { cursor }));
  for (const { destination, gateway, flags, interface: on, label } of routes) {
    if (!flags.includes('static') || on === 'lo0') continue;
    await kernel.call('route.add', {
      destination,
      interface: on,
      ...(gateway === undefined ? {} : { gateway }),
      ...(flags.includes('reject') ? { reject: true } : {}),
      ...(flags.includes('blackhole') ? { blackhole: true } : {}),
      ...(label === undefined ? {} : { label }),
    });
  }
}

async function mirrorFilter(machine: KernelClient, kernel: KernelClient): Promise<void> {
  const { dialect, enabled } = await machine.call('pf.status', {});
  const { skip, limits, timeouts } = await machine.call('pf.options', {});
  const paths = ['', ...(await machine.call('pf.anchors', { anchor: '', recursive: true }))];
  const anchors: AnchorRules[] = [];
  for (const path of paths) {
    const rules = await allPages((cursor) => machine.call('pf.rules', { cursor, anchor: path }));
    anchors.push({ path, rules: rules.map(({ rule }) => rule) });
  }
  const tables = await mirrorTables(machine);
  await kernel.call('pf.load', { dialect, anchors, tables, options: { skip, limits, timeouts } });
  if (enabled) await kernel.call('pf.enable', {});
}

async function mirrorTables(machine: KernelClient): Promise<TableDefinition[]> {
  const tables: TableDefinition[] = [];
  for (const { anchor, name, persist, constant, counters } of await machine.call('pf.tables', {})) {
    const entries = await allPages((cursor) => machine.call('pf.tableAddresses', { cursor, anchor, name }));
    tables.push({ anchor, name, persist, constant, counters, entries });
  }
  return tables;
}
