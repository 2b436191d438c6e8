// SPDX-License-Identifier: ISC
//
// A router block at work: its routes lead to the first gateway that is up, best priority first; without one they are withdrawn.

import type { Address } from '../../abi/address.ts';
import { sameAddress } from '../../abi/address.ts';
import type { KernelClient } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import type { RouterConf } from '../config/relayd/model.ts';
import type { Table } from './hosts.ts';

export class Router {
  readonly id: number;
  readonly conf: RouterConf;
  readonly gateways: Table;
  /** Where the routes lead now. */
  private gateway: Address | undefined;

  constructor(parts: { id: number; conf: RouterConf; gateways: Table }) {
    this.id = parts.id;
    this.conf = parts.conf;
    this.gateways = parts.gateways;
  }

  async sync(kernel: KernelClient): Promise<void> {
    if (this.conf.disabled) return;
    const [best] = [...this.gateways.up].sort((a, b) => (a.conf.priority ?? 0) - (b.conf.priority ?? 0));
    if (best === undefined) return this.remove(kernel);
    const gateway = best.conf.address;
    if (this.gateway !== undefined && sameAddress(this.gateway, gateway)) return;
    const label = this.conf.label === undefined ? {} : { label: this.conf.label };
    for (const destination of this.conf.routes) {
      await kernel.call('route.add', { destination, gateway, change: true, ...label });
    }
    this.gateway = gateway;
  }

  async remove(kernel: KernelClient): Promise<void> {
    if (this.gateway === undefined) return;
    this.gateway = undefined;
    for (const destination of this.conf.routes) {
      await kernel.call('route.delete', { destination }).catch((error) => {
        // Someone else has taken it out already.
        if (!(error instanceof CallError && error.code === 'ESRCH')) throw error;
      });
    }
  }
}
