// SPDX-License-Identifier: ISC
//
// A word in a rule into addresses: an interface or group with its modifiers, an address with or without a mask, a
// host name (pf.conf(5), "PARAMETERS"). In this order, as the originals try them.

import { addressBits, type Family, INET, INET6, network, type Prefix } from '../../../abi/address.ts';
import { parseAddress, parseShortAddress } from '../../../abi/addressText.ts';
import type { DynamicAddress } from '../../../abi/rule.ts';
import type { Diagnostics } from './diagnostics.ts';
import type { Facts, FactsAddress, FactsInterface } from './facts.ts';
import type { HostNode } from './syntax.ts';

/** Which addresses of an interface are meant: `:network`, `:broadcast`, `:peer`, and `:0` for the first only. */
export interface InterfaceModifiers {
  readonly network: boolean;
  readonly broadcast: boolean;
  readonly peer: boolean;
  readonly noAlias: boolean;
}

export const NO_MODIFIERS: InterfaceModifiers = {
  network: false,
  broadcast: false,
  peer: false,
  noAlias: false,
};

const MODIFIERS: Readonly<Record<string, keyof InterfaceModifiers>> = {
  network: 'network',
  broadcast: 'broadcast',
  peer: 'peer',
  '0': 'noAlias',
};

/** The name before the modifiers and what they say; undefined where one of them is none. */
export function splitModifiers(
  text: string,
): { readonly name: string; readonly modifiers: InterfaceModifiers } | undefined {
  const [name, ...words] = text.split(':');
  const modifiers = { ...NO_MODIFIERS };
  for (const word of words) {
    const modifier = Object.hasOwn(MODIFIERS, word) ? MODIFIERS[word] : undefined;
    if (modifier === undefined) return undefined;
    modifiers[modifier] = true;
  }
  return { name: name!, modifiers };
}

/** Whether `:network`, `:broadcast` and `:peer` are used together. */
export function modifiersConflict(modifiers: InterfaceModifiers): boolean {
  return Number(modifiers.network) + Number(modifiers.broadcast) + Number(modifiers.peer) > 1;
}

export function dynamicAddress(name: string, modifiers: InterfaceModifiers): DynamicAddress {
  return { kind: 'dynamic', interface: name, ...modifiers };
}

/**
 * Addresses of `ADDRESS[/LENGTH][@INTERFACE]`, an interface, group or host name. Undefined, with a note of what was not
 * found, when there are none.
 */
export function resolveHost(
  text: string,
  facts: Facts,
  diagnostics: Diagnostics,
): readonly HostNode[] | undefined {
  const [spec, egress] = splitEgress(text);
  const slash = spec.lastIndexOf('/');
  const name = slash < 0 ? spec : spec.slice(0, slash);
  const length = slash < 0 ? undefined : Number(spec.slice(slash + 1));
  if (length !== undefined && !(Number.isInteger(length) && length >= 0 && length <= 128)) {
    diagnostics.note(`invalid netmask '${spec.slice(slash)}'`);
    return undefined;
  }
  const found =
    // No interface's name begins with a digit.
    (/^\d/.test(name) ? undefined : interfaceHosts(name, length, facts, diagnostics)) ??
    literalHost(name, length) ??
    namedHosts(name, length, facts);
  if (found === undefined || found.length === 0) {
    diagnostics.note(`no IP address found for ${text}`);
    return undefined;
  }
  return egress === undefined ? found : found.map((host) => ({ ...host, egress }));
}

function splitEgress(text: string): [string, string | undefined] {
  const at = text.lastIndexOf('@');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1) || undefined];
}

function host(prefix: Prefix, scope?: string): HostNode {
  return { address: { kind: 'prefix', prefix }, family: prefix.family, scope, negated: false };
}

