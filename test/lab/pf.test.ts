// SPDX-License-Identifier: ISC
//
// pf between Linux hosts: a client and a server with Linux's own TCP/IP, the appliance as the router between their namespaces. What the
// rules pass works, however it is translated; what hping3, nmap and scapy send against the rules does not get through.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Namespace, stop } from '../../scripts/lab/namespace.ts';
import { noLab } from '../support/lab.ts';
import { LabMachine } from '../support/labMachine.ts';

const PEER = fileURLToPath(new URL('peer.js', import.meta.url));
const CLIENT = '10.78.1.2';
const SERVER = '10.78.2.2';
const SERVER6 = 'fd78:2::2';
const MEGABYTE = 1_000_000;
const PYTHON = '/usr/bin/python3';

function missing(...programs: string[]): string | false {
  const absent = programs.find((program) => !existsSync(program));
  return absent === undefined ? false : `${absent} is not installed`;
}

describe('pf between Linux hosts', { skip: noLab() ?? false }, () => {
  let client: Namespace;
  let server: Namespace;
  let machine: LabMachine;
  let service: ChildProcess;

  before(async () => {
    [client, server] = [await Namespace.create(), await Namespace.create()];
    machine = await LabMachine.up({
      name: 'pf',
      interfaces: ['vr0', 'vr1'],
      etc: {
        'hostname.vr0': 'inet 10.78.1.1 255.255.255.0\ninet6 fd78:1::1 64\n',
        'hostname.vr1': 'inet 10.78.2.1 255.255.255.0\ninet6 fd78:2::1 64\n',
        'sysctl.conf': 'net.inet.ip.forwarding=1\nnet.inet6.ip6.forwarding=1\n',
        'pf.conf': 'pass\n',
        'rc.conf.local': 'savestates=YES\n',
      },
    });
    await settle(client, 'pf-vr0', 1);
    await settle(server, 'pf-vr1', 2);
    service = server.start([process.execPath, PEER, 'serve', '80'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => service.stdout!.once('data', resolve));
  });

  /** Moves the host side of a TAP to a host and gives it addresses and a default route. */
  async function settle(host: Namespace, tap: string, net: number): Promise<void> {
    await machine.namespace.must(['ip', 'link', 'set', tap, 'netns', String(host.pid)]);
    const commands = [
      'echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad',
      `echo 0 > /proc/sys/net/ipv6/conf/${tap}/accept_dad`,
      `ip link set ${tap} up`,
      `ip address add 10.78.${net}.2/24 dev ${tap}`,
      `ip address add fd78:${net}::2/64 dev ${tap} nodad`,
      `ip route add default via 10.78.${net}.1`,
      `ip -6 route add default via fd78:${net}::1`,
    ];
    await host.must(['sh', '-e', '-c', commands.join('\n')]);
  }

  after(async () => {
    if (service !== undefined) await stop(service, 'SIGKILL');
    await machine?.down();
    await client?.end();
    await server?.end();
  });

  async function rules(text: string): Promise<void> {
    writeFileSync(join(machine.directory, 'etc', 'pf.conf'), text);
    await machine.rhine('pfctl', '-f', '/etc/pf.conf');
    await machine.rhine('pfctl', '-F', 'states');
  }

  /** What a client program says on its first line. */
  async function says(...words: string[]): Promise<string> {
    const { stdout, stderr } = await client.run([process.execPath, PEER, ...words]);
    return stdout.trim() || stderr;
  }

  async function counter(name: string): Promise<number> {
    const text = await machine.rhine('pfctl', '-v', '-s', 'info');
    const found = new RegExp(`^ +${name} +(\\d+)`, 'm').exec(text);
    assert.ok(found !== null, text);
    return Number(found[1]);
  }

  /** Downloads, uploads and a client that is done first; the server has heard from `from`. */
  async function works(host: string, from: string): Promise<void> {
    assert.equal(await says('get', host, '80', String(3 * MEGABYTE)), `${from} good right ${3 * MEGABYTE}`);
    assert.equal(await says('put', host, '80', String(MEGABYTE)), `${from} good right 0`);
    assert.equal(await says('half', host, '80', String(MEGABYTE)), `${from} good right ${MEGABYTE}`);
  }

  const STRICT = 'block all\npass proto { icmp, ipv6-icmp }\npass in on vr0\npass out on vr1\n';

  test('strict states, both families', async () => {
    await rules(STRICT);
    await works(SERVER, `::ffff:${CLIENT}`);
    await works(SERVER6, 'fd78:1::2');
    assert.equal(await counter('state-mismatch'), 0);
    assert.match(await machine.rhine('pfctl', '-ss'), /FIN_WAIT_2:FIN_WAIT_2|TIME_WAIT:TIME_WAIT/);
  });

  test('datagrams in fragments, both families', async () => {
    await rules(STRICT);
    assert.equal(await says('udp', SERVER, '80', '4000'), 'right');
    assert.equal(await says('udp', SERVER6, '80', '4000'), 'right');
  });

  test('modulate state and synproxy state', async () => {
    await rules(`${STRICT}pass in on vr0 proto tcp to port 80 modulate state\n`);
    await works(SERVER, `::ffff:${CLIENT}`);
    await rules(`${STRICT}pass in on vr0 proto tcp to port 80 synproxy state\n`);
    await works(SERVER, `::ffff:${CLIENT}`);
    await works(SERVER6, 'fd78:1::2');
  });

  test('nat-to, rdr-to, binat-to', async () => {
    await rules('pass\nmatch out on vr1 inet nat-to (vr1)\n');
    await works(SERVER, '::ffff:10.78.2.1');
    await rules(`pass\npass in on vr0 proto tcp to 10.78.1.1 port 80 rdr-to ${SERVER}\n`);
    await works('10.78.1.1', `::ffff:${CLIENT}`);
    await machine.rhine('ifconfig', 'vr1', 'inet', 'alias', '10.78.2.77', 'netmask', '255.255.255.255');
    await rules(`pass\npass on vr1 inet from ${CLIENT} binat-to 10.78.2.77\n`);
    await works(SERVER, '::ffff:10.78.2.77');
  });

  test('af-to both ways: IPv6 to IPv4 and back', async () => {
    await rules('pass\npass in on vr0 inet6 to 64:ff9b::/96 af-to inet from 10.78.2.1\n');
    await works('64:ff9b::10.78.2.2', '::ffff:10.78.2.1');
    assert.equal(await says('udp', '64:ff9b::10.78.2.2', '80', '3000'), 'right');
    const { stdout } = await client.run(['ping', '-6', '-c', '2', '-W', '2', '64:ff9b::10.78.2.2']);
    assert.match(stdout, / 2 received/);
    await rules(`pass\npass in on vr0 inet to 203.0.113.5 af-to inet6 from fd78:2::1 to ${SERVER6}\n`);
    await works('203.0.113.5', 'fd78:2::1');
  });

  test('a reset ends both states at once, and the next connection works', async () => {
    await rules(STRICT);
    assert.equal(await says('reset', SERVER, '80'), 'reset');
    assert.match(await machine.rhine('pfctl', '-ss'), /TIME_WAIT:TIME_WAIT/);
    assert.match(await says('get', SERVER, '80', '10'), /right 10$/);
  });

  test('a flood of SYNs makes no state, and a real client is served', {
    skip: missing('/usr/sbin/hping3'),
  }, async () => {
    await rules(`set syncookies always\n${STRICT}`);
    const sent = await counter('syncookies sent');
    const flood = ['hping3', '-q', '-S', '-p', '80', '-i', 'u200', '-c', '2000', '--rand-source', SERVER];
    const flooding = client.run(['timeout', '20', ...flood]);
    await works(SERVER, `::ffff:${CLIENT}`);
    await flooding;
    assert.ok((await counter('syncookies sent')) - sent > 1000, 'the flood was not seen');
    const states = await machine.rhine('pfctl', '-ss');
    const strangers = states.split('\n').filter((line) => / tcp /.test(line) && !line.includes(CLIENT));
    assert.deepEqual(strangers, []);
  });

  test('nmap sees what the rules show', { skip: missing('/usr/bin/nmap') }, async () => {
    const scan = async (kind: string) => {
      const words = ['nmap', '-n', '-Pn', '--max-retries', '1', kind, '-p', '80,81', SERVER];
      const { stdout } = await client.run(words);
      return [80, 81].map((port) => new RegExp(`^${port}/tcp +(\\S+)`, 'm').exec(stdout)?.[1]);
    };
    const open = 'block all\npass proto icmp\npass proto tcp to port 80\n';
    await rules(open);
    assert.deepEqual(await scan('-sS'), ['open', 'filtered']);
    assert.deepEqual(await scan('-sA'), ['filtered', 'filtered']);
    assert.deepEqual(await scan('-sF'), ['open|filtered', 'open|filtered']);
    await rules(open.replace('block all', 'block return'));
    assert.deepEqual(await scan('-sS'), ['open', 'closed']);
    assert.deepEqual(await scan('-sA'), ['unfiltered', 'unfiltered']);
    await rules(`pass\nblock in proto tcp from any os NMAP\n`);
    assert.deepEqual(await scan('-sS'), ['filtered', 'filtered']);
    assert.match(await says('get', SERVER, '80', '10'), /right 10$/);
  });

  test('a translated connection with modulated numbers goes on over a reboot', async () => {
    await rules(
      `${STRICT.replace('pass in on vr0', 'pass in on vr0 proto tcp modulate state')}match out on vr1 inet nat-to (vr1)\n`,
    );
    const held = client.start([process.execPath, PEER, 'hold', SERVER, '80'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: held.stdout! })[Symbol.asyncIterator]();
    const talks = async () => {
      held.stdin!.write('\n');
      return (await lines.next()).value as string;
    };
    try {
      assert.match((await lines.next()).value as string, /^open/);
      assert.match(await talks(), /^held/);
      await machine.reboot();
      await settle(client, 'pf-vr0', 1);
      await settle(server, 'pf-vr1', 2);
      assert.match(await talks(), /^held/);
      assert.match(await machine.rhine('dmesg'), /\d+ states restored/);
      assert.equal(existsSync(join(machine.directory, 'var/db/pf.states')), false);
    } finally {
      await stop(held, 'SIGKILL');
    }
  });

  test('what is forged outside the window is dropped, a reset in place passes', {
    skip: missing(PYTHON, '/usr/bin/scapy'),
  }, async () => {
    await rules(STRICT);
    const held = client.start([process.execPath, PEER, 'hold', SERVER, '80'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: held.stdout! })[Symbol.asyncIterator]();
    try {
      const [, port] = ((await lines.next()).value as string).split(' ');
      const talks = async () => {
        held.stdin!.write('\n');
        return (await lines.next()).value as string;
      };
      assert.match(await talks(), /^held/);
      const [state] = JSON.parse(await machine.rhine('pfctl', '--json', '-ss')).filter(
        (one: { direction: string }) => one.direction === 'in',
      );
      const [near, far] = [state.source.seqLow, state.destination.seqLow];
      const forge = (flags: string, sequence: number, data = '') =>
        client.must([
          PYTHON,
          '-c',
          `from scapy.all import *\nconf.verb=0\nsend(IP(src='${CLIENT}',dst='${SERVER}')/TCP(sport=${port},dport=80,flags='${flags}',seq=${sequence >>> 0},ack=${far})/b'${data}')`,
        ]);
      const before = await counter('state-mismatch');
      await forge('R', near + 200_000);
      await forge('PA', near + 900_000, 'forged');
      await forge('FA', (near - 900_000) | 0);
      assert.equal((await counter('state-mismatch')) - before, 3);
      assert.match(await talks(), /^held/);
      await forge('S', near + 5000);
      assert.match(await talks(), /^held/, 'a SYN within is challenged, not passed');
      const [now] = JSON.parse(await machine.rhine('pfctl', '--json', '-ss')).filter(
        (one: { direction: string }) => one.direction === 'in',
      );
      await forge('R', now.source.seqLow);
      assert.match(await machine.rhine('pfctl', '-ss'), /TIME_WAIT:TIME_WAIT/);
    } finally {
      await stop(held, 'SIGKILL');
    }
  });
});
