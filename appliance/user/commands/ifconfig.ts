// SPDX-License-Identifier: ISC
//
// ifconfig(8): shows interfaces as OpenBSD lays them out, and sets them up.

import { type Address, addressBits, INET, maskWord } from '../../abi/address.ts';
import { formatAddress, formatLinkAddress, parseAddress, parseLinkAddress } from '../../abi/addressText.ts';
import { CallError } from '../../abi/errno.ts';
import {
  IFF_LOOPBACK,
  INTERFACE_FLAGS,
  type InterfaceAddress,
  type InterfaceCalls,
  type InterfaceInfo,
} from '../../abi/interface.ts';
import { maskLength } from '../config/hostnameIf.ts';
import type { Command, CommandContext } from './command.ts';
import { command, Failure, kernelOf, UsageError } from './failure.ts';

export const ifconfig: Command = command(
  'ifconfig',
  'ifconfig [-A] [--json] [interface] [address_family] [address [dest_address]] [parameters]',
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
    if (first.startsWith('-')) throw new UsageError(`unknown option ${first}`);
    if (rest.length === 0) return show(first, true, context);
    await new Setter(first, context).apply(rest);
    return 0;
  },
);

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
  }));
  context.stdout(`${JSON.stringify({ interfaces })}\n`);
  return 0;
}

function plain(address: InterfaceAddress): object {
  return {
    address: formatAddress(address),
    ...(address.broadcast ? { broadcast: formatAddress(address.broadcast) } : {}),
    ...(address.state ? { state: address.state } : {}),
  };
}

/** One interface, as `ifconfig vr0` prints it. */
export function formatInterface(on: InterfaceInfo, aliases: boolean): string {
  const flags = INTERFACE_FLAGS.filter(([bit]) => (on.flags & bit) !== 0).map(([, word]) => word);
  const lines = [`${on.name}: flags=${on.flags.toString(16)}<${flags.join(',')}> mtu ${on.mtu}`];
  if (on.linkAddress !== undefined) lines.push(`\tlladdr ${formatLinkAddress(on.linkAddress)}`);
  if (on.description !== undefined) lines.push(`\tdescription: ${on.description}`);
  lines.push(`\tindex ${on.index} priority ${on.priority} llprio 3`);
  if (on.vlan !== undefined) lines.push(`\tencap: vnetid ${on.vlan.tag} parent ${on.vlan.parent}`);
  if (on.groups.length > 0) lines.push(`\tgroups: ${on.groups.join(' ')}`);
  if (on.link !== undefined) {
    lines.push('\tmedia: Ethernet autoselect (100baseTX full-duplex)');
    lines.push(`\tstatus: ${on.link}`);
  }
  const seen = new Set<number>();
  for (const address of on.addresses) {
    const isAlias = address.family === INET && seen.has(INET);
    seen.add(address.family);
    if (!isAlias || aliases) lines.push(`\t${formatInterfaceAddress(on, address)}`);
  }
  return `${lines.join('\n')}\n`;
}

function formatInterfaceAddress(on: InterfaceInfo, address: InterfaceAddress): string {
  const text = formatAddress(address);
  if (address.family === INET) {
    const mask = (maskWord(address.length, 0) >>> 0).toString(16).padStart(8, '0');
    const peer = address.peer === undefined ? '' : ` --> ${formatAddress(address.peer)}`;
    const broadcast = address.broadcast === undefined ? '' : ` broadcast ${formatAddress(address.broadcast)}`;
    return `inet ${text}${peer} netmask 0x${mask}${broadcast}`;
  }
  const scoped = (address.words[0]! & 0xffc00000) === (0xfe800000 | 0);
  const state = address.state === 'preferred' || address.state === undefined ? '' : ` ${address.state}`;
  const anycast = address.anycast ? ' anycast' : '';
  const scope = scoped ? ` scopeid 0x${on.index.toString(16)}` : '';
  const zone = scoped || (on.flags & IFF_LOOPBACK && text === 'fe80::1') ? `%${on.name}` : '';
  return `inet6 ${text}${zone} prefixlen ${address.length}${anycast}${state}${scope}`;
}

/** Works through the words behind the interface's name, one parameter after the other. */
class Setter {
  private readonly name: string;
  private readonly context: CommandContext;

  constructor(name: string, context: CommandContext) {
    this.name = name;
    this.context = context;
  }

  async apply(words: readonly string[]): Promise<void> {
    const rest = [...words];
    while (rest.length > 0) await this.parameter(rest);
  }

  private async set(change: Omit<InterfaceCalls['interface.set'][0], 'name'>): Promise<void> {
    await kernelOf(this.context).call('interface.set', { name: this.name, ...change });
  }

