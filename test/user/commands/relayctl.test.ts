// SPDX-License-Identifier: ISC
//
// relayctl's words and listings, tab for tab (relayd.md 5.1 to 5.3), and relayd -n.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CommandContext, Files } from '../../../appliance/user/commands/command.ts';
import { eventText } from '../../../appliance/user/commands/relayctl/monitor.ts';
import { type Listing, showText } from '../../../appliance/user/commands/relayctl/show.ts';
import { relayctl } from '../../../appliance/user/commands/relayctl.ts';
import { relayd } from '../../../appliance/user/commands/relayd.ts';
import type {
  HostView,
  RelaydView,
  StatisticsView,
  TableView,
} from '../../../appliance/user/relayd/control.ts';
import { RelaydWorld } from '../../support/relaydWorld.ts';

const COLUMNS = [4, 8, 24, 7, 0];

/** A row of the reference's picture: columns by their tab stops, put back into padded columns with tabs. */
function listing(picture: string): string {
  const lines = picture.split('\n').slice(1, -1);
  return lines
    .map((line) => {
      if (line.startsWith('        ')) return `\t        \t${line.trim()}\n`;
      const cells = [
        line.slice(0, 8),
        line.slice(8, 24),
        line.slice(24, 56),
        line.slice(56, 64),
        line.slice(64),
      ];
      return `${cells.map((cell, i) => cell.trimEnd().padEnd(COLUMNS[i]!)).join('\t')}\n`;
    })
    .join('');
}

function host(
  id: number,
  name: string,
  status: HostView['status'],
  availability = '',
  more: Partial<HostView> = {},
): HostView {
  return {
    id,
    name,
    address: name,
    status,
    availability,
    checks: 0,
    successes: 0,
    outcomes: '',
    retry: 0,
    retriesLeft: 0,
    message: 'none',
    ...more,
  };
}

function table(
  id: number,
  name: string,
  status: TableView['status'],
  up: number,
  ...hosts: HostView[]
): TableView {
  return { id, name, status, up, hosts };
}

const NOTHING: StatisticsView = {
  total: 0,
  interval: 60,
  last: 0,
  lastHour: 0,
  lastDay: 0,
  average: 0,
  averageHour: 0,
  averageDay: 0,
};

function redirect(
  id: number,
  name: string,
  status: RelaydView['redirects'][number]['status'],
  tables: TableView[],
  statistics = NOTHING,
) {
  const hosts = tables.flatMap((one) => one.hosts);
  return {
    id,
    name,
    status,
    active: status === 'active',
    kind: 'route' as const,
    listen: [],
    statistics,
    tables,
    hosts,
  };
}

/** The reference's example. */
const VIEW: RelaydView = {
  redirects: [
    redirect(
      1,
      'www',
      'active',
      [
        table(
          1,
          'webservers:80',
          'active',
          1,
          host(1, '10.0.0.10', 'up', '100.00%', { checks: 360, successes: 360 }),
          host(2, '10.0.0.11', 'down', '99.17%', {
            checks: 360,
            successes: 357,
            message: 'tcp connect timeout',
          }),
        ),
      ],
      { ...NOTHING, total: 5143, last: 12, lastHour: 731, lastDay: 5143, average: 11, averageHour: 698 },
    ),
    redirect(2, 'wwwv6', 'backup', [
      table(
        2,
        'v6servers:80',
        'empty',
        0,
        host(3, '3ffe:2::10', 'down', '0.00%', { checks: 9, retriesLeft: 2, message: 'http code mismatch' }),
        host(4, '3ffe:2::11', 'disabled'),
      ),
      table(3, 'sorry6:80', 'active', 1, host(5, '3ffe:2::99', 'up', '100.00%', { checks: 1, successes: 1 })),
    ]),
    redirect(3, 'ftp', 'disabled', [table(9, 'ftp:21', 'empty', 0, host(9, '10.0.0.9', 'unknown'))]),
  ],
  relays: [
    {
      id: 1,
      name: 'tlsaccel',
      status: 'not started',
      tables: [
        table(
          4,
          'appservers:8080',
          'active',
          1,
          host(6, '10.0.0.20', 'up', '98.61%'),
          host(7, '10.0.0.21', 'unknown', '98.61%', { parent: 6 }),
        ),
      ],
    },
  ],
  routers: [
    {
      id: 1,
      name: 'uplinks',
      status: 'active',
      rtable: 2,
      label: 'lbd',
      routes: ['0.0.0.0/0'],
      tables: [table(5, 'gws', 'disabled', 0, host(8, '10.9.0.1', 'unknown'))],
    },
  ],
};

