// SPDX-License-Identifier: ISC
//
// The place of the router rows: a client and a server, and between them, each on addresses of its own, the appliance, a C loop, a Linux
// router with nftables, and HAProxy.

import { type ChildProcess, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootAppliance, RHINE } from '../lab/appliance.ts';
import { finish, Namespace, start, stop } from '../lab/namespace.ts';
import { isInstalled } from '../lab/requirements.ts';
import { LabStore } from '../lab/store.ts';

/** Where the client finds the server on each way. */
export const RHINE4 = '10.1.2.2';
export const RHINE6 = 'fd01:2::2';
/** Through a nat-to, and at a rdr-to of the router's own address. */
export const RHINE_NAT = '10.1.2.3';
export const RHINE_RDR = '10.1.1.1';
export const LOOP4 = '10.2.1.2';
export const LOOP6 = 'fd02:1::2';
export const NFT_NAT = '10.3.2.2';
export const NFT_RDR = '10.3.1.1';
export const HAPROXY = '10.4.1.1';
/** Nobody is there, but the router sends it to the server, which drops it: a /12. */
export const NOWHERE = '10.16.0.0';

const MACHINE = 'bench';
const MAC0 = '02:00:00:be:00:00';
const MAC1 = '02:00:00:be:00:01';

/** Rules in front of the one that passes; none of them matches the rows' traffic. */
export function ruleset(count: number): string {
  const others = Array.from({ length: count - 3 }, (_, i) => {
    const source = `172.${16 + ((i >> 8) & 15)}.${i & 255}.0/24`;
    return `block in quick inet proto tcp from ${source} to any port ${1000 + (i % 1000)}`;
  });
  return [
    'set limit states 2000000',
    'set timeout udp.first 600',
    `match out on vr1 inet from 10.1.1.0/24 to ${RHINE_NAT} nat-to 10.1.2.1`,
    `match in on vr0 inet proto tcp to ${RHINE_RDR} rdr-to ${RHINE4}`,
    ...others,
    'pass',
    '',
  ].join('\n');
}

export class Topology {
  readonly client: Namespace;
  readonly server: Namespace;
  readonly wire: Namespace;
  readonly router: Namespace;
  readonly proxy: Namespace;
  readonly directory: string;
  /** The compiled traffic.c. */
  readonly traffic: string;
  readonly machine: string;
  appliance: ChildProcess | undefined;
  loop: ChildProcess | undefined;
  private readonly store: LabStore;
  private readonly project: string;

  private constructor(project: string, namespaces: readonly Namespace[]) {
    [this.client, this.server, this.wire, this.router, this.proxy] = namespaces as [
      Namespace,
      Namespace,
      Namespace,
      Namespace,
      Namespace,
    ];
    this.project = project;
    this.store = new LabStore(project);
    this.directory = this.store.create('bench');
    this.machine = join(this.directory, MACHINE);
    this.traffic = compile(project, this.directory, 'traffic');
  }

  /** Everything up; what was begun is taken down again when it fails. */
  static async up(project: string): Promise<Topology> {
    const namespaces = await Promise.all([1, 2, 3, 4, 5].map(() => Namespace.create()));
    const topology = new Topology(project, namespaces);
    try {
      for (const end of [topology.client, topology.server]) await topology.setUpEnd(end);
      await topology.startLoop();
      await topology.startAppliance();
      await topology.startWeb();
      await topology.startKernelRouter();
      await topology.startProxy();
      return topology;
    } catch (error) {
      await topology.down();
      throw error;
    }
  }

  async down(): Promise<void> {
    if (this.appliance !== undefined) await stop(this.appliance, 'SIGTERM');
    await Promise.all(
      [this.client, this.server, this.wire, this.router, this.proxy].map((namespace) => namespace.end()),
    );
    this.store.remove(this.directory);
  }

  /** Ports enough for every row, and no probing for duplicates that would make addresses late. */
  private async setUpEnd(end: Namespace): Promise<void> {
    await end.must([
      'sh',
      '-ec',
      `echo "1024 65000" > /proc/sys/net/ipv4/ip_local_port_range
       echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
       echo 0 > /proc/sys/net/ipv6/conf/default/accept_ra
       echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse
       echo 32768 > /proc/sys/net/ipv4/tcp_max_tw_buckets`,
    ]);
  }

