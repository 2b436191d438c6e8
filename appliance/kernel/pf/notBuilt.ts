// SPDX-License-Identifier: ISC
//
// What pf.conf(5) can say and this kernel cannot do. A load that asks for it fails whole: a rule that does less than it says
// is a hole. Queues and `set delay` shape traffic and let nothing through; they are kept for listings and not refused.

import { CallError } from '../../abi/errno.ts';
import type { Rule } from '../../abi/rule.ts';

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
  return undefined;
}

function notBuilt(what: string, line: Rule['line']): CallError {
  const place = line === undefined ? '' : `${line.file}:${line.line}: `;
  return new CallError('EOPNOTSUPP', `${place}${what} is not supported; the rules in force stay`);
}
