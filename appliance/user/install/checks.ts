// SPDX-License-Identifier: ISC
//
// What the installer takes for an answer, and the sentence for what it does not.

import { type Address, contains, type Family, INET, type Prefix } from '../../abi/address.ts';
import { formatAddress, parseAddress, parsePrefix } from '../../abi/addressText.ts';
import { maskLength } from '../config/hostnameIf.ts';
import type { Check } from './dialogue.ts';

/** A host name, short enough that TAPs can be named after it. */
export const hostName: Check<string> = (answer) =>
  /^[A-Za-z0-9][A-Za-z0-9-]{0,9}$/.test(answer)
    ? { value: answer }
    : { problem: 'A name has 1 to 10 letters, digits and hyphens, and begins with a letter or digit.' };

export function numberIn(low: number, high: number): Check<number> {
  return (answer) =>
    /^\d{1,9}$/.test(answer) && Number(answer) >= low && Number(answer) <= high
      ? { value: Number(answer) }
      : { problem: `A number from ${low} to ${high} is needed.` };
}

export const yesOrNo: Check<boolean> = (answer) =>
  /^(y|yes|n|no)$/i.test(answer) ? { value: /^y/i.test(answer) } : { problem: 'Please answer yes or no.' };

export function oneOf<T extends string>(words: readonly T[]): Check<T> {
  return (answer) => {
    const word = words.find((one) => one === answer) ?? words.find((one) => answer && one.startsWith(answer));
    return word === undefined ? { problem: `One of these is needed: ${words.join(', ')}.` } : { value: word };
  };
}

/** `none`, or what the check takes. */
export function optional<T>(check: Check<T>): Check<T | undefined> {
  return (answer) => (answer === 'none' || answer === '' ? { value: undefined } : check(answer));
}

/** An interface's own address, with or without its prefix length. */
export function ownAddress(family: Family): Check<Address | Prefix> {
  const example = family === INET ? '192.0.2.1/24' : '2001:db8::1/64';
  return (answer) => {
    const found = answer.includes('/') ? parsePrefix(answer) : parseAddress(answer);
    if (found?.family === family) return { value: found };
    return { problem: `An IPv${family} address is needed, as in ${example}, or none.` };
  };
}

/** A netmask, or the length of a prefix. */
export function prefixLength(family: Family): Check<number> {
  const most = family === INET ? 32 : 128;
  const example = family === INET ? '255.255.255.0 or 24' : '64';
  return (answer) => {
    const digits = /^\/?(\d{1,3})$/.exec(answer)?.[1];
    const length = digits === undefined && family === INET ? maskLength(answer) : Number(digits);
    if (length !== undefined && length <= most) return { value: length };
    return { problem: `A ${family === INET ? 'netmask' : 'prefix length'} is needed, as in ${example}.` };
  };
}

/** A gateway that one of the interfaces reaches. */
export function gateway(family: Family, addresses: readonly Prefix[]): Check<Address> {
  return (answer) => {
    const address = parseAddress(answer);
    if (address?.family !== family) return { problem: `An IPv${family} address is needed, or none.` };
    const reachable = addresses.some((one) => contains(one, address));
    return reachable
      ? { value: address }
      : { problem: `${formatAddress(address)} is in the network of none of the interfaces.` };
  };
}

export const addresses: Check<readonly Address[]> = (answer) => {
  const found = answer.split(/[\s,]+/).map(parseAddress);
  const good = found.filter((one) => one !== undefined);
  return good.length === found.length
    ? { value: good }
    : { problem: 'Addresses with blanks between them are needed, as in 10.0.0.10 10.0.0.11.' };
};

export const address: Check<Address> = (answer) => {
  const found = parseAddress(answer);
  return found === undefined ? { problem: `'${answer}' is not an address.` } : { value: found };
};

export const bridgeName: Check<string> = (answer) =>
  /^[\w.-]{1,15}$/.test(answer)
    ? { value: answer }
    : { problem: 'The name of a bridge of this Linux is needed (at most 15 characters), or none.' };

export const secret: Check<string> = (answer) =>
  /^[^\s"'#]{6,19}$/.test(answer)
    ? { value: answer }
    : { problem: 'A passphrase of 6 to 19 characters without blanks, quotes and # is needed.' };

export const password: Check<string> = (answer) =>
  answer === '' || answer.length >= 6
    ? { value: answer }
    : { problem: 'Please enter a longer password (6 characters), or none to do without a login.' };
