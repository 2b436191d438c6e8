// SPDX-License-Identifier: ISC
//
// Draining hosts: looks from time to time whether pf still has connections to them, and tells when they are idle.

import { type Address, sameAddress } from '../../abi/address.ts';
import type { KernelClient } from '../../abi/client.ts';
import type { StateInfo } from '../../abi/pf.ts';
import type { Host } from './host.ts';
import type { Timers } from './network.ts';
import { readStates } from './states.ts';

/** Between two looks, milliseconds. */
const PERIOD = 5_000;

export interface DrainListener {
  /** A draining host has no connection left. */
  drained(host: Host): void;
  /** The look at pf's states failed; there is no other until something is switched. */
  broken(error: Error): void;
}

export class Drains {
  private readonly kernel: KernelClient;
  private readonly clock: Timers;
  private readonly listener: DrainListener;
  private draining: readonly Host[] = [];
  private cancel: (() => void) | undefined;

  constructor(kernel: KernelClient, clock: Timers, listener: DrainListener) {
    this.kernel = kernel;
    this.clock = clock;
    this.listener = listener;
  }

  /** Watches those of the hosts that drain. */
  watch(hosts: readonly Host[]): void {
    this.draining = hosts.filter((host) => host.admin === 'draining');
    this.wait();
  }

  stop(): void {
    this.draining = [];
    this.cancel?.();
    this.cancel = undefined;
  }

  /** Connections that pf sends to one of the hosts. */
  async count(hosts: readonly Host[]): Promise<number> {
    const addresses = hosts.map((host) => host.conf.address);
    let found = 0;
    await readStates(this.kernel, (state) => {
      if (addresses.some((address) => leadsTo(state, address))) found++;
    });
    return found;
  }

  private wait(): void {
    if (this.cancel !== undefined || this.draining.every((host) => host.idle)) return;
    this.cancel = this.clock.after(PERIOD, () => {
      this.cancel = undefined;
      this.look().catch((error: Error) => this.listener.broken(error));
    });
  }

  private async look(): Promise<void> {
    for (const host of this.draining) {
      if (host.idle || (await this.count([host])) > 0 || !this.draining.includes(host)) continue;
      host.idle = true;
      this.listener.drained(host);
    }
    this.wait();
  }
}

/** Whether a redirection made this state for a connection to the address: routed there, or translated to it. */
function leadsTo(state: StateInfo, address: Address): boolean {
  if (state.route !== undefined && sameAddress(state.route.address, address)) return true;
  const { wire, stack } = state;
  const translated = wire.addresses.some((one, i) => !sameAddress(one, stack.addresses[i]!));
  return translated && stack.addresses.some((one) => sameAddress(one, address));
}
