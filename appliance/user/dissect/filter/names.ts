// SPDX-License-Identifier: ISC
//
// What the words of a capture filter mean: networks, ports, protocols.

import { type Address, network, type Prefix, sameAddress } from '../../../abi/address.ts';
import { parseAddress, parsePrefix } from '../../../abi/addressText.ts';
import { PROTOCOL_ALIASES, PROTOCOLS, SERVICE_ALIASES, SERVICES } from '../../../abi/names.ts';

/** Names beyond the built-in ones, as a hosts file has them. */
export interface Names {
  readonly host: (name: string) => Address | undefined;
}

export const NO_NAMES: Names = { host: () => undefined };

const MAXIMUM_PORT = 65_535;

/**
 * A network: `10.0.0.0/8`, an address with a netmask, or the leading bytes of an IPv4 one (`10`, `192.0.2`). The text of the
 * mistake, if it is none.
 */
export function parseNet(text: string, mask: string | undefined): Prefix | string {
  if (mask !== undefined) return withMask(text, mask);
  const prefix = parsePrefix(text) ?? leadingBytes(text);
  if (prefix === undefined) return `unknown network '${text}'`;
  return whole(prefix, text);
}

function withMask(text: string, mask: string): Prefix | string {
  const address = parseAddress(text) ?? leadingBytes(text);
  const bits = parseAddress(mask);
  if (address?.family !== 4) return `unknown network '${text}'`;
  if (bits?.family !== 4) return `invalid netmask '${mask}'`;
  const word = bits.words[0]!;
  const length = Math.clz32(~word);
  if (length < 32 && word << length !== 0) return `non-contiguous netmask '${mask}'`;
  return whole({ ...address, length }, `${text} mask ${mask}`);
}

/** A network has no bits set behind its length. */
function whole(prefix: Prefix, text: string): Prefix | string {
  return sameAddress(network(prefix), prefix) ? prefix : `non-network bits set in '${text}'`;
}

function leadingBytes(text: string): Prefix | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){0,2}$/.test(text)) return undefined;
  const length = 8 * text.split('.').length;
  const address = parseAddress(`${text}${'.0'.repeat(4 - length / 8)}`);
  return address === undefined ? undefined : { ...address, length };
}

export interface PortRange {
  readonly protocol: 'tcp' | 'udp' | undefined;
  readonly low: number;
  readonly high: number;
}

/**
 * A port by number or name, or with `range` two of them joined by a dash. A name that one protocol alone has, or two have with
 * different numbers, restricts to that protocol. The text of the mistake, if it is none.
 */
export function parsePortRange(
  text: string,
  protocol: 'tcp' | 'udp' | undefined,
  range: boolean,
): PortRange | string {
  const whole = parsePort(text, protocol);
  if (whole !== undefined) return whole;
  const dash = range ? text.indexOf('-') : -1;
  const low = dash < 0 ? undefined : parsePort(text.slice(0, dash), protocol);
  const high = dash < 0 ? undefined : parsePort(text.slice(dash + 1), protocol);
  if (low === undefined || high === undefined) return `unknown port${range ? ' range' : ''} '${text}'`;
  return {
    protocol,
    low: Math.min(low.low, high.low),
    high: Math.max(low.high, high.high),
  };
}

function parsePort(text: string, protocol: 'tcp' | 'udp' | undefined): PortRange | undefined {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    return number > MAXIMUM_PORT ? undefined : { protocol, low: number, high: number };
  }
  const name = SERVICE_ALIASES[text] ?? text;
  const tcp = protocol === 'udp' ? undefined : SERVICES.tcp[name];
  const udp = protocol === 'tcp' ? undefined : SERVICES.udp[name];
  const number = tcp ?? udp;
  if (number === undefined) return undefined;
  const only = tcp === udp ? protocol : tcp === undefined ? 'udp' : 'tcp';
  return { protocol: only, low: number, high: number };
}

export function parseProtocol(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) < 256 ? Number(text) : undefined;
  return PROTOCOLS[PROTOCOL_ALIASES[text] ?? text];
}
