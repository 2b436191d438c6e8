// SPDX-License-Identifier: ISC
//
// Routers: routes through each gateway that is well, each with its `priority` (relayd.md 3). A gateway that is disabled or
// not checked yet has no routes, unlike the original's, where they stayed.

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

  /** Adds routes of gateways that are well, deletes those of others and those whose priority is another now. */
  async sync(router: Router): Promise<void> {
    const usable = router.disabled ? [] : router.table.usable;
    const wanted = new Map(usable.map((host) => [formatAddress(host.conf.address), priorityOf(host)]));
    const installed = new Map(router.installed);
    for (const [gateway, priority] of router.installed) {
      if (wanted.get(gateway) === priority) continue;
      if (await this.delete(router, gateway)) installed.delete(gateway);
    }
    for (const [gateway, priority] of wanted) {
      if (installed.has(gateway)) continue;
      if (await this.add(router, gateway, priority)) installed.set(gateway, priority);
    }
    router.installed = installed;
  }

  /** Deletes all routes of a router that is no longer configured. */
  async withdraw(router: Router): Promise<void> {
    for (const gateway of router.installed.keys()) await this.delete(router, gateway);
    router.installed = new Map();
  }

  private add(router: Router, gateway: string, priority: number): Promise<boolean> {
    const { label } = router.conf;
    return this.change(router, 'add', gateway, (destination) =>
      this.kernel.call('route.add', {
        destination,
        gateway: parseAddress(gateway)!,
        priority,
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

function priorityOf(host: Host): number {
  return host.conf.priority === 0 ? DEFAULT_PRIORITY : host.conf.priority;
}
