// SPDX-License-Identifier: ISC
//
// relayd(8) on virtual time: what it puts into pf and when, and what relayctl(8) shows of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandContext } from '../../../appliance/user/commands/command.ts';
import { relayctl } from '../../../appliance/user/commands/relayctl.ts';
import { World } from './world.ts';

const DSR = `
log updates
table <webservers> { 10.0.0.10 10.0.0.11 }
table <v6servers> { 3ffe:2::10 3ffe:2::11 }
redirect www {
	listen on 192.0.2.253 port http interface vr0
	route to <webservers> port www check http "/" code 200 interface vr0
}
redirect wwwv6 {
	listen on 3ffe:1::1 port http interface vr0
	route to <v6servers> port www check http "/" code 200 interface vr0
}
`;
const ROUND = 10_000;

async function ctl(world: World, ...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const context = {
    stdout: (text: string) => {
      said.out += text;
    },
    stderr: (text: string) => {
      said.err += text;
    },
    machine: { daemon: () => world.relayd },
    files: { read: async () => 'bogus\nredirect {\n' },
  } as unknown as CommandContext;
  const status = await relayctl.run(args, context);
  return { status, ...said };
}

async function started(text = DSR): Promise<World> {
  const world = new World();
  await world.start(text);
  await world.clock.pass(1000);
  return world;
}

test('a cold start is in service at the end of the first round: content first, then rules', async () => {
  const world = await started();
  assert.deepEqual(world.take(), [
    'load relayd/www 0',
    'flush www',
    'load relayd/wwwv6 0',
    'flush wwwv6',
    'replace www 10.0.0.10 10.0.0.11',
    'load relayd/www 1',
    'replace wwwv6 3ffe:2::10 3ffe:2::11',
    'load relayd/wwwv6 1',
  ]);
  assert.equal(world.requests[0], 'HEAD / HTTP/1.0\r\n\r\n');
  const rule = world.loads.filter(({ anchors }) => anchors[0]!.path === 'relayd/www').at(-1)!.anchors[0]!
    .rules[0]!;
  assert.deepEqual(rule.state, {
    keep: 'keep',
    options: { sloppy: true, timeouts: { 'tcp.established': 600 } },
  });
  assert.deepEqual(rule.route?.pool?.entries, [
    { address: { kind: 'table', name: 'www' }, interface: 'vr0' },
  ]);
  assert.equal(rule.flags, undefined);
});

test('a host that dies leaves at the end of its check; one that is back enters with the next round', async () => {
  const world = await started();
  world.take();
  world.refusing.add('10.0.0.11');
  await world.clock.pass(ROUND);
  assert.deepEqual(world.take(), ['replace www 10.0.0.10']);
  world.refusing.clear();
  await world.clock.pass(ROUND);
  assert.deepEqual(world.take(), []);
  await world.clock.pass(ROUND);
  assert.deepEqual(world.take(), ['replace www 10.0.0.10 10.0.0.11']);
  assert.match(
    world.log.find((line) => line.includes('up -> down'))!,
    /^host 10\.0\.0\.11, check http code \(0ms\), state up -> down, availability 50\.00%$/,
  );
});

test('today the log says why', async () => {
  const world = new World();
  world.dialect = 'openbsd';
  world.answer = 'HTTP/1.1 503 Busy\r\n\r\n';
  await world.start(DSR);
  await world.clock.pass(1000);
  assert.equal(
    world.log[0],
    'host 10.0.0.10, check http code (0ms,http code mismatch,503), state unknown -> down, availability 0.00%',
  );
});

test('both down: the table is flushed before the rules go; nothing else happens until one is back', async () => {
  const world = await started();
  world.take();
  for (const host of ['10.0.0.10', '10.0.0.11']) world.refusing.add(host);
  await world.clock.pass(ROUND);
  assert.deepEqual(world.take().slice(-3), ['flush www', 'zero www', 'load relayd/www 0']);
  await world.clock.pass(ROUND);
  assert.deepEqual(world.take(), []);
  world.refusing.delete('10.0.0.10');
  await world.clock.pass(2 * ROUND);
  assert.deepEqual(world.take(), ['replace www 10.0.0.10', 'load relayd/www 1']);
});

test('a server that does not answer is down after the timeout', async () => {
  const world = await started();
  world.answer = undefined;
  await world.clock.pass(ROUND);
  const { out } = await ctl(world, 'show', 'hosts');
  assert.match(out, /total: 1\/2 checks, error: tcp read timeout/);
});

