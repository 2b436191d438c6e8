// SPDX-License-Identifier: ISC
//
// What is said to those who type commands of other systems, or slip.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adviceFor } from '../../../appliance/user/commands/elsewhere.ts';
import { COMMAND_NAMES } from '../../../appliance/user/commands/index.ts';

const SAID: readonly (readonly [string, RegExp])[] = [
  ['ip', /ifconfig.*route/],
  ['systemctl', /rc\.conf\.local/],
  ['rcctl', /relayd_flags/],
  ['vi', /^edit FILE/],
  ['/usr/bin/vi', /^edit FILE/],
  ['sudo', /leave it out/],
  ['iptables', /pfctl -sr/],
  ['shutdown', /^halt/],
  ['pfct', /did you mean pfctl\?/],
  ['ifconfg', /did you mean ifconfig\?/],
  ['', /^help lists the commands$/],
  ['toString', /^help lists the commands$/],
];

for (const [name, said] of SAID) {
  test(`'${name}': ${said.source}`, () => assert.match(adviceFor(name, COMMAND_NAMES), said));
}

test('no command of ours is taken for a stranger', () => {
  for (const name of COMMAND_NAMES) assert.match(adviceFor(name, []), /^help lists the commands$/);
});
