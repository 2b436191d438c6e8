// SPDX-License-Identifier: ISC
//
// Whether the parts of an expanded rule fit together, with the originals' words for what does not (pfctl(8)).

import { INET, INET6 } from '../../../../abi/address.ts';
import type { Rule } from '../../../../abi/rule.ts';

const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;

/** What must not be true of a rule, and the words for it. */
type Check = readonly [wrong: (rule: Rule) => boolean | undefined, text: string | ((rule: Rule) => string)];

const ICMP_CHECKS: readonly Check[] = [
  [
    (rule) => rule.icmp !== undefined && rule.protocol !== ICMP && rule.protocol !== ICMPV6,
    'icmp-type/code only applies to icmp',
  ],
  [
    (rule) => rule.icmp !== undefined && rule.family === undefined,
    'must indicate address family with icmp-type/code',
  ],
];

/** Common to both languages, and next to each other in both. */
const SHARED_CHECKS: readonly Check[] = [
  [overloadWithoutLimit, "'overload' requires 'max-src-conn' or 'max-src-conn-rate'"],
  [wrongIcmp, wrongIcmpText],
  [
    (rule) => rule.allowOptions && rule.action !== 'pass' && rule.action !== 'anchor',
    'allow-opts can only be specified for pass rules',
  ],
  [fragmentBeyondHeader, 'fragments can be filtered only on IP header fields'],
  [rstWithoutTcp, 'return-rst can only be applied to TCP rules'],
  [nodesWithoutRule, "max-src-nodes requires 'source-track rule'"],
];

const SLOPPY: Check = [
  sloppyProxy,
  'sloppy state matching cannot be used with synproxy state or modulate state',
];

const OBSERVED: Check = [
  (rule) => rule.state?.options.observed === true && !isObservable(rule),
  'observed states are sloppy ones of tcp, made on the way in',
];

const CLASSIC_FILTER: readonly Check[] = [
  [portWithoutPorts, 'port only applies to tcp/udp'],
  ...ICMP_CHECKS,
  ...SHARED_CHECKS,
  [
    (rule) => rule.action === 'block' && rule.state !== undefined,
    "keep state on block rules doesn't make sense",
  ],
  SLOPPY,
  OBSERVED,
];

const CLASSIC_RDR: readonly Check[] = [
  [(rule) => !ported(rule) && rule.source.port !== undefined, 'src port only applies to tcp/udp'],
  [(rule) => !ported(rule) && rule.destination.port !== undefined, 'dst port only applies to tcp/udp'],
  [(rule) => !ported(rule) && rule.rdr?.ports !== undefined, 'rpool port only applies to tcp/udp'],
  [
    ({ destination: { port } }) => port !== undefined && port.operator !== '=' && port.operator !== ':',
    'invalid port operator for rdr destination port',
  ],
];

const TODAY: readonly Check[] = [
  [(rule) => rule.os !== undefined && rule.protocol !== TCP, 'os only applies to tcp'],
  [portWithoutPorts, 'port only applies to tcp/udp'],
  [(rule) => rule.user !== undefined && !ported(rule), 'user only applies to tcp/udp'],
  [(rule) => rule.group !== undefined && !ported(rule), 'group only applies to tcp/udp'],
  ...ICMP_CHECKS,
  [
    (rule) => rule.afTo !== undefined && rule.afTo === rule.family,
    'must indicate different address family with af-to',
  ],
  [(rule) => rule.afTo !== undefined && rule.direction !== 'in', 'af-to can only be used with direction in'],
  ...SHARED_CHECKS,
  [
    (rule) => rule.action !== 'pass' && rule.state !== undefined,
    'keep state is great, but only for pass rules',
  ],
  [
    (rule) => rule.route !== undefined && rule.state === undefined,
    'route-to, reply-to and dup-to require keep state',
  ],
  SLOPPY,
  OBSERVED,
  [
    (rule) => translates(rule) && rule.action !== 'match' && rule.state === undefined,
    'nat-to and rdr-to require keep state',
  ],
  [(rule) => translates(rule) && rule.direction === undefined, 'nat-to and rdr-to require a direction'],
  [
    (rule) => rule.family === INET6 && (rule.scrub?.noDf || rule.scrub?.randomId),
    'address family inet6 does not support scrub options no-df, random-id',
  ],
  [(rule) => rule.action === 'match' && rule.divert !== undefined, 'divert is not supported on match rules'],
  [
    (rule) => rule.action === 'match' && rule.route !== undefined,
    'route-to, reply-to and dup-to are not supported on match rules',
  ],
  [(rule) => rule.action === 'match' && rule.afTo !== undefined, 'af-to is not supported on match rules'],
  [
    (rule) => rule.action === 'block' && rule.route !== undefined,
    'route-to, reply-to and dup-to are not supported on block rules',
  ],
];

/** What is wrong with a rule of 2008 (or FreeBSD), in the order it is reported. */
export function classicProblems(rule: Rule): string[] {
  if (rule.list === 'rdr') return check(CLASSIC_RDR, rule);
  return rule.list === 'filter' || rule.list === 'scrub' ? check(CLASSIC_FILTER, rule) : [];
}

/** What is wrong with a rule of today's OpenBSD, in the order it is reported. */
export function todayProblems(rule: Rule): string[] {
  return check(TODAY, rule);
}

function check(checks: readonly Check[], rule: Rule): string[] {
  const wrong = checks.filter(([isWrong]) => isWrong(rule));
  return wrong.map(([, text]) => (typeof text === 'string' ? text : text(rule)));
}

function ported(rule: Rule): boolean {
  return rule.protocol === TCP || rule.protocol === UDP;
}

function translates(rule: Rule): boolean {
  return rule.nat !== undefined || rule.rdr !== undefined;
}

function portWithoutPorts(rule: Rule): boolean {
  const ports = rule.source.port !== undefined || rule.destination.port !== undefined;
  return ports && rule.protocol !== TCP && rule.protocol !== UDP;
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

function isObservable(rule: Rule): boolean {
  return rule.state?.options.sloppy === true && rule.protocol === TCP && rule.direction === 'in';
}

function sloppyProxy(rule: Rule): boolean {
  return rule.state?.options.sloppy === true && rule.state.keep !== 'keep';
}
