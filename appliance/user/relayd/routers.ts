// SPDX-License-Identifier: ISC
//
// Routers: routes through each gateway that is well, next to each other, the best `priority` first (relayd.md 3). A gateway that is disabled or not
// checked yet has no routes, unlike the original's, where they stayed.

import { formatAddress, parseAddress } from '../../abi/addressText.ts';
import type { KernelClient } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import type { Host } from './host.ts';
import type { Log } from './network.ts';
import type { Router } from './objects.ts';

export class Routers {
  private readonly kernel: KernelClient;
  private readonly log: Log;

  constructor(kernel: KernelClient, log: Log) {
    this.kernel = kernel;
    this.log = log;
  }

  /** Adds routes of gateways that are well, deletes those of others. */
  async sync(router: Router): Promise<void> {
    const usable = router.disabled ? [] : router.table.usable;
    const wanted = new Map(usable.map((host) => [formatAddress(host.conf.address), rankOf(host)]));
    const installed = new Set(router.installed);
    for (const [gateway, rank] of [...wanted].sort((a, b) => a[1] - b[1])) {
      if (installed.has(gateway)) continue;
      if (!(await this.add(router, gateway))) continue;
      installed.add(gateway);
      const worse = [...installed].filter((other) => (wanted.get(other) ?? 0) > rank);
      for (const other of worse) await this.putBehind(router, other);
    }
    for (const gateway of router.installed) {
      if (!wanted.has(gateway) && (await this.delete(router, gateway))) installed.delete(gateway);
    }
    router.installed = installed;
  }

  /** Of routes to one destination the kernel takes the oldest: one that is worse than a newer one is made newer. */
  private async putBehind(router: Router, gateway: string): Promise<void> {
    await this.delete(router, gateway);
    await this.add(router, gateway);
  }

  /** Deletes all routes of a router that is no longer configured. */
  async withdraw(router: Router): Promise<void> {
    for (const gateway of router.installed) await this.delete(router, gateway);
    router.installed = new Set();
  }

  private add(router: Router, gateway: string): Promise<boolean> {
    const { label } = router.conf;
    return this.change(router, 'add', gateway, (destination) =>
      this.kernel.call('route.add', {
        destination,
        gateway: parseAddress(gateway)!,
        ...(label && { label }),
      }),
    );
  }

  private delete(router: Router, gateway: string): Promise<boolean> {
    return this.change(router, 'delete', gateway, (destination) =>
      this.kernel.call('route.delete', { destination, gateway: parseAddress(gateway)! }),
    );
  }

  /** Does it for all routes of a router. A route that is there, or gone, already is as good as done. */
  private async change(
    router: Router,
    verb: 'add' | 'delete',
    gateway: string,
    call: (destination: Router['conf']['routes'][number]) => Promise<unknown>,
  ): Promise<boolean> {
    let done = true;
    for (const route of router.conf.routes) {
      try {
        await call(route);
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        if (error.code === (verb === 'add' ? 'EEXIST' : 'ESRCH')) continue;
        done = false;
        this.log(`router ${router.conf.name}: ${verb} via ${gateway}: ${error.message}`, 'error');
      }
    }
    return done;
  }
}

/** What routes have that say no priority (route(8), RTP_STATIC). */
const DEFAULT_PRIORITY = 8;

/** Lower is better. */
function rankOf(host: Host): number {
  return host.conf.priority === 0 ? DEFAULT_PRIORITY : host.conf.priority;
}