const SUMMARY = `
Id      Type            Name                            Avlblty Status
1       redirect        www                                     active
1       table           webservers:80                           active (1 hosts)
1       host            10.0.0.10                       100.00% up
2       host            10.0.0.11                       99.17%  down
2       redirect        wwwv6                                   active (using backup table)
2       table           v6servers:80                            empty
3       host            3ffe:2::10                      0.00%   down
4       host            3ffe:2::11                              disabled
3       table           sorry6:80                               active (1 hosts)
5       host            3ffe:2::99                      100.00% up
3       redirect        ftp                                     disabled
1       relay           tlsaccel                                not started
4       table           appservers:8080                         active (1 hosts)
6       host            10.0.0.20                       98.61%  up
7       host            10.0.0.21 parent 6              98.61%  unknown
1       router          uplinks                                 active
5       table           gws                                     disabled
`;

const HOSTS = `
Id      Type            Name                            Avlblty Status
1       table           webservers:80                           active (1 hosts)
1       host            10.0.0.10                       100.00% up
                        total: 360/360 checks
2       host            10.0.0.11                       99.17%  down
                        total: 357/360 checks, error: tcp connect timeout
2       table           v6servers:80                            empty
3       host            3ffe:2::10                      0.00%   down
                        total: 0/9 checks, 2 retries, error: http code mismatch
4       host            3ffe:2::11                              disabled
3       table           sorry6:80                               active (1 hosts)
5       host            3ffe:2::99                      100.00% up
                        total: 1/1 checks
4       table           appservers:8080                         active (1 hosts)
6       host            10.0.0.20                       98.61%  up
7       host            10.0.0.21 parent 6              98.61%  unknown
5       table           gws                                     disabled
`;

const REDIRECTS = `
Id      Type            Name                            Avlblty Status
1       redirect        www                                     active
                        total: 5143 sessions
                        last: 12/60s 731/h 5143/d sessions
                        average: 11/60s 698/h 0/d sessions
2       redirect        wwwv6                                   active (using backup table)
3       redirect        ftp                                     disabled
`;

const ROUTERS = `
Id      Type            Name                            Avlblty Status
1       router          uplinks                                 active
                        rtable: 2
                        rtlabel: lbd
                        route: 0.0.0.0/0
`;

describe('listings', () => {
  for (const [what, picture] of [
    ['summary', SUMMARY],
    ['hosts', HOSTS],
    ['redirects', REDIRECTS],
    ['routers', ROUTERS],
  ] as const satisfies readonly (readonly [Listing, string])[]) {
    test(what, () => assert.equal(showText(what, VIEW), listing(picture)));
  }

  test('sessions are none, and have no header', () => assert.equal(showText('sessions', VIEW), ''));

  test('a row byte for byte', () => {
    assert.equal(
      showText('hosts', VIEW).split('\n')[2],
      `1   \thost    \t10.0.0.10${' '.repeat(15)}\t100.00%\tup`,
    );
  });
});

test('events as the original dumps them', () => {
  assert.equal(
    eventText({ event: 'host_status', time: 1213056000_000, id: 2, state: 'down' }),
    'host_status: imsg type 31 len 28 peerid 0 pid 1\n\ttimestamp: 1213056000, Tue Jun 10 00:00:00 2008\n\tid: 2\n\tstate: down\n',
  );
});

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function filesOf(texts: ReadonlyMap<string, string>): Files {
  const refuse = () => Promise.reject(new Error('no files here'));
  return {
    read: async (path) => {
      const text = texts.get(path);
      if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
      return text;
    },
    readBytes: refuse,
    readSecret: refuse,
    write: refuse,
    remove: refuse,
    list: async () => [],
    exists: async (path) => texts.has(path),
    create: refuse,
  };
}

async function run(
  command: typeof relayctl,
  args: readonly string[],
  around: { world?: RelaydWorld; files?: ReadonlyMap<string, string>; signal?: AbortSignal } = {},
): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const context: CommandContext = {
    kernel: undefined,
    files: filesOf(around.files ?? new Map()),
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    stdin: async () => '',
    signal: around.signal ?? new AbortController().signal,
    machine: around.world && {
      name: 'lb',
      directory: '/',
      dialect: 'auto',
      daemon: (name) => (name === 'relayd' ? around.world!.relayd?.control : undefined),
      messages: () => [],
      booted: 0,
      halt: () => undefined,
    },
    env: {},
    clock: { now: () => 0 },
  };
  const status = await command.run(args, context);
  return { status, stdout, stderr };
}

