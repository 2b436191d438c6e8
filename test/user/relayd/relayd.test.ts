// SPDX-License-Identifier: ISC
//
// relayd on virtual time: hosts that fail and come back, backups, switches, drains, reloads, routers, demotion, statistics.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAddress } from '../../../appliance/abi/addressText.ts';
import type { StateInfo } from '../../../appliance/abi/pf.ts';
import type { MonitorEvent } from '../../../appliance/user/relayd/control.ts';
import { RelaydWorld } from '../../support/relaydWorld.ts';

/** A redirection of these hosts on port 80, checked by connecting. */
function redirection(hosts: string, ...lines: string[]): string {
  const options = lines.map((line) => `\t${line}\n`).join('');
  return `table <t> { ${hosts} }\nredirect r {\n\tlisten on 192.0.2.1 port 80\n${options}\tforward to <t> check tcp\n}\n`;
}

const TWO = '10.0.0.1, 10.0.0.2';

async function started(text: string, up: readonly string[] = ['10.0.0.1', '10.0.0.2']): Promise<RelaydWorld> {
  const world = new RelaydWorld();
  for (const host of up) world.network.servers.set(`${host}:80`, 'silent');
  await world.start(text);
  await world.clock.advance(1_000);
  world.kernel.take();
  world.lines.splice(0);
  return world;
}

function events(world: RelaydWorld): string[] {
  const heard: string[] = [];
  world.relayd.monitor(({ event, id, name, state }: MonitorEvent) => {
    heard.push([event, id, name, state].filter((one) => one !== undefined).join(' '));
  });
  return heard;
}

describe('hosts', () => {
  test('retry: failures in a row are forgiven, and count as successes', async () => {
    const world = await started(redirection('10.0.0.1 retry 2'));
    world.network.servers.set('10.0.0.1:80', 'refuse');
    await world.clock.advance(20_000);
    const [host] = world.relayd.show().redirects[0]!.hosts;
    assert.deepEqual([host!.status, host!.successes, host!.checks, host!.retriesLeft], ['up', 3, 3, 0]);
    assert.equal(host!.outcomes, '+--');
    await world.clock.advance(10_000);
    assert.deepEqual(world.statuses(), ['10.0.0.1 down']);
    assert.equal(world.relayd.show().redirects[0]!.hosts[0]!.availability, '75.00%');
  });

  test('the first failure of all is not forgiven', async () => {
    const world = await started(redirection('10.0.0.1 retry 2'), []);
    assert.deepEqual(world.statuses(), ['10.0.0.1 down']);
  });

  test('children follow the raw result of their parent and are never asked', async () => {
    const world = await started(redirection('10.0.0.1, 10.0.0.2 parent 1 retry 1'));
    assert.deepEqual(world.statuses(), ['10.0.0.1 up', '10.0.0.2 up']);
    world.network.servers.set('10.0.0.1:80', 'refuse');
    await world.clock.advance(10_000);
    assert.deepEqual(world.statuses(), ['10.0.0.1 down', '10.0.0.2 up'], 'it has a retry of its own');
    await world.clock.advance(10_000);
    assert.deepEqual(world.statuses(), ['10.0.0.1 down', '10.0.0.2 down']);
    assert.ok(world.network.connects.every((one) => one.to === '10.0.0.1:80'));
  });

  test('a disabled host leaves at once, is not asked, and its late result is not heard', async () => {
    const world = await started(redirection(TWO));
    assert.equal(await world.relayd.switchHost('10.0.0.1', 'disabled'), true);
    assert.deepEqual(world.kernel.take(), ['replace relayd/r <r> 10.0.0.2']);
    const asked = world.network.connects.length;
    await world.clock.advance(30_000);
    assert.equal(world.network.connects.length, asked + 3);
    assert.equal(await world.relayd.switchHost('10.0.0.1', 'enabled'), true);
    assert.deepEqual(world.statuses(), ['10.0.0.1 unknown', '10.0.0.2 up']);
    assert.deepEqual(
      world.relayd.show().redirects[0]!.hosts.map(({ outcomes }) => outcomes),
      ['', '++++'],
    );
    await world.clock.advance(700_000);
    assert.equal(world.relayd.show().redirects[0]!.hosts[1]!.outcomes, '+'.repeat(60));
    assert.deepEqual(world.kernel.take(), ['replace relayd/r <r> 10.0.0.1 10.0.0.2']);
  });

  test('a child cannot be switched, nor what there is not', async () => {
    const world = await started(redirection('10.0.0.1, 10.0.0.2 parent 1'));
    assert.equal(await world.relayd.switchHost(2, 'disabled'), false);
    assert.equal(await world.relayd.switchHost('nobody', 'disabled'), false);
    assert.equal(await world.relayd.switchTable(9, false), false);
    assert.equal(await world.relayd.switchRedirect('x', false), false);
    assert.equal(await world.relayd.switchHost(1, 'disabled'), true);
    assert.deepEqual(world.statuses(), ['10.0.0.1 disabled', '10.0.0.2 disabled']);
  });

  test('a table of its own interval', async () => {
    const world = await started(redirection(TWO).replace('check tcp', 'check tcp interval 30'));
    const asked = world.network.connects.length;
    await world.clock.advance(28_000);
    assert.equal(world.network.connects.length, asked);
    await world.clock.advance(3_000);
    assert.equal(world.network.connects.length, asked + 2);
  });

  test('poll asks at once', async () => {
    const world = await started(redirection(TWO));
    const asked = world.network.connects.length;
    world.relayd.poll();
    await world.clock.advance(100);
    assert.equal(world.network.connects.length, asked + 2);
  });
});

