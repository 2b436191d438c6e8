// SPDX-License-Identifier: ISC
//
// What a ruleset is read against: interfaces and their addresses, names of hosts, users, protocols and services. They
// come from a facts file (`pfctl --facts`), from the running kernel, or are those of a bare machine.

import { type Address, type Family, INET, type Prefix } from '../../../abi/address.ts';
import { parseAddress, parsePrefix } from '../../../abi/addressText.ts';
import { IFF_BROADCAST, IFF_LOOPBACK, IFF_POINTOPOINT, type InterfaceInfo } from '../../../abi/interface.ts';
import { PROTOCOL_ALIASES, PROTOCOLS, SERVICE_ALIASES, SERVICES } from '../../../abi/names.ts';
import type { Dialect } from '../../../abi/rule.ts';
import { dialectByName } from './dialect.ts';

export interface FactsAddress {
  readonly prefix: Prefix;
  /** The interface that a link-local address belongs to. */
  readonly scope?: string;
  readonly broadcast?: Address;
  readonly peer?: Address;
}

export interface FactsInterface {
  readonly groups: readonly string[];
  readonly mtu: number;
  readonly loopback: boolean;
  readonly broadcast: boolean;
  readonly pointToPoint: boolean;
  /** The flag link1 of a loopback: its address stands for its whole network. */
  readonly wholeNetwork: boolean;
  readonly addresses: readonly FactsAddress[];
}

/** Names and numbers, both ways; the first name of a number is the one printed. */
export class NameTable {
  private readonly numbers: ReadonlyMap<string, number>;
  private readonly names = new Map<number, string>();

  constructor(entries: Readonly<Record<string, number>>, aliases: Readonly<Record<string, string>> = {}) {
    const numbers = new Map(Object.entries(entries));
    for (const [name, number] of numbers) if (!this.names.has(number)) this.names.set(number, name);
    for (const [alias, name] of Object.entries(aliases)) {
      const number = numbers.get(name);
      if (number !== undefined && !numbers.has(alias)) numbers.set(alias, number);
    }
    this.numbers = numbers;
  }

  number(name: string): number | undefined {
    return this.numbers.get(name);
  }

  name(number: number): string | undefined {
    return this.names.get(number);
  }
}

export interface Facts {
  readonly dialect?: Dialect;
  /** In the order of the machine. */
  readonly interfaces: ReadonlyMap<string, FactsInterface>;
  readonly hosts: ReadonlyMap<string, readonly Address[]>;
  readonly users: NameTable;
  readonly groups: NameTable;
  readonly protocols: NameTable;
  readonly services: { readonly tcp: NameTable; readonly udp: NameTable };
}

/** Users of daemons that rulesets name, by the numbers that OpenBSD gives them (passwd(5)), and groups of the same names. */
const DAEMONS = {
  build: 21,
  sshd: 27,
  _unbound: 53,
  _pbuild: 55,
  _spamd: 62,
  www: 67,
  _isakmpd: 68,
  proxy: 71,
  _bgpd: 75,
  _dhcp: 77,
  _ntp: 83,
  _ospfd: 85,
  _relayd: 89,
  _smtpd: 95,
  _ftp_proxy: 109,
};
const USERS = { root: 0, daemon: 1, operator: 2, bin: 3, ...DAEMONS, nobody: 32767 };
const GROUPS = { wheel: 0, daemon: 1, operator: 5, bin: 7, authpf: 72, ...DAEMONS, nobody: 32767 };
const LOOPBACK_MTU = 32768;

/** Facts over these interfaces with the names that every machine knows. */
export function machineFacts(
  interfaces: ReadonlyMap<string, FactsInterface>,
  hosts: ReadonlyMap<string, readonly Address[]> = new Map([
    ['localhost', [parseAddress('127.0.0.1')!, parseAddress('::1')!]],
  ]),
): Facts {
  return {
    interfaces,
    hosts,
    users: new NameTable(USERS),
    groups: new NameTable(GROUPS),
    protocols: new NameTable(PROTOCOLS, PROTOCOL_ALIASES),
    services: {
      tcp: new NameTable(SERVICES.tcp, SERVICE_ALIASES),
      udp: new NameTable(SERVICES.udp, SERVICE_ALIASES),
    },
  };
}

/** Facts of a machine that has lo0 and nothing else. */
export function bareFacts(): Facts {
  const lo0 = interfaceFacts('lo0', ['lo'], LOOPBACK_MTU, [
    address('127.0.0.1/8', 'lo0')!,
    address('::1/128', 'lo0')!,
    address('fe80::1%lo0/64', 'lo0')!,
  ]);
  return machineFacts(new Map([['lo0', lo0]]));
}

/** Facts of the interfaces that a kernel lists. */
export function factsOfInterfaces(list: readonly InterfaceInfo[]): Facts {
  return machineFacts(new Map(list.map((info) => [info.name, kernelInterface(info)])));
}

function kernelInterface(info: InterfaceInfo): FactsInterface {
  return {
    groups: info.groups,
    mtu: info.mtu,
    loopback: (info.flags & IFF_LOOPBACK) !== 0,
    broadcast: (info.flags & IFF_BROADCAST) !== 0,
    pointToPoint: (info.flags & IFF_POINTOPOINT) !== 0,
    wholeNetwork: false,
    addresses: info.addresses.map((entry) => ({
      prefix: { family: entry.family, words: entry.words, length: entry.length },
      scope: isLinkLocalPrefix(entry) ? info.name : undefined,
      broadcast: entry.broadcast,
      peer: entry.peer,
    })),
  };
}

