// SPDX-License-Identifier: ISC
//
// The parameters of ifconfig(8): the words behind the interface's name, one after the other; addresses last, as the original does, for
// a carp interface needs its parent first.

import { type Address, addressBits, INET } from '../../../abi/address.ts';
import { parseAddress, parseLinkAddress } from '../../../abi/addressText.ts';
import { CallError } from '../../../abi/errno.ts';
import type { InterfaceCalls } from '../../../abi/interface.ts';
import { maskLength } from '../../config/hostnameIf.ts';
import type { CommandContext } from '../command.ts';
import { Failure, kernelOf } from '../failure.ts';
import { CARP_PARAMETERS, type CarpChange } from './carp.ts';
import { PFSYNC_PARAMETERS, type PfsyncChange, readSyncKey } from './pfsync.ts';

/** The words there are, for completion; the rest are addresses. */
export const PARAMETERS: readonly string[] = [
  ...['inet', 'inet6', 'up', 'down', 'mtu', 'group', '-group', 'description', '-description', 'lladdr'],
  ...['arp', '-arp', 'vlan', 'vnetid', 'create', 'destroy'],
  ...Object.keys(CARP_PARAMETERS),
  ...Object.keys(PFSYNC_PARAMETERS),
  'synckey',
];

/** Works through the words behind the interface's name, one parameter after the other. */
export class Setter {
  private readonly name: string;
  private readonly context: CommandContext;
  /** What is set of a carp or pfsync interface, in one call; and the addresses. */
  private carp: CarpChange = {};
  private pfsync: PfsyncChange = {};
  private readonly addresses: (() => Promise<void>)[] = [];

  constructor(name: string, context: CommandContext) {
    this.name = name;
    this.context = context;
  }

  async apply(words: readonly string[]): Promise<void> {
    const rest = [...words];
    while (rest.length > 0) await this.parameter(rest);
    if (Object.keys(this.carp).length > 0) {
      await kernelOf(this.context).call('carp.set', { name: this.name, ...this.carp });
    }
    if (Object.keys(this.pfsync).length > 0) {
      await kernelOf(this.context).call('pfsync.set', { name: this.name, ...this.pfsync });
    }
    for (const set of this.addresses) await set();
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
      case 'synckey':
        this.pfsync = { ...this.pfsync, ...(await readSyncKey(this.context, argument('a file'))) };
        return;
      case 'inet':
      case 'inet6':
        return this.address(rest);
      default:
        return this.special(word, rest, argument);
    }
  }

  /** What belongs to one kind of interface; anything else must be an address. */
  private special(word: string, rest: string[], argument: (what: string) => string): void {
    const carp = CARP_PARAMETERS[word]?.(argument);
    const pfsync = PFSYNC_PARAMETERS[word]?.(argument);
    if (carp !== undefined || pfsync !== undefined) {
      this.carp = { ...this.carp, ...carp };
      this.pfsync = { ...this.pfsync, ...pfsync };
      return;
    }
    rest.unshift(word);
    this.address(rest);
  }

  /** `vlan 5 vlandev vr0` and `vnetid 5 parent vr0`. */
  private async vlan(tag: number, rest: string[]): Promise<void> {
    if (rest[0] !== 'vlandev' && rest[0] !== 'parent') fail('a vlan needs its parent: vlandev INTERFACE');
    rest.shift();
    const parent = rest.shift() ?? fail('vlandev needs an interface');
    await this.set({ vlan: { tag, parent } });
  }

  /** `[alias] ADDRESS[/LEN] [netmask M] [broadcast B] [prefixlen N] [alias | delete | anycast]`. */
  private address(rest: string[]): void {
    const kernel = kernelOf(this.context);
    const { name } = this;
    let alias = false;
    let remove = false;
    const take = (...words: string[]) => words.includes(rest[0] ?? '') && rest.shift() !== undefined;
    if (take('alias')) alias = true;
    else if (take('-alias', 'delete')) remove = true;
    const written = rest.shift();
    if (written === undefined) {
      if (!remove) fail('an address is missing');
      this.addresses.push(() => this.deleteMain());
      return;
    }
    const [text, suffix] = written.split('/') as [string, string?];
    const address =
      parseAddress(text) ?? fail(`${text}: bad value; an address is written as in 192.0.2.1/24`);
    let length = suffix === undefined ? defaultLength(address) : lengthOf(suffix, address);
    let broadcast: Address | undefined;
    let anycast = false;
    for (;;) {
      if (take('netmask'))
        length =
          maskLength(rest.shift() ?? '') ?? fail('netmask needs a mask, as 255.255.255.0 or 0xffffff00');
      else if (take('prefixlen')) length = lengthOf(rest.shift() ?? '', address);
      else if (take('broadcast'))
        broadcast = parseAddress(rest.shift() ?? '') ?? fail('broadcast needs an address');
      else if (take('alias')) alias = true;
      else if (take('delete', '-alias')) remove = true;
      else if (take('anycast')) anycast = true;
      else break;
    }
    if (remove) {
      this.addresses.push(async () => {
        await kernel.call('interface.deleteAddress', { name, address });
      });
      return;
    }
    const info = { ...address, length, ...(broadcast ? { broadcast } : {}), ...(anycast ? { anycast } : {}) };
    this.addresses.push(async () => {
      await kernel.call('interface.addAddress', { name, address: info, alias });
    });
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