test('retry forgives failures after the first good check', async () => {
  const world = await started(DSR.replace('10.0.0.11 }', '10.0.0.11 retry 2 }'));
  world.take();
  world.refusing.add('10.0.0.11');
  await world.clock.pass(2 * ROUND);
  assert.deepEqual(world.take(), []);
  await world.clock.pass(ROUND);
  assert.deepEqual(world.take(), ['replace www 10.0.0.10']);
});

test('a backup table serves while the main one is empty', async () => {
  const world = await started(`
table <main> { 10.0.0.10 }
table <spare> { 10.0.0.20 }
redirect r {
  listen on 192.0.2.1 port 80
  forward to <main> check tcp
  forward to <spare> check icmp
}`);
  world.take();
  world.refusing.add('10.0.0.10');
  await world.clock.pass(ROUND);
  assert.deepEqual(world.take(), ['replace r 10.0.0.20']);
  assert.match((await ctl(world, 'show', 'red')).out, /active \(using backup table\)/);
});

test('children follow their parent', async () => {
  const world = await started(DSR.replace('10.0.0.11 }', '10.0.0.11 parent 1 }'));
  world.take();
  world.refusing.add('10.0.0.10');
  await world.clock.pass(ROUND);
  assert.deepEqual(world.take().at(-1), 'load relayd/www 0');
  assert.equal((await ctl(world, 'host', 'disable', '2')).out, 'command failed\n');
});

test('a reload keeps what is known and what is in pf; what is gone from the file is taken out', async () => {
  const world = await started();
  world.take();
  const second = DSR.slice(DSR.indexOf('redirect wwwv6'));
  await world.relayd.reload(DSR.replace(second, ''), 'relayd.conf');
  assert.deepEqual(world.take(), ['load relayd/wwwv6 0', 'kill wwwv6']);
  await world.clock.pass(1000);
  assert.deepEqual(world.take(), []);
  const { out } = await ctl(world, 'show', 'summary', '--json');
  assert.deepEqual(
    JSON.parse(out).redirects[0].hosts.map((host: { status: string; checks: number }) => [
      host.status,
      host.checks,
    ]),
    [
      ['up', 2],
      ['up', 2],
    ],
  );
});

test('a wrong file changes nothing and is told with its lines', async () => {
  const world = await started();
  world.take();
  const { status, err, out } = await ctl(world, 'reload');
  assert.deepEqual([status, out], [1, 'command failed\n']);
  assert.match(err, /^\/etc\/relayd\.conf:1: syntax error: 'bogus'/);
  await world.clock.pass(ROUND);
  assert.deepEqual(world.take(), []);
});

test('pf must be enabled', async () => {
  const world = new World();
  world.enabled = false;
  await assert.rejects(world.start(DSR), /pf is disabled/);
});

test('a relay is told once and not started; its file is fine', async () => {
  const world = await started(
    `${DSR}relay r {\n listen on 192.0.2.1 port 8080\n forward to <webservers> port 80 check tcp\n}\n`,
  );
  assert.deepEqual(
    world.log.filter((line) => line.includes('not started')),
    ['relay r: not started, relays do not run here'],
  );
});

test('routes lead to a gateway that is up', async () => {
  const world = await started(
    'table <gws> { 10.9.0.1 priority 8\n 10.9.0.2 priority 9 }\nrouter up {\n route 0.0.0.0/0\n forward to <gws> check icmp\n}\n',
  );
  assert.deepEqual(world.take(), ['route 0.0.0.0/0 10.9.0.1']);
  world.refusing.add('10.9.0.1');
  await world.clock.pass(ROUND);
  assert.deepEqual(world.take(), ['route 0.0.0.0/0 10.9.0.2']);
  await world.relayd.stop();
  assert.deepEqual(world.take(), ['unroute 0.0.0.0/0']);
});

const row = (id: string, type: string, name: string, availability: string, status: string) =>
  `${id.padEnd(4)}\t${type.padEnd(8)}\t${name.padEnd(24)}\t${availability.padEnd(7)}\t${status}\n`;
const HEADER = row('Id', 'Type', 'Name', 'Avlblty', 'Status');

