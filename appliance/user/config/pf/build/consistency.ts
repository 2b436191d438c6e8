// SPDX-License-Identifier: ISC
//
// Whether the parts of an expanded rule fit together, with the originals' words for what does not (pfctl(8)).

import { INET, INET6 } from '../../../../abi/address.ts';
import type { Dialect, Rule } from '../../../../abi/rule.ts';
import type { Traits } from '../dialect.ts';

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

/** FreeBSD's sctp has ports too: they are checked by the dialect's list of protocols, in front of these. */
const CLASSIC_FILTER: readonly Check[] = [
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
  [
    ({ destination: { port } }) => port !== undefined && port.operator !== '=' && port.operator !== ':',
    'invalid port operator for rdr destination port',
  ],
];

/** `match`, and what translates and routes in filter rules. */
const TARGETS: readonly Check[] = [
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

const AF_TO: readonly Check[] = [
  [
    (rule) => rule.afTo !== undefined && rule.afTo === rule.family,
    'must indicate different address family with af-to',
  ],
  [(rule) => rule.afTo !== undefined && rule.direction !== 'in', 'af-to can only be used with direction in'],
];

const FREEBSD_FILTER: readonly Check[] = [
  ...AF_TO,
  ...CLASSIC_FILTER,
  [
    (rule) => rule.action === 'match' && rule.state !== undefined,
    'keep state is great, but only for pass rules',
  ],
  ...TARGETS,
];

const TODAY: readonly Check[] = [
  [(rule) => rule.user !== undefined && !ported(rule), 'user only applies to tcp/udp'],
  [(rule) => rule.group !== undefined && !ported(rule), 'group only applies to tcp/udp'],
  ...ICMP_CHECKS,
  ...AF_TO,
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
  ...TARGETS,
];

/** What is wrong with a rule, in the order it is reported. */
export function problemsOf(rule: Rule, traits: Traits): string[] {
  if (rule.list === 'nat' || rule.list === 'binat') return [];
  let checks = checksOf.get(traits.dialect);
  if (checks === undefined) {
    checks = makeChecks(traits);
    checksOf.set(traits.dialect, checks);
  }
  return check(rule.list === 'rdr' ? checks.rdr : checks.filter, rule);
}

/** Made once for each dialect: there are as many calls as rules. */
const checksOf = new Map<Dialect, ReturnType<typeof makeChecks>>();

const OS_WITHOUT_TCP: Check = [
  (rule) => rule.os !== undefined && rule.protocol !== TCP,
  'os only applies to tcp',
];

function makeChecks(traits: Traits): { readonly filter: readonly Check[]; readonly rdr: readonly Check[] } {
  const ports = portChecks(traits);
  const rdr = [...ports.rdr, ...CLASSIC_RDR];
  if (!traits.classicRules) return { filter: [OS_WITHOUT_TCP, ports.filter, ...TODAY], rdr };
  return { filter: [ports.filter, ...(traits.todaysRules ? FREEBSD_FILTER : CLASSIC_FILTER)], rdr };
}

/** Ports are for protocols that have them. */
function portChecks({ portProtocols, portProtocolNames }: Traits): { filter: Check; rdr: readonly Check[] } {
  const without = (rule: Rule) => rule.protocol === undefined || !portProtocols.has(rule.protocol);
  const text = `port only applies to ${portProtocolNames}`;
  const source: Check[0] = (rule) => without(rule) && rule.source.port !== undefined;
  const destination: Check[0] = (rule) => without(rule) && rule.destination.port !== undefined;
  return {
    filter: [(rule) => source(rule) || destination(rule), text],
    rdr: [
      [source, `src ${text}`],
      [destination, `dst ${text}`],
      [(rule) => without(rule) && rule.rdr?.ports !== undefined, `rpool ${text}`],
    ],
  };
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
