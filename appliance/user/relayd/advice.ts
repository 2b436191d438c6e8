// SPDX-License-Identifier: ISC
//
// What in the main ruleset keeps redirections from working: nobody calls their anchors, or today's pf, which looks at a routed
// packet once more on its way out, gets a strict state for half a connection there (it stalls after 64 KB of upload).

import { PROTOCOLS } from '../../abi/names.ts';
import type { Dialect, Rule, RuleList } from '../../abi/rule.ts';
import type { RedirectConf } from '../config/relayd/configuration.ts';

/** One line for each thing that an administrator should know. `rules` are those of the main ruleset, in order. */
export function adviceOn(
  rules: readonly Rule[],
  redirects: readonly RedirectConf[],
  dialect: Dialect,
): readonly string[] {
  return redirects.flatMap((redirect) => {
    const list: RuleList = dialect !== 'openbsd' && redirect.kind === 'forward' ? 'rdr' : 'filter';
    const place = rules.findIndex((rule) => rule.list === list && calls(rule, redirect));
    if (place < 0) {
      const word = list === 'rdr' ? 'rdr-anchor' : 'anchor';
      return [
        `redirection ${redirect.name}: the main ruleset has no ${word} "relayd/*", so nothing is redirected`,
      ];
    }
    if (dialect !== 'openbsd' || redirect.kind !== 'route') return [];
    const strict = rules.findIndex(
      (rule, i) => takesRouted(rule) && (rule.quick ? i < place : !seesOut(rules[place]!)),
    );
    if (strict < 0) return [];
    return [
      `redirection ${redirect.name}: rule ${strict} of the main ruleset makes strict states for packets that are routed to ` +
        'hosts, and uploads will stall; have anchor "relayd/*" before it, for both directions',
    ];
  });
}

/** Whether this rule calls the anchor of a redirection. */
function calls(rule: Rule, redirect: RedirectConf): boolean {
  return rule.anchor === 'relayd/*' || rule.anchor === `relayd/${redirect.name}`;
}

function seesOut(rule: Rule): boolean {
  return rule.direction !== 'in';
}

/** Whether a TCP packet on its way out may get a state here that follows both sides' sequence numbers. */
function takesRouted(rule: Rule): boolean {
  return (
    rule.list === 'filter' &&
    rule.action === 'pass' &&
    seesOut(rule) &&
    (rule.protocol === undefined || rule.protocol === PROTOCOLS.tcp) &&
    rule.state !== undefined &&
    !rule.state.options.sloppy
  );
}
