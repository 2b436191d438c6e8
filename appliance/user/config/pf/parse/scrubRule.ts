// SPDX-License-Identifier: ISC
//
// scrub rules of 2008 (pf.conf(5) of OpenBSD 4.4, "TRAFFIC NORMALIZATION").

import { expandRule } from '../build/expand.ts';
import type { Parsing } from '../parsing.ts';
import { parseDirection, parseFamily, parseInterfaces, parseLogQuick, parseProtocols } from './criteria.ts';
import { checkOrder, checkTags, endStatement } from './filterRule.ts';
import { parseHosts } from './hosts.ts';
import { parseScrubRuleOptions } from './scrub.ts';

/** One scrub rule; `no` and `scrub` have been taken. */
export function parseScrubRule(p: Parsing, no: boolean): void {
  const { cursor } = p;
  const direction = parseDirection(p);
  const { log, quick } = parseLogQuick(p);
  const interfaces = parseInterfaces(p);
  const family = parseFamily(p);
  const protocols = parseProtocols(p);
  const hosts = parseHosts(p);
  const { scrub, rtable, tagged } = parseScrubRuleOptions(p);
  endStatement(p);
  checkOrder(p, 'scrub');
  if (quick) cursor.fail("scrub rules do not support 'quick'");
  if (scrub.reassembleTcp && direction !== undefined) {
    cursor.fail('reassemble tcp rules can not specify direction');
  }
  checkTags(p, tagged?.name);
  expandRule(p, {
    template: {
      list: 'scrub',
      action: 'scrub',
      no: no || undefined,
      direction,
      log,
      quick: false,
      family,
      scrub,
      tagged,
      rtable,
      line: { file: cursor.file, line: cursor.line },
    },
    lists: { interfaces, protocols, hosts },
  });
}
