// SPDX-License-Identifier: ISC
//
// Each kind of check against servers that answer, lie, hang and leave: the verdict and relayd's word for it.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { httpServer, RelaydWorld, type Server } from '../../support/relaydWorld.ts';

interface Case {
  readonly name: string;
  readonly check: string;
  readonly server?: Server;
  /** The server speaks first. */
  readonly greets?: boolean;
  /** Status and message of the host after one check. */
  readonly says: string;
  readonly request?: string;
}

function saying(say: string, close = true): Server {
  return () => ({ say, close });
}

const body = (text: string) => saying(`HTTP/1.0 200 OK\r\nX: y\r\n\r\n${text}`);
const md5 = (text: string) => createHash('md5').update(text).digest('hex');
const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');

const CASES: readonly Case[] = [
  { name: 'tcp: accepted', check: 'tcp', server: 'silent', says: 'up tcp connect ok' },
  { name: 'tcp: refused', check: 'tcp', server: 'refuse', says: 'down tcp connect failed' },
  { name: 'tcp: nobody there', check: 'tcp', says: 'down tcp connect timeout' },
  {
    name: 'tls: no handshake',
    check: 'tls',
    server: saying('nonsense\r\n'),
    greets: true,
    says: 'down tls connect failed',
  },
  { name: 'tls: silence', check: 'ssl', server: 'silent', says: 'down tls connect timeout' },
  {
    name: 'http: the code',
    check: 'http "/" code 200',
    server: httpServer(200),
    says: 'up http code ok',
    request: 'HEAD / HTTP/1.0\r\n\r\n',
  },
  {
    name: 'http: with a host',
    check: 'http "/a b" host "www.example.com" code 200',
    server: httpServer(200),
    says: 'up http code ok',
    request: 'HEAD /a b HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n',
  },
  {
    name: 'http: another code',
    check: 'http "/" code 200',
    server: httpServer(301),
    says: 'down http code mismatch',
  },
  {
    name: 'http: no status',
    check: 'http "/" code 200',
    server: saying('200 OK\r\n'),
    says: 'down http code malformed',
  },
  {
    name: 'http: HTTP/2.0',
    check: 'http "/" code 200',
    server: saying('HTTP/2.0 200 OK\r\n'),
    says: 'down http code malformed',
  },
  {
    name: 'http: short line',
    check: 'http "/" code 200',
    server: saying('HTTP/1.0 200\r'),
    says: 'down http code malformed',
  },
  {
    name: 'http: closes at once',
    check: 'http "/" code 200',
    server: saying(''),
    says: 'down tcp read failed',
  },
  { name: 'http: says nothing', check: 'http "/" code 200', server: 'silent', says: 'down tcp read timeout' },
  {
    name: 'http: answers and stays',
    check: 'http "/" code 200',
    server: saying('HTTP/1.1 200 OK\r\n\r\n', false),
    says: 'up http code ok',
  },
  {
    name: 'http: MD5',
    check: `http "/" digest "${md5('page')}"`,
    server: body('page'),
    says: 'up http digest ok',
    request: 'GET / HTTP/1.0\r\n\r\n',
  },
  {
    name: 'http: SHA1',
    check: `http "/" digest "${sha1('page')}"`,
    server: body('page'),
    says: 'up http digest ok',
  },
  {
    name: 'http: up to a NUL',
    check: `http "/" digest "${md5('pa')}"`,
    server: body('pa\0ge'),
    says: 'up http digest ok',
  },
  {
    name: 'http: another page',
    check: `http "/" digest "${md5('page')}"`,
    server: body('other'),
    says: 'down http digest mismatch',
  },
  {
    name: 'http: no blank line',
    check: `http "/" digest "${md5('page')}"`,
    server: saying('HTTP/1.0 200 OK\r\n'),
    says: 'down http digest malformed',
  },
  {
    name: 'send and expect',
    check: 'send "PING" expect "PONG*"',
    server: saying('PONG\r\n', false),
    says: 'up send/expect ok',
    request: 'PING',
  },
  {
    name: 'expect a banner',
    check: 'send nothing expect "220 *\\r\\n"',
    server: saying('220 mail\r\n', false),
    greets: true,
    says: 'up send/expect ok',
  },
  {
    name: 'expect all of it',
    check: 'send nothing expect "220"',
    server: saying('220 mail\r\n', false),
    greets: true,
    says: 'down tcp read timeout',
  },
  {
    name: 'expect: leaves without it',
    check: 'send nothing expect "220*"',
    server: saying('500 no\r\n'),
    greets: true,
    says: 'unknown send/expect failed',
  },
  {
    name: 'binary',
    check: 'binary send "0001ff" expect "0002"',
    server: saying('\x00\x02\x03', false),
    says: 'up send/expect ok',
    request: '\x00\x01\xff',
  },
];