/** The form of a facts file, as far as it is read. */
interface FactsFile {
  readonly dialect?: string;
  readonly interfaces?: Readonly<
    Record<string, { groups?: string[]; mtu?: number; addresses?: string[]; flags?: string[] }>
  >;
  readonly hosts?: Readonly<Record<string, string[]>>;
  readonly users?: Readonly<Record<string, number>>;
  readonly groups?: Readonly<Record<string, number>>;
  readonly protocols?: Readonly<Record<string, number>>;
  readonly protocolAliases?: Readonly<Record<string, string>>;
  readonly services?: {
    readonly tcp?: Readonly<Record<string, number>>;
    readonly udp?: Readonly<Record<string, number>>;
  };
}

/** Reads a facts file; throws an Error that says what is wrong. What it leaves out is as on a bare machine. */
export function parseFacts(text: string): Facts {
  const file = JSON.parse(text) as FactsFile;
  const bare = bareFacts();
  const dialect = file.dialect === undefined ? undefined : dialectByName(file.dialect);
  if (file.dialect !== undefined && dialect === undefined) throw new Error(`unknown dialect ${file.dialect}`);
  return {
    dialect,
    interfaces: file.interfaces === undefined ? bare.interfaces : fileInterfaces(file.interfaces),
    hosts: file.hosts === undefined ? bare.hosts : fileHosts(file.hosts),
    users: file.users === undefined ? bare.users : new NameTable(file.users),
    groups: file.groups === undefined ? bare.groups : new NameTable(file.groups),
    protocols:
      file.protocols === undefined
        ? bare.protocols
        : new NameTable(file.protocols, { ...PROTOCOL_ALIASES, ...file.protocolAliases }),
    services: fileServices(file.services, bare),
  };
}

function fileServices(services: FactsFile['services'], bare: Facts): Facts['services'] {
  if (services === undefined) return bare.services;
  return { tcp: serviceTable('tcp', services.tcp), udp: serviceTable('udp', services.udp) };
}

/**
 * A facts file lists the services whose names are printed. Other well-known names are still read, but a port that the
 * file does not name stays a number.
 */
function serviceTable(protocol: 'tcp' | 'udp', entries: Readonly<Record<string, number>> = {}): NameTable {
  return new ListedServices(entries, new NameTable(SERVICES[protocol], SERVICE_ALIASES));
}

class ListedServices extends NameTable {
  private readonly wellKnown: NameTable;

  constructor(entries: Readonly<Record<string, number>>, wellKnown: NameTable) {
    super(entries);
    this.wellKnown = wellKnown;
  }

  override number(name: string): number | undefined {
    return super.number(name) ?? this.wellKnown.number(name);
  }
}

function fileHosts(hosts: Readonly<Record<string, string[]>>): ReadonlyMap<string, readonly Address[]> {
  return new Map(
    Object.entries(hosts).map(([name, texts]) => [
      name,
      texts.map((text) => {
        const parsed = parseAddress(text);
        if (parsed === undefined) throw new Error(`host ${name}: bad address ${text}`);
        return parsed;
      }),
    ]),
  );
}

function fileInterfaces(
  interfaces: NonNullable<FactsFile['interfaces']>,
): ReadonlyMap<string, FactsInterface> {
  return new Map(
    Object.entries(interfaces).map(([name, entry]) => {
      const addresses = (entry.addresses ?? []).map((text) => {
        const parsed = address(text, name);
        if (parsed === undefined) throw new Error(`interface ${name}: bad address ${text}`);
        return parsed;
      });
      const facts = interfaceFacts(name, entry.groups ?? [], entry.mtu ?? 1500, addresses, entry.flags);
      return [name, facts];
    }),
  );
}

function interfaceFacts(
  name: string,
  groups: readonly string[],
  mtu: number,
  addresses: readonly FactsAddress[],
  flags: readonly string[] = [],
): FactsInterface {
  const loopback = /^lo\d+$/.test(name);
  const pointToPoint = flags.includes('pointopoint');
  const broadcast = !loopback && !pointToPoint && !/^(tun|gif|gre|pppoe|enc|pflog|pfsync)\d+$/.test(name);
  return {
    groups,
    mtu,
    loopback,
    broadcast,
    pointToPoint,
    wholeNetwork: flags.includes('link1'),
    addresses: addresses.map((entry) => (broadcast ? withBroadcast(entry) : entry)),
  };
}

function withBroadcast(entry: FactsAddress): FactsAddress {
  if (entry.prefix.family !== INET || entry.broadcast !== undefined) return entry;
  const hostBits = entry.prefix.length === 0 ? -1 : (1 << (32 - entry.prefix.length)) - 1;
  return { ...entry, broadcast: { family: INET, words: [entry.prefix.words[0]! | hostBits] } };
}

/** `ADDRESS[%SCOPE]/LENGTH`. */
function address(text: string, interfaceName: string): FactsAddress | undefined {
  const prefix = parsePrefix(text.replace(/%[^/]*/, ''));
  if (prefix === undefined) return undefined;
  const scope = /%([^/]+)/.exec(text)?.[1];
  return { prefix, scope: scope ?? (isLinkLocalPrefix(prefix) ? interfaceName : undefined) };
}

function isLinkLocalPrefix(prefix: { readonly family: Family; readonly words: readonly number[] }): boolean {
  return prefix.family !== INET && (prefix.words[0]! & 0xffc00000) === (0xfe800000 | 0);
}