describe('redirections', () => {
  const BACKUP =
    `table <t> { ${TWO} }\ntable <spare> { 10.0.0.9 }\nredirect r {\n\tlisten on 192.0.2.1 port 80\n` +
    '\tforward to <t> check tcp\n\tforward to <spare> check tcp\n}\n';

  test('the backup serves while the main table has nobody; rules stay', async () => {
    const world = await started(BACKUP, ['10.0.0.1', '10.0.0.9']);
    world.network.servers.set('10.0.0.1:80', 'refuse');
    await world.clock.advance(10_000);
    assert.deepEqual(world.kernel.take(), ['replace relayd/r <r> 10.0.0.9']);
    assert.equal(world.relayd.show().redirects[0]!.status, 'backup');
    world.network.servers.set('10.0.0.2:80', 'silent');
    await world.clock.advance(10_000);
    assert.deepEqual(world.kernel.take(), ['replace relayd/r <r> 10.0.0.2']);
    assert.equal(world.relayd.show().redirects[0]!.status, 'active');
  });

  test('disable: flushed, then pulled; checks go on, and enabling serves at once', async () => {
    const world = await started(redirection(TWO));
    await world.relayd.switchRedirect('r', false);
    assert.deepEqual(world.kernel.take(), [
      'flush relayd/r <r>',
      'zero relayd/r <r>',
      'load relayd/r: 0 rules',
    ]);
    await world.clock.advance(10_000);
    await world.relayd.switchRedirect(1, true);
    assert.deepEqual(world.kernel.take(), [
      'replace relayd/r <r> 10.0.0.1 10.0.0.2',
      'load relayd/r: 1 rules',
    ]);
  });

  test('a table that is disabled gives way to the backup; nothing is known of its hosts', async () => {
    const world = await started(BACKUP, ['10.0.0.1', '10.0.0.2', '10.0.0.9']);
    await world.relayd.switchTable('t:80', false);
    assert.deepEqual(world.kernel.take(), ['replace relayd/r <r> 10.0.0.9']);
    assert.deepEqual(world.statuses(), ['10.0.0.1 unknown', '10.0.0.2 unknown', '10.0.0.9 up']);
  });

  test('`disable` in the file begins without rules', async () => {
    const world = await started(redirection(TWO, 'disable'));
    assert.equal(world.relayd.show().redirects[0]!.status, 'disabled');
    assert.deepEqual(world.kernel.rules.get('relayd/r'), []);
  });

  test('sticky clients of a host that is down choose anew', async () => {
    const world = await started(redirection(TWO, 'sticky-address'));
    world.network.servers.set('10.0.0.2:80', 'refuse');
    await world.clock.advance(10_000);
    assert.deepEqual(world.kernel.take(), ['replace relayd/r <r> 10.0.0.1', 'release 10.0.0.2']);
  });

  test('what pf refuses is logged, and done in the next round', async () => {
    const world = await started(redirection(TWO));
    world.kernel.refuse.set('pf.changeTable', 'ENOMEM');
    world.network.servers.set('10.0.0.2:80', 'refuse');
    await world.clock.advance(8_999);
    assert.deepEqual(world.kernel.take(), []);
    await world.clock.advance(1_100);
    assert.match(world.lines.join('\n'), /redirection r: pf: Cannot allocate memory/);
    await world.clock.advance(10_000);
    assert.deepEqual(world.kernel.take(), ['replace relayd/r <r> 10.0.0.1']);
  });

  test('rules follow pf into another dialect', async () => {
    const world = await started(redirection(TWO));
    assert.equal(world.kernel.rules.get('relayd/r')![0]!.list, 'filter');
    world.kernel.dialect = 'openbsd-2008';
    world.kernel.emit('pf.changed', { what: 'rules' });
    await world.clock.advance(1);
    assert.equal(world.kernel.rules.get('relayd/r')![0]!.list, 'rdr');
  });
});

