// SPDX-License-Identifier: ISC
//
// relayd's surroundings on virtual time: a clock that is moved by hand, servers that can be switched, and a log of the calls to pf.

import { Duplex } from 'node:stream';
import type { Address } from '../../../appliance/abi/address.ts';
import { formatAddress, formatPrefix } from '../../../appliance/abi/addressText.ts';
import type { CallName, KernelClient, Request } from '../../../appliance/abi/client.ts';
import { CallError } from '../../../appliance/abi/errno.ts';
import type { Dialect } from '../../../appliance/abi/rule.ts';
import type { Network, Timers } from '../../../appliance/user/relayd/network.ts';
import { type Relayd, startRelayd } from '../../../appliance/user/relayd/relayd.ts';

class VirtualTimers implements Timers {
  private time = 0;
  private readonly timers = new Set<{ readonly at: number; readonly fire: () => void }>();

  now(): number {
    return this.time;
  }

  after(milliseconds: number, fire: () => void): () => void {
    const timer = { at: this.time + milliseconds, fire };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Lets so much time pass; everything that a timer sets going is done before the next one. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    for (;;) {
      await settle();
      const [next] = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.timers.delete(next);
      this.time = Math.max(this.time, next.at);
      next.fire();
    }
    this.time = end;
  }
}

/** Promises and streams come to rest. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A server's side of a connection: what is sent is noted, what it answers is `answer`. */
function connectionTo(answer: string | undefined, requests: string[]): Duplex {
  return new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      requests.push(chunk.toString('latin1'));
      if (answer !== undefined) {
        this.push(answer);
        this.push(null);
      }
      done();
    },
  });
}

export class World {
  readonly clock = new VirtualTimers();
  readonly log: string[] = [];
  /** Calls that change pf or routes, one line each, since they were last looked at. */
  calls: string[] = [];
  readonly loads: Request<'pf.load'>[] = [];
  readonly requests: string[] = [];
  /** Hosts that refuse connections. */
  readonly refusing = new Set<string>();
  /** What servers say to a request; undefined: nothing. */
  answer: string | undefined = 'HTTP/1.0 200 OK\r\n\r\n';
  dialect: Dialect = 'openbsd-2008';
  enabled = true;
  matches = 0;
  relayd!: Relayd;

  readonly network: Network = {
    connect: async ({ address }) => {
      if (this.refuses(address)) throw new CallError('ECONNREFUSED');
      return connectionTo(this.answer, this.requests);
    },
    echo: async ({ address }) => {
      if (this.refuses(address)) throw new CallError('ETIMEDOUT');
    },
  };

  private refuses(address: Address): boolean {
    return this.refusing.has(formatAddress(address));
  }

  readonly kernel = {
    call: async (name: CallName, request: unknown) => this.answerTo(name, request),
    on: () => () => {},
  } as unknown as KernelClient;

  private answerTo(name: CallName, request: unknown): unknown {
    switch (name) {
      case 'pf.status':
        return { enabled: this.enabled, dialect: this.dialect };
      case 'pf.load': {
        const load = request as Request<'pf.load'>;
        this.loads.push(load);
        for (const { path, rules } of load.anchors) this.calls.push(`load ${path} ${rules.length}`);
        return null;
      }
      case 'pf.changeTable': {
        const { name: table, change, entries } = request as Request<'pf.changeTable'>;
        const addresses = entries.map(({ prefix }) => ` ${formatPrefix(prefix)}`).join('');
        this.calls.push(`${change} ${table}${addresses}`);
        return { added: entries.length, deleted: 0, changed: 0 };
      }
      case 'pf.tables': {
        const { anchor = '' } = request as Request<'pf.tables'>;
        return [{ name: anchor.split('/').at(-1), evaluations: { match: this.matches, noMatch: 0 } }];
      }
      case 'route.add': {
        const { destination, gateway } = request as Request<'route.add'>;
        this.calls.push(`route ${formatPrefix(destination)} ${formatAddress(gateway!)}`);
        return null;
      }
      case 'route.delete':
        this.calls.push(`unroute ${formatPrefix((request as Request<'route.delete'>).destination)}`);
        return null;
      default:
        throw new CallError('EINVAL', `${name} is not answered here`);
    }
  }

  async start(text: string): Promise<Relayd> {
    this.relayd = await startRelayd({
      text,
      file: 'relayd.conf',
      kernel: this.kernel,
      network: this.network,
      clock: this.clock,
      random: () => 0.5,
      log: (line) => this.log.push(line),
      runScript: async () => 1,
    });
    return this.relayd;
  }

  /** The calls since the last time. */
  take(): string[] {
    const { calls } = this;
    this.calls = [];
    return calls;
  }
}
