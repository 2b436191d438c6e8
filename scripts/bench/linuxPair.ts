// SPDX-License-Identifier: ISC
//
// Two Linux routers that do what lab `pair` does with Debian's programs: keepalived moves a service address and the servers' gateway,
// nftables translates, conntrackd keeps the other one's connection table alike. Each is a network namespace.

import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startWebServer } from '../lab/linuxHost.ts';
import { Namespace, stop } from '../lab/namespace.ts';
import type { Failover } from './failover.ts';
import { during, ECHO, ECHO_PORT, until, VIP } from './failoverTraffic.ts';

const SERVER = '10.0.0.10';
const GATEWAY = '10.0.0.1';
const SEGMENTS = ['outer', 'inner', 'sync'] as const;
const ROUTERS = [
  { name: 'one', number: 1, priority: 150 },
  { name: 'two', number: 2, priority: 100 },
] as const;
type Router = (typeof ROUTERS)[number];

export class LinuxPair {
  private readonly directory: string;
  private wire!: Namespace;
  private readonly spaces = new Map<string, Namespace>();
  private readonly daemons = new Map<string, ChildProcess[]>();

  constructor(directory: string) {
    this.directory = join(directory, 'linux');
  }

  async up(): Promise<void> {
    this.wire = await Namespace.create();
    for (const segment of SEGMENTS) {
      await this.wire.must(['ip', 'link', 'add', segment, 'type', 'bridge', 'mcast_snooping', '0']);
      await this.wire.must(['ip', 'link', 'set', segment, 'up']);
    }
    await this.host('client', 'outer', '192.0.2.200/24');
    await this.host('server', 'inner', `${SERVER}/24`);
    await this.spaces.get('server')!.must(['ip', 'route', 'add', 'default', 'via', GATEWAY]);
    const echo = [process.execPath, ECHO, String(ECHO_PORT)];
    this.spaces.get('server')!.start(echo, { stdio: 'ignore' });
    await startWebServer(this.spaces.get('server')!, 'server', join(this.directory, 'server'));
    for (const router of ROUTERS) await this.router(router);
    await this.inOrder();
  }

  private async host(name: string, segment: string, address: string): Promise<void> {
    this.spaces.set(name, await Namespace.create());
    mkdirSync(join(this.directory, name), { recursive: true });
    await this.plug(name, segment, address);
  }

  /** A cable of that name between a host and a segment. */
  private async plug(host: string, segment: string, address: string): Promise<void> {
    const space = this.spaces.get(host)!;
    const peer = ['peer', 'name', segment, 'netns', String(space.pid)];
    const end = `${host}-${segment}`;
    await this.wire.must(['ip', 'link', 'add', end, 'type', 'veth', ...peer]);
    await this.wire.must(['ip', 'link', 'set', end, 'master', segment, 'up']);
    await space.must(['ip', 'address', 'add', address, 'dev', segment]);
    await space.must(['ip', 'link', 'set', segment, 'up']);
  }

  private async router(router: Router): Promise<void> {
    const { name, number } = router;
    await this.host(name, 'outer', `192.0.2.${number}/24`);
    await this.plug(name, 'inner', `10.0.0.${number + 1}/24`);
    await this.plug(name, 'sync', `172.16.0.${number}/24`);
    const space = this.spaces.get(name)!;
    await space.must(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
    await space.must(['nft', '-f', '-'], RULES);
    // A segment that the dead router had passed and not yet told of is no reason to drop the next.
    await space.must(['sh', '-c', 'echo 1 > /proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal']);
    writeFileSync(join(this.directory, name, 'keepalived.conf'), keepalived(router));
    writeFileSync(join(this.directory, name, 'conntrackd.conf'), this.conntrackd(router));
    this.startDaemons(name);
  }

  private startDaemons(name: string): void {
    const space = this.spaces.get(name)!;
    const place = (file: string) => join(this.directory, name, file);
    const files = ['-f', place('keepalived.conf'), '-p', place('pid'), '-r', place('vrrp.pid')];
    const options = { stdio: 'ignore' } as const;
    this.daemons.set(name, [
      space.start(['conntrackd', '-C', place('conntrackd.conf')], options),
      space.start(['keepalived', '-n', '-P', ...files], options),
    ]);
  }

  /** The first has both addresses, the second none. */
  private async inOrder(): Promise<void> {
    await until('the first router is master', () => this.isMaster('one'));
    await until('the second router is backup', async () => !(await this.isMaster('two')));
  }

  private async isMaster(name: string): Promise<boolean> {
    const shown = await this.spaces.get(name)!.must(['ip', '-4', 'address', 'show']);
    return shown.includes(`${VIP}/`) && shown.includes(`${GATEWAY}/`);
  }

  /** The first router goes away: its cables are dead, and so are its daemons. Then it comes back with nothing. */
  async fail(): Promise<Failover> {
    const failover = await during(this.spaces.get('client')!, 80, async () => {
      await Promise.all(SEGMENTS.map((segment) => this.cable(segment, 'down')));
      await Promise.all(this.daemons.get('one')!.map((daemon) => stop(daemon, 'SIGKILL')));
      await until('the second router is master', () => this.isMaster('two'));
    });
    const one = this.spaces.get('one')!;
    await one.run(['ip', 'address', 'del', `${VIP}/24`, 'dev', 'outer']);
    await one.run(['ip', 'address', 'del', `${GATEWAY}/24`, 'dev', 'inner']);
    await Promise.all(SEGMENTS.map((segment) => this.cable(segment, 'up')));
    this.startDaemons('one');
    await this.inOrder();
    return failover;
  }

  private async cable(segment: string, state: 'up' | 'down'): Promise<void> {
    await this.wire.must(['ip', 'link', 'set', `one-${segment}`, state]);
  }

  async down(): Promise<void> {
    await Promise.all([...this.daemons.values()].flat().map((daemon) => stop(daemon, 'SIGTERM')));
    await Promise.all([...this.spaces.values()].map((space) => space.end()));
    await this.wire?.end();
  }

  /** Connections go straight into the kernel's table, so that a new master has nothing to load. */
  private conntrackd({ name, number }: Router): string {
    const place = (file: string) => join(this.directory, name, file);
    return `Sync {
  Mode FTFW { DisableExternalCache on }
  UDP {
    IPv4_address 172.16.0.${number}
    IPv4_Destination_Address 172.16.0.${3 - number}
    Port 3780
    Interface sync
    Checksum on
  }
}
General {
  HashSize 32768
  HashLimit 131072
  LockFile ${place('lock')}
  UNIX { Path ${place('control')} }
  NetlinkBufferSize 2097152
  NetlinkBufferSizeMaxGrowth 8388608
  Filter From Userspace {
    Protocol Accept { TCP UDP }
    Address Ignore { IPv4_address 127.0.0.1 IPv4_address 172.16.0.1 IPv4_address 172.16.0.2 }
  }
}
`;
  }
}

const RULES = `table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat
    ip daddr ${VIP} tcp dport 80 dnat to ${SERVER}
    ip daddr ${VIP} udp dport ${ECHO_PORT} dnat to ${SERVER}
  }
}
`;

function keepalived({ name, priority }: Router): string {
  const instance = (segment: string, id: number, address: string) => `vrrp_instance ${segment} {
  state BACKUP
  interface ${segment}
  virtual_router_id ${id}
  priority ${priority}
  advert_int 1
  virtual_ipaddress { ${address}/24 }
}
`;
  return `global_defs {
  router_id ${name}
}
vrrp_sync_group both {
  group { outer inner }
}
${instance('outer', 51, VIP)}${instance('inner', 52, GATEWAY)}`;
}
