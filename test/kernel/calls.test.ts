// SPDX-License-Identifier: ISC
//
// Calls that belong to no protocol: settings, statistics, time; what is refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallName } from '../../appliance/abi/client.ts';
import { CallError } from '../../appliance/abi/errno.ts';
import { SYSCTLS, type SysctlName } from '../../appliance/abi/system.ts';
import { World } from '../support/world.ts';

function refuses(act: () => unknown, code: string): void {
  assert.throws(act, (error) => error instanceof CallError && error.code === code);
}

test('settings begin with their defaults, are set and tell what they were', () => {
  const host = new World().host('h');
  assert.deepEqual(host.call('sysctl.get', {}), SYSCTLS);
  assert.deepEqual(host.call('sysctl.set', { name: 'net.inet.ip.ttl', value: 9 }), { previous: 64 });
  assert.deepEqual(host.call('sysctl.get', { name: 'net.inet.ip.ttl' }), { 'net.inet.ip.ttl': 9 });
});

test('settings that make no sense are refused', () => {
  const host = new World().host('h');
  const unknown = 'net.inet.ip.nonsense' as SysctlName;
  refuses(() => host.call('sysctl.get', { name: unknown }), 'ENOENT');
  refuses(() => host.call('sysctl.set', { name: unknown, value: 1 }), 'ENOENT');
  refuses(() => host.call('sysctl.set', { name: 'toString' as SysctlName, value: 1 }), 'ENOENT');
  for (const value of [-1, 0.5, Number.NaN, 2 ** 31]) {
    refuses(() => host.call('sysctl.set', { name: 'net.inet.ip.ttl', value }), 'EINVAL');
  }
});

test('time is what the kernel was told', () => {
  const world = new World();
  const host = world.host('h');
  world.run(2_500_000);
  assert.deepEqual(host.call('system.time', {}), { uptime: 2.5 });
});

test('statistics name every group, counters that are zero only when asked', () => {
  const host = new World().host('h');
  const all = host.call('system.statistics', { all: true });
  for (const group of ['ether', 'arp', 'ip', 'icmp', 'igmp', 'ip6', 'icmp6']) {
    assert.ok(Object.keys(all[group] ?? {}).length > 3, group);
  }
  assert.deepEqual(host.call('system.statistics', {}).arp, {});
});

test('an unknown call is refused', () => {
  const host = new World().host('h');
  refuses(() => host.call('no.such.call' as CallName, {} as never), 'EOPNOTSUPP');
  refuses(() => host.call('constructor' as CallName, {} as never), 'EOPNOTSUPP');
});