const CONF =
  'table <t> { 10.0.0.1, 10.0.0.2 }\nredirect www {\n\tlisten on 192.0.2.1 port 80\n\tforward to <t> check tcp\n}\n';

async function running(): Promise<RelaydWorld> {
  const world = new RelaydWorld();
  world.network.servers.set('10.0.0.1:80', 'silent').set('10.0.0.2:80', 'silent');
  await world.start(CONF);
  await world.clock.advance(1_000);
  return world;
}

const OK = { status: 0, stdout: 'command succeeded\n', stderr: '' };
const FAILED = { status: 1, stdout: 'command failed\n', stderr: '' };

describe('commands', () => {
  test('words may be cut short', async () => {
    const world = await running();
    const { stdout } = await run(relayctl, ['sh', 'su'], { world });
    assert.equal(stdout, (await run(relayctl, ['show', 'summary'], { world })).stdout);
    assert.match(stdout, /^1 {3}\tredirect\twww/m);
  });

  test('words that there are not', async () => {
    const world = await running();
    const stderr = async (...words: string[]) => (await run(relayctl, words, { world })).stderr;
    assert.equal(
      await stderr('host', 'x'),
      'unknown argument: x\nvalid commands/args:\n  disable\n  enable\n  drain\n',
    );
    assert.equal(
      await stderr('host', 'd'),
      'ambiguous argument: d\nvalid commands/args:\n  disable\n  enable\n  drain\n',
    );
    assert.equal(await stderr('host', 'disable'), 'missing argument:\nvalid commands/args:\n  <hostid>\n');
    assert.equal(await stderr('poll', 'now'), 'superfluous argument: now\n');
  });

  test('switches by name and by id', async () => {
    const world = await running();
    assert.deepEqual(await run(relayctl, ['host', 'disable', '10.0.0.1'], { world }), OK);
    assert.deepEqual(world.statuses(), ['10.0.0.1 disabled', '10.0.0.2 up']);
    assert.deepEqual(await run(relayctl, ['host', 'enable', '1'], { world }), OK);
    assert.deepEqual(await run(relayctl, ['host', 'disable', '7'], { world }), FAILED);
    assert.deepEqual(await run(relayctl, ['table', 'disable', 't:80'], { world }), OK);
    assert.deepEqual(await run(relayctl, ['redirect', 'disable', 'www'], { world }), OK);
    assert.deepEqual(await run(relayctl, ['poll'], { world }), OK);
    assert.equal((await run(relayctl, ['log', 'verbose'], { world })).stdout, 'logging request sent.\n');
  });

  test('data instead of text', async () => {
    const world = await running();
    const { stdout } = await run(relayctl, ['show', 'redirects', '--json'], { world });
    const { redirects } = JSON.parse(stdout) as RelaydView;
    assert.deepEqual(
      redirects.map(({ name, active, listen, hosts }) => [
        name,
        active,
        listen,
        hosts.map((one) => one.status),
      ]),
      [['www', true, [{ address: '192.0.2.1', port: 80 }], ['up', 'up']]],
    );
  });

  test('draining with -w ends when the host is idle', async () => {
    const world = await running();
    const drained = run(relayctl, ['-w', 'host', 'drain', '10.0.0.1'], { world });
    await world.clock.advance(6_000);
    assert.deepEqual(await drained, OK);
    assert.deepEqual(world.statuses(), ['10.0.0.1 drained', '10.0.0.2 up']);
  });

  test('reload says nothing, or what is wrong', async () => {
    const world = await running();
    assert.deepEqual(await run(relayctl, ['reload'], { world }), { status: 0, stdout: '', stderr: '' });
    world.files.set('/etc/other.conf', 'bogus "x"\n');
    assert.deepEqual(await run(relayctl, ['load', '/etc/other.conf'], { world }), {
      status: 1,
      stdout: '',
      stderr: "relayctl: command failed\n/etc/other.conf:1: syntax error at 'bogus'\n",
    });
    assert.equal(
      (await run(relayctl, ['load', '/nowhere'], { world })).stderr,
      'relayctl: command failed: No such file or directory\n',
    );
  });

  test('monitor streams until it is interrupted', async () => {
    const world = await running();
    const controller = new AbortController();
    const heard = run(relayctl, ['monitor'], { world, signal: controller.signal });
    await world.relayd.switchHost('10.0.0.1', 'disabled');
    controller.abort();
    assert.match(
      (await heard).stdout,
      /^ctl_host_disable: imsg .*\n\ttimestamp: 1, .*\n\tid: 1\n\tname: 10\.0\.0\.1\n/,
    );
  });

  test('without a daemon, without a machine', async () => {
    assert.equal(
      (await run(relayctl, ['show', 'hosts'])).stderr,
      'relayctl: no running machine (name one with -M DIR)\n',
    );
    const { status, stderr } = await run(relayctl, ['poll'], { world: new RelaydWorld() });
    assert.equal(status, 1);
    assert.match(stderr, /^relayctl: connect: \/var\/run\/relayd\.sock: No such file or directory/);
  });
});

