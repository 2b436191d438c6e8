// SPDX-License-Identifier: ISC
//
// Whether the parts of an expanded rule fit together, with the originals' words for what does not (pfctl(8)).

import { INET, INET6 } from '../../../../abi/address.ts';
import type { Rule } from '../../../../abi/rule.ts';

const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;

/** What is wrong with a rule of 2008 (or FreeBSD), in the order it is reported. */
export function classicProblems(rule: Rule): string[] {
  switch (rule.list) {
    case 'filter':
    case 'scrub':
      return rule.action === 'anchor' && rule.list !== 'filter' ? [] : classicFilterProblems(rule);
    case 'rdr':
      return rdrProblems(rule);
    default:
      return [];
  }
}

function classicFilterProblems(rule: Rule): string[] {
  return check([
    [portWithoutPorts(rule), 'port only applies to tcp/udp'],
    ...icmpChecks(rule),
    [overloadWithoutLimit(rule), "'overload' requires 'max-src-conn' or 'max-src-conn-rate'"],
    [wrongIcmp(rule), wrongIcmpText(rule)],
    [
      rule.allowOptions && rule.action !== 'pass' && rule.action !== 'anchor',
      'allow-opts can only be specified for pass rules',
    ],
    [fragmentBeyondHeader(rule), 'fragments can be filtered only on IP header fields'],
    [rstWithoutTcp(rule), 'return-rst can only be applied to TCP rules'],
    [nodesWithoutRule(rule), "max-src-nodes requires 'source-track rule'"],
    [rule.action === 'block' && rule.state !== undefined, "keep state on block rules doesn't make sense"],
    [sloppyProxy(rule), 'sloppy state matching cannot be used with synproxy state or modulate state'],
  ]);
}

function rdrProblems(rule: Rule): string[] {
  const ported = rule.protocol === TCP || rule.protocol === UDP;
  const operator = rule.destination.port?.operator;
  return check([
    [!ported && rule.source.port !== undefined, 'src port only applies to tcp/udp'],
    [!ported && operator !== undefined, 'dst port only applies to tcp/udp'],
    [!ported && rule.rdr?.ports !== undefined, 'rpool port only applies to tcp/udp'],
    [
      operator !== undefined && operator !== '=' && operator !== ':',
      'invalid port operator for rdr destination port',
    ],
  ]);
}

/** What is wrong with a rule of today's OpenBSD, in the order it is reported. */
export function todayProblems(rule: Rule): string[] {
  const ported = rule.protocol === TCP || rule.protocol === UDP;
  const translates = rule.nat !== undefined || rule.rdr !== undefined;
  return check([
    [rule.os !== undefined && rule.protocol !== TCP, 'os only applies to tcp'],
    [portWithoutPorts(rule), 'port only applies to tcp/udp'],
    [!ported && rule.user !== undefined, 'user only applies to tcp/udp'],
    [!ported && rule.group !== undefined, 'group only applies to tcp/udp'],
    ...icmpChecks(rule),
    [
      rule.afTo !== undefined && rule.afTo === rule.family,
      'must indicate different address family with af-to',
    ],
    [overloadWithoutLimit(rule), "'overload' requires 'max-src-conn' or 'max-src-conn-rate'"],
    [wrongIcmp(rule), wrongIcmpText(rule)],
    [
      rule.allowOptions && rule.action !== 'pass' && rule.action !== 'anchor',
      'allow-opts can only be specified for pass rules',
    ],
    [fragmentBeyondHeader(rule), 'fragments can be filtered only on IP header fields'],
    [rstWithoutTcp(rule), 'return-rst can only be applied to TCP rules'],
    [nodesWithoutRule(rule), "max-src-nodes requires 'source-track rule'"],
    [rule.action !== 'pass' && rule.state !== undefined, 'keep state is great, but only for pass rules'],
    [
      rule.route !== undefined && rule.state === undefined,
      'route-to, reply-to and dup-to require keep state',
    ],
    [sloppyProxy(rule), 'sloppy state matching cannot be used with synproxy state or modulate state'],
    [
      translates && rule.action !== 'match' && rule.state === undefined,
      'nat-to and rdr-to require keep state',
    ],
    [translates && rule.direction === undefined, 'nat-to and rdr-to require a direction'],
    [
      rule.family === INET6 && (rule.scrub?.noDf || rule.scrub?.randomId),
      'address family inet6 does not support scrub options no-df, random-id',
    ],
    [rule.action === 'match' && rule.divert !== undefined, 'divert is not supported on match rules'],
    [
      rule.action === 'match' && rule.route !== undefined,
      'route-to, reply-to and dup-to are not supported on match rules',
    ],
    [rule.action === 'match' && rule.afTo !== undefined, 'af-to is not supported on match rules'],
    [
      rule.action === 'block' && rule.route !== undefined,
      'route-to, reply-to and dup-to are not supported on block rules',
    ],
  ]);
}

function check(rows: readonly (readonly [boolean | undefined, string])[]): string[] {
  return rows.filter(([wrong]) => wrong).map(([, text]) => text);
}

function portWithoutPorts(rule: Rule): boolean {
  const ports = rule.source.port !== undefined || rule.destination.port !== undefined;
  return ports && rule.protocol !== TCP && rule.protocol !== UDP;
}

function icmpChecks(rule: Rule): readonly (readonly [boolean, string])[] {
  const given = rule.icmp !== undefined;
  return [
    [given && rule.protocol !== ICMP && rule.protocol !== ICMPV6, 'icmp-type/code only applies to icmp'],
    [given && rule.family === undefined, 'must indicate address family with icmp-type/code'],
  ];
}

function overloadWithoutLimit(rule: Rule): boolean {
  const options = rule.state?.options;
  return options?.overload !== undefined && !options.maxSrcConn && options.maxSrcConnRate === undefined;
}

function wrongIcmp(rule: Rule): boolean {
  return (
    (rule.protocol === ICMP && rule.family === INET6) || (rule.protocol === ICMPV6 && rule.family === INET)
  );
}

function wrongIcmpText(rule: Rule): string {
  const protocol = rule.protocol === ICMP ? 'icmp' : 'icmp6';
  return `proto ${protocol} doesn't match address family ${rule.family === INET ? 'inet' : 'inet6'}`;
}

function fragmentBeyondHeader(rule: Rule): boolean | undefined {
  const beyond =
    rule.source.port !== undefined ||
    rule.destination.port !== undefined ||
    (rule.flags !== undefined && rule.flags.mask !== 0) ||
    rule.icmp !== undefined;
  return rule.fragment && beyond;
}

function rstWithoutTcp(rule: Rule): boolean {
  return rule.blockReturn?.kind === 'rst' && rule.protocol !== TCP;
}

function nodesWithoutRule(rule: Rule): boolean {
  const options = rule.state?.options;
  return options?.maxSrcNodes !== undefined && options.sourceTrack !== 'rule';
}

function sloppyProxy(rule: Rule): boolean {
  return rule.state?.options.sloppy === true && rule.state.keep !== 'keep';
}