  private async parameter(rest: string[]): Promise<void> {
    const word = rest.shift()!;
    const kernel = kernelOf(this.context);
    const { name } = this;
    const argument = (what: string): string => rest.shift() ?? fail(`${word} needs ${what}`);
    switch (word) {
      case 'create':
        await kernel.call('interface.create', { name });
        return;
      case 'destroy':
        await kernel.call('interface.destroy', { name });
        return;
      case 'up':
        return this.set({ up: true });
      case 'down':
        return this.set({ up: false });
      case 'arp':
        return this.set({ noArp: false });
      case '-arp':
        return this.set({ noArp: true });
      case 'mtu':
        return this.set({ mtu: numberOf(argument('a number')) });
      case 'lladdr':
        return this.set({ linkAddress: linkAddressOf(argument('an Ethernet address')) });
      case 'description':
      case 'descr':
        return this.set({ description: argument('a text') });
      case '-description':
      case '-descr':
        return this.set({ description: '' });
      case 'group':
        await kernel.call('interface.setGroup', { name, group: argument('a name'), member: true });
        return;
      case '-group':
        await kernel.call('interface.setGroup', { name, group: argument('a name'), member: false });
        return;
      case 'vlan':
      case 'vnetid':
        return this.vlan(numberOf(argument('a tag')), rest);
      case 'media':
      case 'mediaopt':
        argument('a name'); // a TAP has one medium
        return;
      case 'inet':
      case 'inet6':
        return this.address(rest);
      default:
        rest.unshift(word);
        return this.address(rest);
    }
  }

  /** `vlan 5 vlandev vr0` and `vnetid 5 parent vr0`. */
  private async vlan(tag: number, rest: string[]): Promise<void> {
    if (rest[0] !== 'vlandev' && rest[0] !== 'parent') fail('a vlan needs its parent: vlandev INTERFACE');
    rest.shift();
    const parent = rest.shift() ?? fail('vlandev needs an interface');
    await this.set({ vlan: { tag, parent } });
  }

  /** `[alias] ADDRESS[/LEN] [netmask M] [broadcast B] [prefixlen N] [alias | delete | anycast]`. */
  private async address(rest: string[]): Promise<void> {
    const kernel = kernelOf(this.context);
    let alias = false;
    let remove = false;
    const take = (...words: string[]) => words.includes(rest[0] ?? '') && rest.shift() !== undefined;
    if (take('alias')) alias = true;
    else if (take('-alias', 'delete')) remove = true;
    const written = rest.shift();
    if (written === undefined) {
      if (!remove) fail('an address is missing');
      return this.deleteMain();
    }
    const [text, suffix] = written.split('/') as [string, string?];
    const address = parseAddress(text) ?? fail(`${text}: bad value`);
    let length = suffix === undefined ? defaultLength(address) : lengthOf(suffix, address);
    let broadcast: Address | undefined;
    let anycast = false;
    for (;;) {
      if (take('netmask')) length = maskLength(rest.shift() ?? '') ?? fail('netmask needs a mask');
      else if (take('prefixlen')) length = lengthOf(rest.shift() ?? '', address);
      else if (take('broadcast'))
        broadcast = parseAddress(rest.shift() ?? '') ?? fail('broadcast needs an address');
      else if (take('alias')) alias = true;
      else if (take('delete', '-alias')) remove = true;
      else if (take('anycast')) anycast = true;
      else break;
    }
    if (remove) {
      await kernel.call('interface.deleteAddress', { name: this.name, address });
      return;
    }
    const info = { ...address, length, ...(broadcast ? { broadcast } : {}), ...(anycast ? { anycast } : {}) };
    await kernel.call('interface.addAddress', { name: this.name, address: info, alias });
  }

  private async deleteMain(): Promise<void> {
    const kernel = kernelOf(this.context);
    const [on] = await kernel.call('interface.list', { name: this.name });
    const main = on?.addresses.find((address) => address.family === INET);
    if (main === undefined) throw new CallError('EADDRNOTAVAIL');
    await kernel.call('interface.deleteAddress', { name: this.name, address: main });
  }
}

function fail(message: string): never {
  throw new Failure(message);
}

function numberOf(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : fail(`${text}: not a number`);
}

function linkAddressOf(text: string): readonly number[] {
  return parseLinkAddress(text) ?? fail(`${text}: not an Ethernet address`);
}

function lengthOf(text: string, address: Address): number {
  const length = numberOf(text);
  return length <= addressBits(address.family) ? length : fail(`${text}: bad prefix length`);
}

/** Without a mask: the class of an IPv4 address, 64 for IPv6. */
function defaultLength(address: Address): number {
  if (address.family !== INET) return 64;
  const top = address.words[0]! >>> 24;
  return top < 128 ? 8 : top < 192 ? 16 : 24;
}