test('relayctl shows and switches', async () => {
  const world = await started();
  world.take();
  assert.equal((await ctl(world, 'host', 'dis', '10.0.0.11')).out, 'command succeeded\n');
  assert.deepEqual(world.take(), ['replace www 10.0.0.10']);
  assert.equal((await ctl(world, 'redirect', 'disable', 'wwwv6')).status, 0);
  assert.deepEqual(world.take(), ['flush wwwv6', 'zero wwwv6', 'load relayd/wwwv6 0']);
  assert.equal(
    (await ctl(world, 'sh', 'su')).out,
    HEADER +
      row('1', 'redirect', 'www', '', 'active') +
      row('1', 'table', 'webservers:80', '', 'active (1 hosts)') +
      row('1', 'host', '10.0.0.10', '100.00%', 'up') +
      row('2', 'host', '10.0.0.11', '', 'disabled') +
      row('2', 'redirect', 'wwwv6', '', 'disabled'),
  );
  await ctl(world, 'redirect', 'enable', '2');
  await ctl(world, 'table', 'disable', 'webservers:80');
  await world.clock.pass(2 * ROUND);
  assert.equal(
    (await ctl(world, 'show', 'hosts')).out,
    HEADER +
      row('1', 'table', 'webservers:80', '', 'disabled') +
      row('2', 'table', 'v6servers:80', '', 'active (2 hosts)') +
      row('3', 'host', '3ffe:2::10', '100.00%', 'up') +
      '\t        \ttotal: 3/3 checks\n' +
      row('4', 'host', '3ffe:2::11', '100.00%', 'up') +
      '\t        \ttotal: 3/3 checks\n',
  );
  assert.deepEqual(await ctl(world, 'host', 'disable', '99'), {
    status: 1,
    out: 'command failed\n',
    err: '',
  });
});

test('a host that is drained keeps its checks and gets no new connections', async () => {
  const world = await started();
  world.take();
  assert.equal((await ctl(world, 'host', 'drain', '2')).out, 'command succeeded\n');
  assert.deepEqual(world.take(), ['replace www 10.0.0.10']);
  await world.clock.pass(ROUND);
  assert.match(
    (await ctl(world, 'show', 'hosts')).out,
    /10\.0\.0\.11 .*100\.00%\tup \(draining\)\n.*2\/2 checks/,
  );
  await ctl(world, 'host', 'enable', '2');
  await world.clock.pass(2 * ROUND);
  assert.deepEqual(world.take(), ['replace www 10.0.0.10 10.0.0.11']);
});

test('relayctl show redirects: statistics and JSON', async () => {
  const world = await started();
  world.matches = 12;
  await world.clock.pass(60_000);
  assert.equal(
    (await ctl(world, 'show', 'redirects')).out.split('\n').slice(1, 5).join('\n'),
    [
      row('1', 'redirect', 'www', '', 'active').trimEnd(),
      '\t        \ttotal: 12 sessions',
      '\t        \tlast: 12/60s 12/h 12/d sessions',
      '\t        \taverage: 6/60s 0/h 0/d sessions',
    ].join('\n'),
  );
  const [first] = JSON.parse((await ctl(world, 'show', 'redirects', '--json')).out).redirects;
  assert.equal(first.name, 'www');
  assert.equal(first.active, true);
  assert.deepEqual(first.listen, [{ address: '192.0.2.253', port: 80 }]);
  assert.deepEqual(
    first.hosts.map((host: { name: string; status: string }) => [host.name, host.status]),
    [
      ['10.0.0.10', 'up'],
      ['10.0.0.11', 'up'],
    ],
  );
});

test('relayctl: words', async () => {
  const world = await started();
  assert.match((await ctl(world)).err, /^relayctl: missing argument:\nvalid commands\/args:\n {2}monitor\n/);
  assert.match((await ctl(world, 'show', 'r')).err, /ambiguous argument: r\n/);
  assert.match((await ctl(world, 'shew')).err, /unknown argument: shew\n/);
  assert.match((await ctl(world, 'poll', 'x')).err, /superfluous argument: x\n/);
});

test('poll asks at once; monitor hears', async () => {
  const world = await started();
  world.take();
  const events: string[] = [];
  const end = world.relayd.control.monitor(({ event, id, state }) =>
    events.push([event, id, state].join(' ')),
  );
  world.refusing.add('10.0.0.11');
  await ctl(world, 'poll');
  await world.clock.pass(100);
  end();
  assert.deepEqual(world.take(), ['replace www 10.0.0.10']);
  assert.deepEqual(events, ['sync  ', 'host_status 2 down', 'ctl_table_changed 1 ']);
});
