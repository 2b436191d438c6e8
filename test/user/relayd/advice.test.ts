// SPDX-License-Identifier: ISC
//
// What relayd says of a main ruleset in which its redirections do not work.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dialect } from '../../../appliance/abi/rule.ts';
import { parsePfConf } from '../../../appliance/user/config/pf/pfConf.ts';
import type { RedirectConf } from '../../../appliance/user/config/relayd/configuration.ts';
import { adviceOn } from '../../../appliance/user/relayd/advice.ts';

function advice(dialect: Dialect, kind: 'forward' | 'route', text: string): string {
  const { rulesets, errors } = parsePfConf(text, 'f', { dialect });
  assert.equal(errors, 0);
  return adviceOn(rulesets.get('')!.rules, [{ name: 'www', kind } as RedirectConf], dialect).join();
}

const STRICT = /rule \d of the main ruleset makes strict states/;

const CASES: readonly (readonly [string, Dialect, 'forward' | 'route', string, RegExp])[] = [
  ['no anchor', 'openbsd', 'route', 'pass', /has no anchor "relayd/],
  ['another anchor', 'openbsd', 'route', 'anchor "relayd/other"', /has no anchor/],
  ['no rdr-anchor in 2008', 'openbsd-2008', 'forward', 'anchor "relayd/*"', /has no rdr-anchor/],
  ['the article', 'openbsd-2008', 'route', 'rdr-anchor "relayd/*"\nanchor "relayd/*"', /^$/],
  ['2008 looks once', 'openbsd-2008', 'route', 'pass quick\nanchor "relayd/*"', /^$/],
  ['its own anchor', 'openbsd', 'route', 'anchor "relayd/www"', /^$/],
  ['a pass behind or before it', 'openbsd', 'route', 'pass\nanchor "relayd/*"\npass', /^$/],
  ['a quick pass before it', 'openbsd', 'route', 'pass quick\nanchor "relayd/*"', STRICT],
  ['inbound only', 'openbsd', 'route', 'pass in quick\nanchor "relayd/*"', /^$/],
  ['without states', 'openbsd', 'route', 'pass out quick no state\nanchor "relayd/*"', /^$/],
  ['sloppy', 'openbsd', 'route', 'pass out quick keep state (sloppy)\nanchor "relayd/*"', /^$/],
  ['another protocol', 'openbsd', 'route', 'pass out quick proto udp\nanchor "relayd/*"', /^$/],
  ['an anchor for one direction', 'openbsd', 'route', 'anchor "relayd/*" in\npass', STRICT],
  ['forwarding has whole states', 'openbsd', 'forward', 'pass quick\nanchor "relayd/*"', /^$/],
];

for (const [name, dialect, kind, text, expected] of CASES) {
  test(name, () => assert.match(advice(dialect, kind, `${text}\n`), expected));
}