describe('relayd -n', () => {
  const files = new Map([
    ['good', `h="10.0.0.1"\ninclude "tables"\n${CONF.slice(CONF.indexOf('redirect'))}`],
    ['tables', 'table <t> { $h }\n'],
    ['bad', `${CONF}redirect www {\n}\nfoo\n`],
  ]);

  test('a good file', async () => {
    assert.deepEqual(await run(relayd, ['-n', '-f', 'good'], { files }), {
      status: 0,
      stdout: '',
      stderr: 'configuration OK\n',
    });
    assert.equal(
      (await run(relayd, ['-nvfgood', '-Dx=1'], { files })).stderr,
      "warning: macro 'x' not used\nconfiguration OK\n",
    );
  });

  test('a relay without a certificate is warned of', async () => {
    const relay = 'relay y {\n\tlisten on 127.0.0.1 port 443 tls\n\tforward to 10.0.0.1 port 80\n}\n';
    const check = async (...names: string[]) => {
      const there = new Map([['f', relay] as const, ...names.map((name) => [name, ''] as const)]);
      return (await run(relayd, ['-nf', 'f'], { files: there })).stderr;
    };
    assert.equal(
      await check('/etc/ssl/127.0.0.1.crt'),
      'f:1: warning: relay y: no /etc/ssl/127.0.0.1.crt with /etc/ssl/private/127.0.0.1.key\nconfiguration OK\n',
    );
    assert.equal(
      await check('/etc/ssl/127.0.0.1:443.crt', '/etc/ssl/private/127.0.0.1:443.key'),
      'configuration OK\n',
    );
  });

  test('mistakes, each with its place', async () => {
    const { status, stderr } = await run(relayd, ['-n', '-f', 'bad'], { files });
    assert.equal(status, 1);
    assert.equal(
      stderr,
      'bad:6: redirection www defined twice\nbad:7: redirection www has no table\nbad:7: redirection www has no virtual ip\n' +
        "bad:8: syntax error at 'foo'\n",
    );
  });

  test('calls that there are not', async () => {
    assert.match((await run(relayd, ['-x'])).stderr, /^relayd: unknown argument -x\nusage: relayd -n /);
    assert.match((await run(relayd, ['-f'])).stderr, /^relayd: option requires an argument -- f\n/);
    assert.match((await run(relayd, [])).stderr, /-n checks a file/);
    assert.equal((await run(relayd, ['-nf', 'none'])).stderr, 'relayd: none: No such file or directory\n');
  });
});

test('show redirects -v: what strict redirections are told, and what that costs', async () => {
  const world = new RelaydWorld();
  world.network.servers.set('10.0.0.1:80', 'silent');
  await world.start(
    'table <t> { 10.0.0.1 }\nredirect r {\n\tlisten on 192.0.2.1 port 80\n\troute to <t> strict check tcp interface vr0\n}\n',
  );
  await world.clock.advance(1_000);
  world.kernel.observed = { messages: 31, bytes: 2976, states: 10, unobserved: 2 };
  const text = showText('redirects', world.relayd.show(), await world.relayd.observed());
  assert.equal(
    text.split('\n').slice(2).join('\n'),
    '\t        \tstrict: 10 connections, 2 sloppy\n' +
      '\t        \tobservations: 31 messages, 2976 bytes (3.1 and 297.6 a connection)\n',
  );
});
