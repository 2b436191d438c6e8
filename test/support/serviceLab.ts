// SPDX-License-Identifier: ISC
//
// A lab with addresses of its own, where three talkers serve by Direct Server Return and a client has several addresses. Its machine
// directories are written for the test.

import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { LabDefinition } from '../../scripts/lab/definition.ts';
import { stop } from '../../scripts/lab/namespace.ts';
import { TapNetwork } from '../../scripts/lab/tapNetwork.ts';
import { PROJECT } from './lab.ts';

export const VIP4 = '198.18.7.80';
export const VIP6 = '2001:db8:7::80';
export const PORT = 7000;
export const CLIENTS = ['198.18.9.11', '198.18.9.12', '198.18.9.13', '198.18.9.14'];
export const SERVERS: Readonly<Record<string, { readonly four: string; readonly six: string }>> = {
  web1: { four: '172.28.3.21', six: '2001:db8:3::21' },
  web2: { four: '172.28.3.22', six: '2001:db8:3::22' },
  web3: { four: '172.28.3.23', six: '2001:db8:3::23' },
};

const TALKER = join(PROJECT, 'dist/scripts/lab/talker.js');

const SYNC = 'up syncdev vr2\n';

/** A machine that is busy with other things answers late: nobody is down for that. */
const relaydConf = (word: string) => `interval 1
timeout 800
log state changes
table <four> { 172.28.3.21 172.28.3.22 172.28.3.23 }
table <six> { 2001:db8:3::21 2001:db8:3::22 2001:db8:3::23 }
redirect service {
	listen on ${VIP4} port ${PORT} interface vr0
	route to <four>${word} port ${PORT} check tcp interface vr0
}
redirect service6 {
	listen on ${VIP6} port ${PORT} interface vr0
	route to <six>${word} port ${PORT} check tcp interface vr0
}
`;

const RULES = {
  'openbsd-2008': 'set limit states 200000\nrdr-anchor "relayd/*"\nanchor "relayd/*"\n',
  openbsd: 'set limit states 200000\nanchor "relayd/*"\npass\n',
};

export type ServiceDialect = keyof typeof RULES;

/** `strict`: router and load balancer have pfsync on a segment of its own. */
function filesOf(dialect: ServiceDialect, strict: boolean): Record<string, string> {
  const more = strict ? ', "vr2": {}' : '';
  const files: Record<string, string> = {
    'client/etc/hostname.vr0': `${CLIENTS.map((one, i) => `inet ${i > 0 ? 'alias ' : ''}${one} 255.255.255.0\n`).join('')}inet6 2001:db8:9::11 64\n`,
    'client/etc/mygate': '198.18.9.1\n2001:db8:9::1\n',
    'router/machine.json': `{ "name": "router", "interfaces": { "vr0": {}, "vr1": {}${more} } }\n`,
    'router/etc/hostname.vr0':
      'inet 198.18.7.1 255.255.255.0\ninet alias 172.28.3.1 255.255.255.0\ninet6 2001:db8:7::1 64\ninet6 alias 2001:db8:3::1 64\n',
    'router/etc/hostname.vr1': 'inet 198.18.9.1 255.255.255.0\ninet6 2001:db8:9::1 64\n',
    'router/etc/rc.conf.local': 'pf=NO\n',
    'router/etc/sysctl.conf': 'net.inet.ip.forwarding=1\nnet.inet6.ip6.forwarding=1\n',
    'lb/machine.json': `{ "name": "lb", "interfaces": { "vr0": {}${more} }, "pf": "${dialect}" }\n`,
    'lb/etc/hostname.vr0': `inet ${VIP4} 255.255.255.0\ninet alias 172.28.3.2 255.255.255.0\ninet6 ${VIP6} 64\ninet6 alias 2001:db8:3::2 64\n`,
    'lb/etc/mygate': '198.18.7.1\n2001:db8:7::1\n',
    'lb/etc/rc.conf.local': 'pf=YES\nrelayd_flags=""\n',
    'lb/etc/pf.conf': RULES[dialect],
    'lb/etc/relayd.conf': relaydConf(strict ? ' strict' : ''),
  };
  if (strict) {
    files['router/etc/rc.conf.local'] = 'pf=YES\n';
    files['router/etc/pf.conf'] = 'set limit states 400000\npass\n';
    files['router/etc/hostname.vr2'] = 'inet 198.18.8.1 255.255.255.0\n';
    files['lb/etc/hostname.vr2'] = 'inet 198.18.8.2 255.255.255.0\n';
    for (const name of ['router', 'lb']) files[`${name}/etc/hostname.pfsync0`] = SYNC;
  }
  for (const [name, { four, six }] of Object.entries(SERVERS)) {
    files[`${name}/etc/hostname.vr0`] =
      `inet ${four} 255.255.255.0\ninet6 ${six} 64\n!ifconfig lo0 alias ${VIP4}/32\n!ifconfig lo0 inet6 alias ${VIP6}/128\n`;
    files[`${name}/etc/mygate`] = '172.28.3.1\n2001:db8:3::1\n';
  }
  return files;
}