  private async startLoop(): Promise<void> {
    const program = compile(this.project, this.directory, 'wire');
    this.loop = this.wire.start([program, 'loop0', 'loop1'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await started(this.loop, 'the C loop');
    await this.plug('loop0', this.client, ['10.2.1.1/24', 'fd02:1::1/64']);
    await this.plug('loop1', this.server, ['10.2.1.2/24', 'fd02:1::2/64']);
  }

  /** Moves a device out of the wire's namespace to one of the ends. */
  private async plug(device: string, end: Namespace, addresses: readonly string[]): Promise<void> {
    await this.wire.must(['ip', 'link', 'set', device, 'netns', String(end.pid)]);
    for (const address of addresses) await end.must(['ip', 'address', 'add', address, 'dev', device]);
    await end.must(['ip', 'link', 'set', device, 'up']);
  }

  // The appliance.

  private async startAppliance(): Promise<void> {
    this.writeMachine({ vr0: { tap: 'bench-vr0', lladdr: MAC0 }, vr1: { tap: 'bench-vr1', lladdr: MAC1 } });
    this.appliance = await bootAppliance(this.wire, MACHINE, this.machine, () => {});
    await this.plug('bench-vr0', this.client, ['10.1.1.2/24', 'fd01:1::2/64']);
    await this.plug('bench-vr1', this.server, [`${RHINE4}/24`, `${RHINE_NAT}/24`, `${RHINE6}/64`]);
    await this.routeEnds();
  }

  private async routeEnds(): Promise<void> {
    const routes: [Namespace, string][] = [
      [this.client, `10.1.2.0/24 via 10.1.1.1`],
      [this.client, `fd01:2::/64 via fd01:1::1`],
      [this.client, `${NOWHERE}/12 via 10.1.1.1`],
      [this.server, `10.1.1.0/24 via 10.1.2.1`],
      [this.server, `fd01:1::/64 via fd01:2::1`],
    ];
    for (const [end, route] of routes) await end.must(['ip', 'route', 'replace', ...route.split(' ')]);
  }

  private writeMachine(interfaces: object): void {
    const etc = join(this.machine, 'etc');
    mkdirSync(etc, { recursive: true });
    writeFileSync(join(this.machine, 'machine.json'), JSON.stringify({ name: MACHINE, interfaces }));
    const files = {
      'hostname.vr0': 'inet 10.1.1.1 255.255.255.0\ninet6 fd01:1::1 64\n',
      'hostname.vr1': `inet 10.1.2.1 255.255.255.0\ninet6 fd01:2::1 64\n!route add ${NOWHERE}/12 ${RHINE4}\n`,
      'sysctl.conf': 'net.inet.ip.forwarding=1\nnet.inet6.ip6.forwarding=1\n',
      'pf.conf': ruleset(100),
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(etc, name), text);
  }

  /** Runs a command of the appliance; rejects when it fails. */
  async command(...args: string[]): Promise<string> {
    const result = await finish(
      start([process.execPath, RHINE, '-M', this.machine, ...args], { stdio: ['pipe', 'pipe', 'pipe'] }),
    );
    if (result.status !== 0) throw new Error(`${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  }

  /**
   * Seconds from `rhine boot` to the first answer through it. The appliance's TAPs join bridges that stand ready, with the ends' cables
   * in them; afterwards the appliance is down.
   */
  async bootTime(): Promise<number> {
    await this.bridgeEnds();
    await this.haltAppliance();
    const interfaces = {
      vr0: { tap: 'bench-vr0', lladdr: MAC0, bridge: 'br0' },
      vr1: { tap: 'bench-vr1', lladdr: MAC1, bridge: 'br1' },
    };
    this.writeMachine(interfaces);
    const asking = this.client.run([this.traffic, 'first', RHINE4, '7']);
    const begin = performance.now();
    const booted = bootAppliance(this.wire, MACHINE, this.machine, () => {});
    await asking;
    const seconds = (performance.now() - begin) / 1000;
    this.appliance = await booted;
    return seconds;
  }

  async haltAppliance(): Promise<void> {
    if (this.appliance !== undefined) await stop(this.appliance, 'SIGTERM');
    this.appliance = undefined;
  }

  private bridged = false;

  private async bridgeEnds(): Promise<void> {
    if (this.bridged) return;
    this.bridged = true;
    await this.haltAppliance();
    const cables: [string, Namespace, string, string, string, string][] = [
      ['br0', this.client, '10.1.1.2/24', 'fd01:1::2/64', '10.1.1.1', MAC0],
      ['br1', this.server, `${RHINE4}/24`, `${RHINE6}/64`, '10.1.2.1', MAC1],
    ];
    for (const [bridge, end, address, address6, gateway, mac] of cables) {
      await this.wire.must(['ip', 'link', 'add', bridge, 'type', 'bridge', 'stp_state', '0']);
      await this.wire.must(['ip', 'link', 'set', bridge, 'up']);
      const peer = ['peer', 'name', 'cable', 'netns', String(end.pid)];
      await this.wire.must(['ip', 'link', 'add', `${bridge}-end`, 'type', 'veth', ...peer]);
      await this.wire.must(['ip', 'link', 'set', `${bridge}-end`, 'master', bridge, 'up']);
      await end.must(['ip', 'address', 'add', address, 'dev', 'cable']);
      await end.must(['ip', 'address', 'add', address6, 'dev', 'cable']);
      await end.must(['ip', 'link', 'set', 'cable', 'up']);
      // Nobody waits a second for an answer to who-has of a machine that does not run yet.
      await end.must([
        'ip',
        'neighbor',
        'replace',
        gateway,
        'lladdr',
        mac,
        'dev',
        'cable',
        'nud',
        'permanent',
      ]);
    }
    await this.routeEnds();
    const echo = this.server.start([this.traffic, 'echo', '7'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await started(echo, 'traffic');
  }

  // The peers.

  private async cable(
    box: Namespace,
    end: Namespace,
    name: string,
    own: string,
    other: string,
  ): Promise<void> {
    const peer = ['peer', 'name', name, 'netns', String(end.pid)];
    await box.must(['ip', 'link', 'add', name, 'type', 'veth', ...peer]);
    await box.must(['ip', 'address', 'add', `${own}/24`, 'dev', name]);
    await end.must(['ip', 'address', 'add', `${other}/24`, 'dev', name]);
    for (const one of [box, end]) await one.must(['ip', 'link', 'set', name, 'up']);
  }

  private async startKernelRouter(): Promise<void> {
    if (!isInstalled('nft')) return;
    const { router, client, server } = this;
    await this.cable(router, client, 'nft0', NFT_RDR, '10.3.1.2');
    await this.cable(router, server, 'nft1', '10.3.2.1', NFT_NAT);
    await client.must(['ip', 'route', 'add', '10.3.2.0/24', 'via', NFT_RDR]);
    await server.must(['ip', 'route', 'add', '10.3.1.0/24', 'via', '10.3.2.1']);
    await router.must(['sh', '-ec', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
    await router.must(
      ['nft', '-f', '-'],
      `table ip bench {
         chain prerouting { type nat hook prerouting priority dstnat; ip daddr ${NFT_RDR} tcp dport 1-65535 dnat to ${NFT_NAT}; }
         chain postrouting { type nat hook postrouting priority srcnat; oifname nft1 ct status & dnat == 0 snat to 10.3.2.1; }
         chain forward { type filter hook forward priority filter; ct state established,related accept; ct state new accept; drop; }
       }`,
    );
  }

  private async startProxy(): Promise<void> {
    if (!isInstalled('haproxy')) return;
    const { proxy, client, server } = this;
    await this.cable(proxy, client, 'ha0', HAPROXY, '10.4.1.2');
    await this.cable(proxy, server, 'ha1', '10.4.2.1', '10.4.2.2');
    await this.setUpEnd(proxy);
    const file = join(this.directory, 'haproxy.cfg');
    const times = 'timeout connect 5s\n timeout client 60s\n timeout server 60s';
    writeFileSync(
      file,
      `global\n maxconn 4000\ndefaults\n mode tcp\n ${times}\nlisten web\n bind ${HAPROXY}:80\n server web 10.4.2.2:80\n`,
    );
    proxy.start(['haproxy', '-q', '-db', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] });
    await until(async () => (await proxy.must(['ss', '-Hltn', 'sport = :80'])) !== '', 'HAProxy');
  }

  private async startWeb(): Promise<void> {
    if (!isInstalled('nginx')) return;
    const file = join(this.directory, 'nginx.conf');
    writeFileSync(
      file,
      `user root; daemon off; master_process off; worker_rlimit_nofile 20000;
       pid ${this.directory}/nginx.pid; error_log stderr crit;
       events { worker_connections 8192; }
       http { access_log off; keepalive_requests 1000000;
         ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${this.directory};`).join(' ')}
         server { listen 80 backlog=4096; location / { return 200 "web\\n"; } } }`,
    );
    this.server.start(['nginx', '-e', 'stderr', '-p', this.directory, '-c', file], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await until(async () => (await this.server.must(['ss', '-Hltn', 'sport = :80'])) !== '', 'nginx');
  }
}

/** Compiles a C program of this folder into `directory`. */
export function compile(project: string, directory: string, name: string): string {
  const program = join(directory, name);
  const source = join(project, 'scripts/bench', `${name}.c`);
  const result = spawnSync('cc', ['-O2', '-o', program, source], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`cc: ${result.stderr}`);
  return program;
}

/** Until a program has said its first word. */
export function started(program: ChildProcess, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    program.stdout!.once('data', () => resolve());
    program.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
  });
}

async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} did not start`);
}