describe('draining', () => {
  const stateOf = (address: string) =>
    ({
      wire: { addresses: [], ports: [0, 0], family: 4 },
      stack: { addresses: [], ports: [0, 0], family: 4 },
      route: { address: parseAddress(address) },
    }) as unknown as StateInfo;

  test('no new connections; told when the last one is over', async () => {
    const world = await started(redirection(TWO));
    const heard = events(world);
    world.kernel.states = [stateOf('10.0.0.1'), stateOf('10.0.0.2')];
    await world.relayd.switchHost('10.0.0.1', 'draining');
    assert.deepEqual(world.kernel.take(), ['replace relayd/r <r> 10.0.0.2']);
    assert.equal(await world.relayd.countSessions('10.0.0.1'), 1);
    await world.clock.advance(6_000);
    assert.deepEqual(world.statuses(), ['10.0.0.1 draining', '10.0.0.2 up']);
    world.kernel.states = [stateOf('10.0.0.2')];
    await world.clock.advance(5_000);
    assert.deepEqual(world.statuses(), ['10.0.0.1 drained', '10.0.0.2 up']);
    assert.ok(heard.includes('host_drained 1'));
    assert.ok(world.lines.includes('host 10.0.0.1: drained, no sessions left'));
    await world.relayd.switchHost('10.0.0.1', 'enabled');
    assert.deepEqual(
      world.kernel.take(),
      ['replace relayd/r <r> 10.0.0.1 10.0.0.2'],
      'it was checked all the time',
    );
  });
});

