// SPDX-License-Identifier: ISC
//
// Prints neighbour discovery; flags, timers and options with -v.

import { i32 } from '../../wire/bytes.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as nd6 from '../../wire/nd6.ts';
import { address6, captured, etherAddress, type Frame } from './frame.ts';

/** Positions in the RDNSS option (RFC 8106 5.1). */
const RDNSS_LIFETIME = 4;
const RDNSS_ADDRESSES = 8;

/** `length` is the bytes from `at` on. Undefined when the fixed part was not captured. */
export function printNd6(frame: Frame, at: number, length: number): string | undefined {
  const { bytes } = frame;
  const verbose = frame.options.verbose > 0;
  const type = icmp6.type(bytes, at);
  const options = () => (verbose ? printOptions(frame, nd6.optionsAt(bytes, at), at + length) : '');
  if (type === icmp6.TYPE_ROUTER_SOLICITATION) return `icmp6: router solicitation ${options()}`;
  if (type === icmp6.TYPE_ROUTER_ADVERTISEMENT && !verbose) return 'icmp6: router advertisement';
  if (!captured(frame, at, nd6.fixedLength(type))) return undefined;
  return printFixed(frame, at, type, verbose) + options();
}

function printFixed(frame: Frame, at: number, type: number, verbose: boolean): string {
  if (type === icmp6.TYPE_ROUTER_ADVERTISEMENT)
    return `icmp6: router advertisement(${routerFields(frame, at)})`;
  const target = address6(frame, nd6.targetAt(at));
  if (type === icmp6.TYPE_NEIGHBOR_SOLICITATION) return `icmp6: neighbor sol: who has ${target}`;
  if (type === icmp6.TYPE_REDIRECT) {
    return `icmp6: redirect ${address6(frame, nd6.redirectDestinationAt(at))} to ${target}`;
  }
  const flags = verbose ? neighborFlags(nd6.flags(frame.bytes, at)) : '';
  return `icmp6: neighbor adv: tgt is ${target}${flags}`;
}

function neighborFlags(flags: number): string {
  const letters =
    ((flags & nd6.FLAG_ROUTER) !== 0 ? 'R' : '') +
    ((flags & nd6.FLAG_SOLICITED) !== 0 ? 'S' : '') +
    ((flags & nd6.FLAG_OVERRIDE) !== 0 ? 'O' : '');
  return letters === '' ? '' : `(${letters})`;
}

function routerFields(frame: Frame, at: number): string {
  const { bytes } = frame;
  const flags = nd6.routerFlags(bytes, at);
  const letters = ((flags & nd6.FLAG_MANAGED) !== 0 ? 'M' : '') + ((flags & nd6.FLAG_OTHER) !== 0 ? 'O' : '');
  return [
    `chlim=${nd6.currentHopLimit(bytes, at)}`,
    ...(letters === '' ? [] : [letters]),
    `pref=${preference(flags)}`,
    `router_ltime=${nd6.routerLifetime(bytes, at)}`,
    `reachable_time=${nd6.reachableTime(bytes, at) >>> 0}`,
    `retrans_time=${nd6.retransmitTimer(bytes, at) >>> 0}`,
  ].join(', ');
}

/** RFC 4191 2.1: two bits, signed. */
function preference(flags: number): string {
  return ['medium', 'high', 'rsv', 'low'][(flags & nd6.PREFERENCE_MASK) >>> 3]!;
}

function printOptions(frame: Frame, from: number, end: number): string {
  let text = '';
  let at = from;
  while (at + 2 <= end && captured(frame, at, 2)) {
    const length = nd6.optionLength(frame.bytes, at, Math.min(end, frame.end));
    if (length === 0) return `${text}[ndp opt]`;
    text += printOption(frame, at, length);
    at += length;
  }
  return text;
}

function printOption(frame: Frame, at: number, length: number): string {
  const { bytes } = frame;
  const type = nd6.optionType(bytes, at);
  const odd = (expected: number) => (length === expected ? '' : '!');
  switch (type) {
    case nd6.OPTION_SOURCE_LLADDR:
      return `(src lladdr: ${etherAddress(frame, nd6.lladdrAt(at))}${odd(nd6.LLADDR_OPTION_LENGTH)})`;
    case nd6.OPTION_TARGET_LLADDR:
      return `(tgt lladdr: ${etherAddress(frame, nd6.lladdrAt(at))}${odd(nd6.LLADDR_OPTION_LENGTH)})`;
    case nd6.OPTION_PREFIX:
      if (length < nd6.PREFIX_OPTION_LENGTH) return '[ndp opt]';
      return `(prefix info: ${prefixFields(frame, at)}${odd(nd6.PREFIX_OPTION_LENGTH)})`;
    case nd6.OPTION_REDIRECTED:
      return '(redirect)';
    case nd6.OPTION_MTU:
      return `(mtu: mtu=${nd6.optionMtu(bytes, at) >>> 0}${odd(nd6.MTU_OPTION_LENGTH)})`;
    case nd6.OPTION_RDNSS:
      return `(rdnss: ${servers(frame, at, length)})`;
    case nd6.OPTION_DNSSL:
      return `(dnssl: opt_len=${length >>> 3})`;
    default:
      return `(unknown opt_type=${type}, opt_len=${length >>> 3})`;
  }
}

function prefixFields(frame: Frame, at: number): string {
  const { bytes } = frame;
  const flags = nd6.prefixFlags(bytes, at);
  const letters =
    ((flags & nd6.PREFIX_ON_LINK) !== 0 ? 'L' : '') + ((flags & nd6.PREFIX_AUTONOMOUS) !== 0 ? 'A' : '');
  const valid = lifetime(nd6.prefixValidLifetime(bytes, at));
  const preferred = lifetime(nd6.prefixPreferredLifetime(bytes, at));
  const prefix = `${address6(frame, nd6.prefixAddressAt(at))}/${nd6.prefixLength(bytes, at)}`;
  const space = flags === 0 ? '' : ' ';
  return `${letters}${space}valid_ltime=${valid}, preferred_ltime=${preferred}, prefix=${prefix}`;
}

function lifetime(seconds: number): string {
  return seconds === -1 ? 'infinity' : String(seconds >>> 0);
}

function servers(frame: Frame, at: number, length: number): string {
  let text = `lifetime=${i32(frame.bytes, at + RDNSS_LIFETIME) >>> 0}s`;
  if (length < RDNSS_ADDRESSES + 16) return `${text}!`;
  for (let server = at + RDNSS_ADDRESSES; server + 16 <= at + length; server += 16) {
    text += `, addr=${address6(frame, server)}`;
  }
  return text;
}