async function checkOnce(one: Case): Promise<RelaydWorld> {
  const world = new RelaydWorld();
  if (one.server !== undefined) world.network.servers.set('10.0.0.10:80', one.server);
  if (one.greets) world.network.greeters.add('10.0.0.10:80');
  await world.start(
    `table <t> { 10.0.0.10 }\nredirect r {\n\tlisten on 192.0.2.1 port 80\n\tforward to <t> check ${one.check}\n}\n`,
  );
  await world.clock.advance(1_000);
  return world;
}

function verdict(world: RelaydWorld): string {
  const [host] = world.relayd.show().redirects[0]!.hosts;
  return `${host!.status} ${host!.message}`;
}

describe('checks', () => {
  for (const one of CASES) {
    test(one.name, async () => {
      const world = await checkOnce(one);
      assert.equal(verdict(world), one.says);
      if (one.request !== undefined) assert.deepEqual(world.network.requests, [one.request]);
      await world.relayd.stop();
    });
  }

  test('icmp: an echo with the hops of the host', async () => {
    const world = new RelaydWorld();
    world.network.servers.set('10.0.0.10', 'silent');
    await world.start(
      'timeout 300\ntable <t> { 10.0.0.10 ip ttl 1, 10.0.0.11 }\nredirect r {\n\tlisten on 192.0.2.1 port 80\n' +
        '\tforward to <t> check icmp timeout 50\n}\n',
    );
    await world.clock.advance(200);
    assert.deepEqual(
      world.statuses(),
      ['10.0.0.10 up', '10.0.0.11 unknown'],
      'an echo has the timeout of the daemon',
    );
    await world.clock.advance(200);
    assert.deepEqual(world.statuses(), ['10.0.0.10 up', '10.0.0.11 down']);
    assert.deepEqual(
      world.network.connects.map((one) => one.to),
      ['10.0.0.10 ttl 1', '10.0.0.11 ttl -'],
    );
  });

  for (const [status, says] of [
    [0, 'down script failed'],
    [1, 'up script ok'],
    ['killed', 'down script failed'],
  ] as const) {
    test(`script: ${status}`, async () => {
      const world = new RelaydWorld();
      world.scriptStatus = status;
      await world.start(
        'log host checks\ntable <t> { 10.0.0.10 }\nredirect r {\n\tlisten on 192.0.2.1 port 80\n\tforward to <t> check script "/bin/x"\n}\n',
      );
      await world.clock.advance(100);
      assert.equal(verdict(world), says);
      assert.deepEqual(world.scripts, ['/bin/x 10.0.0.10 200']);
      const told = world.lines.some((line) => line.includes('script failed: killed)'));
      assert.equal(told, status === 'killed', world.lines.join('\n'));
    });
  }

  test('one deadline over all of it: the answer of the last moment does not count', async () => {
    const world = await checkOnce({ name: '', check: 'tcp', says: '' });
    const [first] = world.network.connects;
    assert.equal(verdict(world), 'down tcp connect timeout');
    assert.equal(world.network.connects.length, 1);
    await world.clock.advance(10_000);
    assert.equal(world.network.connects[1]!.at - first!.at, 10_000);
  });
});