describe('reloading', () => {
  test('what did not change keeps its states, statistics and rules', async () => {
    const world = await started(redirection(TWO));
    world.files.set('relayd.conf', redirection(`${TWO}, 10.0.0.3`));
    await world.relayd.reload();
    assert.deepEqual(world.statuses(), ['10.0.0.1 up', '10.0.0.2 up', '10.0.0.3 unknown']);
    assert.deepEqual(world.kernel.take(), [], 'nothing of it touches pf');
    await world.clock.advance(5_000);
    assert.deepEqual(world.statuses(), ['10.0.0.1 up', '10.0.0.2 up', '10.0.0.3 down']);
  });

  test('a wrong file leaves everything as it is', async () => {
    const world = await started(redirection(TWO));
    world.files.set('relayd.conf', 'redirect r {\n\tbogus\n}\n');
    await assert.rejects(world.relayd.reload(), { name: 'ConfigurationError' });
    await assert.rejects(world.relayd.reload('/no/such'), { code: 'ENOENT' });
    assert.deepEqual(world.statuses(), ['10.0.0.1 up', '10.0.0.2 up']);
    await world.clock.advance(10_000);
    assert.deepEqual(world.kernel.take(), []);
  });

  test('a kernel that refuses new tables leaves everything as it is', async () => {
    const world = await started(redirection(TWO));
    world.files.set('relayd.conf', redirection(TWO).replace('redirect r', 'redirect s'));
    world.kernel.refuse.set('pf.load', 'ENOMEM');
    await assert.rejects(world.relayd.reload(), { code: 'ENOMEM' });
    assert.equal(world.relayd.show().redirects[0]!.name, 'r');
    world.network.servers.set('10.0.0.2:80', 'refuse');
    await world.clock.advance(10_000);
    assert.deepEqual(world.kernel.take(), ['replace relayd/r <r> 10.0.0.1']);
  });

  test('new rules replace old ones; what vanished leaves pf', async () => {
    const world = await started(redirection(TWO));
    world.files.set('relayd.conf', redirection(TWO, 'session timeout 60'));
    await world.relayd.reload();
    assert.deepEqual(world.kernel.take(), ['load relayd/r: 1 rules']);
    world.files.set('relayd.conf', redirection(TWO).replace('redirect r', 'redirect s'));
    await world.relayd.reload();
    assert.deepEqual(world.kernel.take(), [
      'load relayd/s: 0 rules <s>',
      'load relayd/r: 0 rules',
      'kill relayd/r <r>',
      'replace relayd/s <s> 10.0.0.1 10.0.0.2',
      'load relayd/s: 1 rules',
    ]);
  });

  test('switches last; a changed check starts from nothing', async () => {
    const world = await started(redirection(TWO));
    await world.relayd.switchHost('10.0.0.1', 'disabled');
    await world.relayd.reload();
    assert.deepEqual(world.statuses(), ['10.0.0.1 disabled', '10.0.0.2 up']);
    world.files.set('relayd.conf', redirection(TWO).replace('check tcp', 'check icmp'));
    await world.relayd.reload();
    assert.deepEqual(world.statuses(), ['10.0.0.1 unknown', '10.0.0.2 unknown']);
  });
});

describe('routers', () => {
  const ROUTER =
    'table <gws> { 10.9.0.1 ip ttl 1, 10.9.0.2 ip ttl 1 }\nrouter uplinks {\n\troute 0.0.0.0/0\n\troute 10.1.0.0/16\n' +
    '\trtlabel lbd\n\tforward to <gws> check icmp\n}\n';

  test('routes through each gateway that is well', async () => {
    const world = new RelaydWorld();
    world.network.servers.set('10.9.0.1', 'silent').set('10.9.0.2', 'silent');
    await world.start(ROUTER);
    await world.clock.advance(1_000);
    assert.deepEqual(world.kernel.take().sort(), [
      'route add 0.0.0.0/0 10.9.0.1 priority 8 label lbd',
      'route add 0.0.0.0/0 10.9.0.2 priority 8 label lbd',
      'route add 10.1.0.0/16 10.9.0.1 priority 8 label lbd',
      'route add 10.1.0.0/16 10.9.0.2 priority 8 label lbd',
    ]);
    world.network.servers.delete('10.9.0.1');
    await world.clock.advance(10_200);
    assert.deepEqual(world.kernel.take(), [
      'route delete 0.0.0.0/0 10.9.0.1',
      'route delete 10.1.0.0/16 10.9.0.1',
    ]);
    await world.relayd.switchHost('10.9.0.2', 'disabled');
    assert.deepEqual(world.kernel.take(), [
      'route delete 0.0.0.0/0 10.9.0.2',
      'route delete 10.1.0.0/16 10.9.0.2',
    ]);
  });

  test('each gateway has its priority, and another one after a reload', async () => {
    const world = new RelaydWorld();
    const router = (priority: number) =>
      `table <gws> { 10.9.0.1 priority 2, 10.9.0.2 priority ${priority} }\nrouter r {\n\troute 0.0.0.0/0\n\tforward to <gws> check icmp\n}\n`;
    world.network.servers.set('10.9.0.1', 'silent').set('10.9.0.2', 'silent');
    await world.start(router(9));
    await world.clock.advance(1_000);
    assert.deepEqual(world.kernel.take(), [
      'route add 0.0.0.0/0 10.9.0.1 priority 2',
      'route add 0.0.0.0/0 10.9.0.2 priority 9',
    ]);
    world.files.set('relayd.conf', router(1));
    await world.relayd.reload();
    await world.clock.advance(1_000);
    assert.deepEqual(world.kernel.take(), [
      'route delete 0.0.0.0/0 10.9.0.2',
      'route add 0.0.0.0/0 10.9.0.2 priority 1',
    ]);
  });

  test('a routing table that there is not is refused with its line', async () => {
    const world = new RelaydWorld();
    await assert.rejects(
      world.start(ROUTER.replace('\trtlabel', '\trtable 3\n\trtlabel')),
      /^ConfigurationError: relayd\.conf:\d+: router \S+: rtable 3 does not exist, there is only 0$/,
    );
  });

  test('a router that is no longer configured takes its routes along', async () => {
    const world = new RelaydWorld();
    world.network.servers.set('10.9.0.1', 'silent').set('10.0.0.1:80', 'silent');
    await world.start(ROUTER);
    await world.clock.advance(1_000);
    world.kernel.take();
    world.files.set('relayd.conf', redirection('10.0.0.1'));
    await world.relayd.reload();
    assert.deepEqual(world.kernel.take().slice(0, 2), [
      'load relayd/r: 0 rules <r>',
      'route delete 0.0.0.0/0 10.9.0.1',
    ]);
  });
});