function definition(strict: boolean): LabDefinition {
  const sync: Record<string, string> = strict ? { vr2: 'sync' } : {};
  const host = (name: string) => {
    const interfaces = { vr0: name === 'client' ? 'client' : 'server' };
    return { name, kind: 'host' as const, machine: name, interfaces, serves: false };
  };
  const appliance = (name: string, interfaces: Record<string, string>) => {
    return { name, kind: 'appliance' as const, machine: name, interfaces, serves: false };
  };
  return {
    name: 'service',
    description: 'client - router - load balancer - three talkers',
    segments: ['client', 'server', ...Object.values(sync)],
    hosts: [
      host('client'),
      ...Object.keys(SERVERS).map(host),
      appliance('router', { vr0: 'server', vr1: 'client', ...sync }),
      appliance('lb', { vr0: 'server', ...sync }),
    ],
  };
}

export class ServiceLab {
  readonly network: TapNetwork;
  private readonly directory: string;
  private readonly talkers = new Map<string, ChildProcess>();

  private constructor(network: TapNetwork, directory: string) {
    this.network = network;
    this.directory = directory;
  }

  /** Up, and every talker is in service; `strict` Direct Server Return, or the ordinary. */
  static async up(dialect: ServiceDialect, strict = false): Promise<ServiceLab> {
    const directory = mkdtempSync(join(tmpdir(), 'rhine-lab-'));
    const project = join(directory, 'machines');
    for (const [name, text] of Object.entries(filesOf(dialect, strict))) {
      mkdirSync(dirname(join(project, name)), { recursive: true });
      writeFileSync(join(project, name), text);
    }
    try {
      const network = await TapNetwork.up(definition(strict), { project, directory }, () => {}, {
        captures: false,
      });
      const lab = new ServiceLab(network, directory);
      for (const name of Object.keys(SERVERS)) await lab.startTalker(name);
      await lab.untilHosts((statuses) => [...statuses.values()].every((status) => status === 'up'));
      return lab;
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  async startTalker(name: string): Promise<void> {
    const command = [process.execPath, TALKER, String(PORT), name];
    const talker = this.network.hosts.get(name)!.start(command, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.talkers.set(name, talker);
    await new Promise<void>((resolve, reject) => {
      talker.stdout!.once('data', () => resolve());
      talker.once('exit', (code) => reject(new Error(`the talker of ${name} ended with ${code}`)));
    });
  }

  async stopTalker(name: string): Promise<void> {
    await stop(this.talkers.get(name)!, 'SIGKILL');
  }

  /** A command on the load balancer that must succeed; what it printed. */
  async lb(...words: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.network.command('lb', words);
    if (status !== 0) throw new Error(`${words.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  }

  /** relayd's word on each host, by address. */
  async hosts(): Promise<Map<string, string>> {
    const { tables } = JSON.parse(await this.lb('relayctl', 'show', 'hosts', '--json')) as {
      tables: { hosts: { address: string; status: string }[] }[];
    };
    return new Map(tables.flatMap((table) => table.hosts.map((one) => [one.address, one.status] as const)));
  }

  /** What the load balancer has logged, a line each. */
  messages(): string[] {
    const { directory } = this.network.appliances.get('lb')!;
    return readFileSync(join(directory, 'var/log/messages'), 'utf8').trim().split('\n');
  }

  async untilHosts(reached: (statuses: ReadonlyMap<string, string>) => boolean): Promise<void> {
    let statuses = new Map<string, string>();
    for (let i = 0; i < 60; i++) {
      statuses = await this.hosts();
      if (reached(statuses)) return;
    }
    throw new Error(`relayd says ${JSON.stringify([...statuses])}`);
  }

  async down(): Promise<void> {
    await Promise.all([...this.talkers.values()].map((talker) => stop(talker, 'SIGKILL')));
    await this.network.down();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
