// SPDX-License-Identifier: ISC
//
// hostname.if(5): how an interface is set up at boot, line by line, as netstart(8) reads it.

import { type Address, INET, INET6 } from '../../abi/address.ts';
import { parseAddress } from '../../abi/addressText.ts';
import type { InterfaceAddress } from '../../abi/interface.ts';
import { ConfigError, type Line, significantLines } from './lines.ts';

export type HostnameLine =
  /** An address; the first of a family is set, those with `alias` are added. */
  | {
      readonly kind: 'address';
      readonly line: number;
      readonly address: InterfaceAddress;
      readonly alias: boolean;
      readonly rest: readonly string[];
    }
  /** `!command`: run a rhine command; `\$if` is the interface. */
  | { readonly kind: 'command'; readonly line: number; readonly command: string }
  /** Anything else is ifconfig(8)'s business: `up`, `mtu 1400`, `group dmz`, … */
  | { readonly kind: 'options'; readonly line: number; readonly words: readonly string[] };

const FAMILIES = ['inet', 'inet6'];

/** Reads a hostname.if file. A wrong line is told and left out; the others stand, as netstart(8) runs them one by one. */
export function parseHostnameIf(
  text: string,
  file: string,
): { readonly lines: readonly HostnameLine[]; readonly errors: readonly ConfigError[] } {
  const lines: HostnameLine[] = [];
  const errors: ConfigError[] = [];
  for (const line of significantLines(text)) {
    try {
      lines.push(parseLine(line, file));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      errors.push(error);
    }
  }
  return { lines, errors };
}

function parseLine(line: Line, file: string): HostnameLine {
  const [first] = line.words;
  if (line.text.startsWith('!')) {
    return { kind: 'command', line: line.number, command: line.text.slice(1).trim() };
  }
  if (first === 'dhcp' || first === 'autoconf' || line.words[1] === 'autoconf') {
    throw new ConfigError(
      file,
      line.number,
      `${first} is not supported; set an address (inet ADDRESS NETMASK)`,
    );
  }
  if (FAMILIES.includes(first!)) return parseAddressLine(line, file);
  return { kind: 'options', line: line.number, words: line.words };
}

/** `inet [alias] ADDRESS[/LEN] [NETMASK [BROADCAST|NONE]] [options]`, `inet6 [alias] ADDRESS[/LEN] [LEN] [options]`. */
function parseAddressLine(line: Line, file: string): HostnameLine {
  const fail = (reason: string): never => {
    throw new ConfigError(file, line.number, reason);
  };
  const words = line.words.slice(1);
  const alias = words[0] === 'alias';
  if (alias) words.shift();
  const written = words.shift() ?? fail('an address is missing');
  const [text, suffix] = written.split('/') as [string, string?];
  const family = line.words[0] === 'inet' ? INET : INET6;
  const address = parseAddress(text);
  if (address === undefined || address.family !== family)
    return fail(`${text} is not an IPv${family} address`);
  const length = suffix === undefined ? takeLength(address, words, fail) : lengthOf(suffix, family, fail);
  const broadcast = family === INET ? takeBroadcast(words, fail) : undefined;
  return {
    kind: 'address',
    line: line.number,
    address: { ...address, length, ...(broadcast === undefined ? {} : { broadcast }) },
    alias,
    rest: words,
  };
}

type Fail = (reason: string) => never;

function lengthOf(text: string, family: 4 | 6, fail: Fail): number {
  const length = Number(text);
  if (!/^\d{1,3}$/.test(text) || length > (family === INET ? 32 : 128))
    return fail(`/${text} is no prefix length`);
  return length;
}

/** The netmask or prefix length that stands behind the address; a word that is neither stays. */
function takeLength(address: Address, words: string[], fail: Fail): number {
  const [next] = words;
  if (address.family === INET6) {
    if (next === 'prefixlen') words.shift();
    if (words[0] === undefined || !/^\d+$/.test(words[0])) return 64;
    return lengthOf(words.shift()!, INET6, fail);
  }
  if (next === 'netmask') words.shift();
  const text = words[0];
  if (text === undefined) return classLength(address.words[0]!);
  const length = maskLength(text);
  if (length === undefined) return fail(`${text} is not a netmask`);
  words.shift();
  return length;
}

/** Length of `255.255.255.0` or `0xffffff00`; undefined for what is not a contiguous mask. */
export function maskLength(text: string): number | undefined {
  const word = /^0x[0-9a-f]{1,8}$/i.test(text) ? Number(text) | 0 : dottedMask(text);
  if (word === undefined) return undefined;
  const length = Math.clz32(~word);
  return word === (length === 0 ? 0 : -1 << (32 - length)) ? length : undefined;
}

function dottedMask(text: string): number | undefined {
  const address = parseAddress(text);
  return address?.family === INET ? address.words[0] : undefined;
}

/** The class of an address without a mask (RFC 791 3.2), as ifconfig(8) still does it. */
function classLength(word: number): number {
  const top = word >>> 24;
  return top < 128 ? 8 : top < 192 ? 16 : 24;
}

function takeBroadcast(words: string[], fail: Fail): Address | undefined {
  const [next] = words;
  if (next === 'NONE') {
    words.shift();
    return undefined;
  }
  if (next === 'broadcast') words.shift();
  const text = words[0];
  if (text === undefined) return undefined;
  const address = parseAddress(text);
  if (address === undefined)
    return next === 'broadcast' ? fail(`${text} is not a broadcast address`) : undefined;
  words.shift();
  return address;
}