describe('demotion', () => {
  test('a table with nobody counts one; only that is taken back', async () => {
    const calls: string[] = [];
    const demoter = {
      add: async (group: string, difference: number) => void calls.push(`${group} ${difference}`),
      set: async (group: string, value: number) => void calls.push(`${group} = ${value}`),
    };
    const world = new RelaydWorld();
    world.network.servers.set('10.0.0.1:80', 'silent');
    await world.start(redirection('10.0.0.1').replace('check tcp', 'check tcp demote carp'), { demoter });
    assert.deepEqual(calls.splice(0), ['carp 1']);
    await world.clock.advance(1_000);
    assert.deepEqual(calls.splice(0), ['carp -1']);
    world.network.servers.set('10.0.0.1:80', 'refuse');
    await world.clock.advance(10_000);
    assert.deepEqual(calls.splice(0), ['carp 1']);
    await world.relayd.reload();
    assert.deepEqual(calls, [], 'a reload neither loses nor repeats it');
    await world.relayd.stop();
    assert.deepEqual(calls.splice(0), ['carp -1']);
  });

  test('without carp it is said once', async () => {
    const world = new RelaydWorld();
    await world.start(redirection('10.0.0.1').replace('check tcp', 'check tcp demote carp'));
    await world.clock.advance(30_000);
    assert.equal(world.lines.filter((line) => line.includes('demote carp')).length, 1);
  });
});