function interfaceHosts(
  text: string,
  length: number | undefined,
  facts: Facts,
  diagnostics: Diagnostics,
): readonly HostNode[] | undefined {
  const split = splitModifiers(text);
  if (split === undefined) return undefined;
  const { name, modifiers } = split;
  if (modifiersConflict(modifiers)) {
    diagnostics.note('illegal combination of interface modifiers');
    return undefined;
  }
  if ((modifiers.network || modifiers.broadcast) && length !== undefined) {
    diagnostics.note('network or broadcast lookup, but extra netmask given');
    return undefined;
  }
  if (name !== 'self' && !interfaceExists(name, facts)) return undefined;
  const hosts = addressesOf(name, modifiers, facts);
  if (hosts.length === 0) return undefined;
  return length === undefined ? hosts : hosts.map((entry) => remask(entry, length));
}

function remask(entry: HostNode, length: number): HostNode {
  const address = entry.address;
  if (address.kind !== 'prefix') return entry;
  return { ...entry, address: { kind: 'prefix', prefix: network({ ...address.prefix, length }) } };
}

/** Whether there is an interface or a group of this name. */
export function interfaceExists(name: string, facts: Facts): boolean {
  return facts.interfaces.has(name) || groupMembers(name, facts).length > 0;
}

function groupMembers(name: string, facts: Facts): string[] {
  return [...facts.interfaces].filter(([, entry]) => entry.groups.includes(name)).map(([member]) => member);
}

/** All addresses that an interface, a group or `self` stands for. */
export function addressesOf(name: string, modifiers: InterfaceModifiers, facts: Facts): readonly HostNode[] {
  const members = groupMembers(name, facts);
  const names = name === 'self' ? [...facts.interfaces.keys()] : members.length > 0 ? members : [name];
  return names.flatMap((member) => {
    const entry = facts.interfaces.get(member);
    return entry === undefined ? [] : interfaceAddresses(entry, modifiers);
  });
}

function interfaceAddresses(entry: FactsInterface, modifiers: InterfaceModifiers): HostNode[] {
  const seen = new Set<Family>();
  const hosts: HostNode[] = [];
  for (const address of entry.addresses) {
    const family = address.prefix.family;
    if (modifiers.broadcast && (family !== INET || !entry.broadcast)) continue;
    if (modifiers.peer && !entry.pointToPoint) continue;
    if (modifiers.network && address.scope !== undefined) continue;
    if (modifiers.noAlias && seen.has(family)) continue;
    seen.add(family);
    const prefix = chosenPrefix(address, entry, modifiers);
    if (prefix !== undefined) hosts.push(host(prefix, address.scope));
  }
  return hosts;
}

function chosenPrefix(
  address: FactsAddress,
  entry: FactsInterface,
  modifiers: InterfaceModifiers,
): Prefix | undefined {
  const { prefix } = address;
  const full = addressBits(prefix.family);
  if (modifiers.broadcast) return address.broadcast && { ...address.broadcast, length: full };
  if (modifiers.peer) return address.peer && { ...address.peer, length: full };
  if (modifiers.network) return network(prefix);
  // A loopback with link1 stands for its whole network (lo(4)); the address keeps its host bits.
  if (prefix.family === INET && entry.loopback && entry.wholeNetwork) return prefix;
  return { ...prefix, length: full };
}

function literalHost(text: string, length: number | undefined): readonly HostNode[] | undefined {
  const [bare, scope] = text.split('%') as [string, string?];
  const address = parseAddress(bare) ?? (length === undefined ? undefined : parseShortAddress(bare));
  if (address === undefined) return undefined;
  if (scope !== undefined && address.family !== INET6) return undefined;
  return [host(network({ ...address, length: length ?? addressBits(address.family) }), scope)];
}

function namedHosts(text: string, length: number | undefined, facts: Facts): readonly HostNode[] | undefined {
  const first = text.endsWith(':0');
  const addresses = facts.hosts.get(first ? text.slice(0, -2) : text);
  if (addresses === undefined) return undefined;
  const seen = new Set<Family>();
  return addresses
    .filter((address) => {
      const known = seen.has(address.family);
      seen.add(address.family);
      return !(first && known);
    })
    .map((address) => host(network({ ...address, length: length ?? addressBits(address.family) })));
}
