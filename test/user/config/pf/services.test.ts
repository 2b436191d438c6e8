// SPDX-License-Identifier: ISC
//
// Ports by the names that firewalls' rulesets use, on a machine that knows only its own services(5).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePfConf } from '../../../../appliance/user/config/pf/pfConf.ts';

test('rulesets name the services of a firewall', () => {
  const cases = [
    ['spamd', 8025],
    ['spamd-cfg', 8026],
    ['spamd-sync', 8025],
    ['ftp-proxy', 8021],
    ['microsoft-ds', 445],
    ['rsync', 873],
    ['pptp', 1723],
    ['nfs', 2049],
    ['l2tp', 1701],
  ] as const;
  for (const [name, number] of cases) {
    const { diagnostics, rulesets } = parsePfConf(`pass proto { tcp udp } to port ${name}\n`, 'pf.conf', {
      dialect: 'openbsd',
      optimization: 'none',
    });
    assert.deepEqual(diagnostics, []);
    const ports = rulesets.get('')?.rules.map((rule) => rule.destination.port);
    assert.deepEqual(
      ports,
      [1, 2].map(() => ({ operator: '=', low: number, high: 0 })),
      name,
    );
  }
});

test('rulesets name the users of daemons', () => {
  for (const name of ['_pbuild', '_spamd', 'www', 'proxy', 'nobody']) {
    const { diagnostics } = parsePfConf(`block out proto tcp user ${name} group ${name}\n`, 'pf.conf');
    assert.deepEqual(diagnostics, [], name);
  }
});
