// SPDX-License-Identifier: ISC
//
// What pf.conf(5) can say and this kernel cannot do. A load that asks for it fails whole: a rule that does less than it says
// is a hole. Queues and `set delay` shape traffic and let nothing through; they are kept for listings and not refused.

import { CallError } from '../../abi/errno.ts';
import type { Rule } from '../../abi/rule.ts';

const PROTOCOL_SCTP = 132;

/** Throws EOPNOTSUPP, with the place it was written at, when a rule needs what is not built. */
export function refuseNotBuilt(rule: Rule): void {
  const what = notBuiltIn(rule);
  if (what !== undefined) throw notBuilt(what, rule.line);
}

function notBuiltIn(rule: Rule): string | undefined {
  if (rule.afTo !== undefined && rule.route !== undefined) return `af-to with ${rule.route.kind}`;
  if (rule.afTo !== undefined && (rule.nat?.stickyAddress || rule.rdr?.stickyAddress)) {
    return 'af-to with sticky-address';
  }
  if (rule.maxPacketSize !== undefined) return 'max-pkt-size';
  if (rule.limiters !== undefined) return `a ${rule.limiters[0]!.kind} limiter`;
  if (rule.nat?.portSet !== undefined) return 'map-e-portset';
  if (rule.route?.pool?.preferIpv6) return 'prefer-ipv6-nexthop';
  if (rule.protocol === PROTOCOL_SCTP && hasPorts(rule)) return 'a port of sctp';
  return undefined;
}

function hasPorts(rule: Rule): boolean {
  return (
    rule.source.port !== undefined || rule.destination.port !== undefined || rule.rdr?.ports !== undefined
  );
}

function notBuilt(what: string, line: Rule['line']): CallError {
  const place = line === undefined ? '' : `${line.file}:${line.line}: `;
  return new CallError('EOPNOTSUPP', `${place}${what} is not supported; the rules in force stay`);
}