describe('what it says', () => {
  test('lines on changes of state', async () => {
    const world = await started(
      `log state changes\n${redirection('10.0.0.1').replace('tcp', 'http "/" code 200')}`,
    );
    world.network.servers.set('10.0.0.1:80', () => ({ say: 'HTTP/1.0 503 No\r\n\r\n', close: true }));
    await world.clock.advance(20_000);
    assert.deepEqual(world.lines, []);
    world.network.servers.set('10.0.0.1:80', () => ({ say: 'HTTP/1.0 200 OK\r\n\r\n', close: true }));
    await world.clock.advance(10_000);
    assert.deepEqual(world.lines, [
      'host 10.0.0.1, check http code (0ms,http code ok,200), state down -> up, availability 25.00%',
      'table r: 1 added, 0 deleted, 0 changed, 0 killed',
    ]);
  });

  test('every check with `log host checks`; nothing without', async () => {
    const quiet = await started(redirection('10.0.0.1'));
    await quiet.clock.advance(20_000);
    assert.deepEqual(quiet.lines, []);
    const world = await started(`log host checks\n${redirection('10.0.0.1')}`);
    await world.clock.advance(20_000);
    assert.deepEqual(world.lines, [
      'host 10.0.0.1, check tcp (0ms,tcp connect ok), state up -> up, availability 100.00%',
      'host 10.0.0.1, check tcp (0ms,tcp connect ok), state up -> up, availability 100.00%',
    ]);
  });

  test('traps are structured events', async () => {
    const world = await started(`agentx\n${redirection('10.0.0.1')}`);
    world.fields.splice(0);
    world.network.servers.set('10.0.0.1:80', 'refuse');
    await world.clock.advance(10_000);
    assert.deepEqual(world.fields, [
      {
        event: 'trap',
        host: '10.0.0.1',
        state: 'down',
        last: 'up',
        successes: 1,
        checks: 2,
        table: 't:80',
        up: 0,
        retry: 0,
        retriesLeft: 0,
      },
    ]);
  });

  test('a relay is told of once, shown and not started', async () => {
    const world = new RelaydWorld();
    await world.start(
      'table <t> { 10.0.0.1 }\nrelay y {\n\tlisten on ::1 port 80\n\tforward to <t> check tcp\n}\n',
    );
    await world.clock.advance(30_000);
    assert.deepEqual(world.lines, ['relay y: not started, relays of layer 7 are not there yet']);
    assert.equal(world.relayd.show().relays[0]!.status, 'not started');
  });

  test('a main ruleset without the anchor, once', async () => {
    const world = await started(redirection('10.0.0.1'));
    assert.deepEqual(world.lines, []);
    world.kernel.main = [];
    for (let i = 0; i < 2; i++) {
      world.kernel.emit('pf.changed', { what: 'rules' });
      await world.clock.advance(1);
    }
    assert.deepEqual(world.lines, [
      'redirection r: the main ruleset has no anchor "relayd/*", so nothing is redirected',
    ]);
  });

  test('events of the monitor', async () => {
    const world = await started(redirection('10.0.0.1'));
    const heard = events(world);
    world.network.servers.set('10.0.0.1:80', 'refuse');
    await world.clock.advance(10_000);
    world.network.servers.set('10.0.0.1:80', 'silent');
    await world.clock.advance(8_000);
    await world.relayd.switchHost('10.0.0.1', 'disabled');
    await world.relayd.switchTable(1, true);
    assert.deepEqual(heard, [
      'sync',
      'host_status 1 down',
      'ctl_pull_ruleset 1',
      'ctl_host_disable 1 10.0.0.1',
      'ctl_table_enable 1',
    ]);
  });
});

test('statistics by minute, hour and day', async () => {
  const world = await started(redirection('10.0.0.1'));
  for (let minute = 1; minute <= 60; minute++) {
    world.kernel.matches.set('r', minute * 10);
    await world.clock.advance(60_000);
  }
  const { total, last, average, lastHour, averageHour, lastDay, averageDay } =
    world.relayd.show().redirects[0]!.statistics;
  assert.deepEqual(
    [total, last, average, lastHour, averageHour, lastDay, averageDay],
    [600, 10, 9, 0, 300, 600, 0],
  );
  world.kernel.matches.set('r', 3);
  await world.clock.advance(60_000);
  const after = world.relayd.show().redirects[0]!.statistics;
  assert.deepEqual([after.total, after.last], [3, 0], 'a flushed table counts from 0 again');
});

test('strict: what observations cost, and one line for each change of who tells', async () => {
  const world = await started(
    'table <t> { 10.0.0.1 }\nredirect r {\n\tlisten on 192.0.2.1 port 80\n\troute to <t> strict check tcp interface vr0\n}\n',
  );
  const minute = async (states: number, unobserved: number) => {
    world.kernel.observed = { messages: 3 * states, bytes: 288 * states, states, unobserved };
    await world.clock.advance(60_000);
    return world.lines.splice(0).filter((line) => line.includes('router'));
  };
  assert.deepEqual(await minute(10, 0), []);
  const [line, ...more] = await minute(10, 5);
  assert.match(line!, /redirection r: no router tells of the hosts' answers, so its states are sloppy/);
  assert.deepEqual(more, []);
  assert.deepEqual(await minute(10, 9), []);
  assert.match((await minute(20, 9))[0]!, /redirection r: a router tells of the hosts' answers/);
  assert.deepEqual(await world.relayd.observed(), [
    { redirect: 1, messages: 60, bytes: 5760, states: 20, unobserved: 9 },
  ]);
});
