// SPDX-License-Identifier: ISC
//
// Direct Server Return while servers come and go: large transfers in both dialects and families, and many connections while hosts are
// stopped, started, disabled and drained at random. RHINE_CHURN_SECONDS (default 10) and RHINE_CHURN_RATE (connections a second, default
// 300) set how long and how hard; RHINE_SEED which chance. With RHINE_CHURN_STRICT=1 today's dialect is strict.

import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import type { Attempted, ConnectionPlan } from '../../scripts/lab/connections.ts';
import type { Transferred } from '../../scripts/lab/transfer.ts';
import { noLab, PROJECT } from '../support/lab.ts';
import {
  CLIENTS,
  PORT,
  SERVERS,
  type ServiceDialect,
  ServiceLab,
  VIP4,
  VIP6,
} from '../support/serviceLab.ts';

const SECONDS = Number(process.env.RHINE_CHURN_SECONDS ?? 10);
const RATE = Number(process.env.RHINE_CHURN_RATE ?? 300);
const STRICT = process.env.RHINE_CHURN_STRICT === '1';
const SEED = Number(process.env.RHINE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const LARGE = 10_000_000;
/** A SYN that is lost is sent again after a second: when a host is back, that much later may be its time. */
const AGAIN = 1_500;
/** A connection is held for so long; one that takes a second more may have come to its host by a SYN that was sent again. */
const HOLD = 800;

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Numbers below `bound` that follow from a seed (mulberry32). */
function chance(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

/** A time in which something was so, milliseconds since the epoch. */
interface Span {
  readonly server: string;
  readonly from: number;
  readonly to: number;
}

/** What was done to the servers, and what of it a client may notice. */
class Churn {
  /** A server was killed, until relayd was seen to say so. */
  readonly gaps: Span[] = [];
  /** relayd gave it nothing new: it was seen to say down, or was told to disable or drain. */
  readonly closed: Span[] = [];
  readonly told: string[] = [];
  private readonly lab: ServiceLab;
  private readonly below: (bound: number) => number;

  constructor(lab: ServiceLab, seed: number) {
    this.lab = lab;
    this.below = chance(seed);
  }

  /** One server at a time, so that there are always others. */
  async run(isOver: () => boolean): Promise<void> {
    const names = Object.keys(SERVERS);
    while (!isOver()) {
      const server = names[this.below(names.length)]!;
      const act = [
        () => this.kill(server),
        () => this.close(server, 'disable'),
        () => this.close(server, 'drain'),
      ];
      await act[this.below(act.length)]!();
      await pause(this.below(500));
    }
  }

  private async kill(server: string): Promise<void> {
    const address = SERVERS[server]!.four;
    const killed = Date.now();
    await this.lab.stopTalker(server);
    await this.lab.untilHosts((statuses) => statuses.get(address) === 'down');
    const seen = Date.now();
    await pause(this.below(3_000));
    const back = Date.now() - AGAIN;
    await this.lab.startTalker(server);
    this.gaps.push({ server, from: killed, to: seen });
    if (back > seen) this.closed.push({ server, from: seen, to: back });
    await this.lab.untilHosts((statuses) => statuses.get(address) === 'up');
    this.told.push(`${server} killed, seen down after ${seen - killed} ms`);
  }

  private async close(server: string, word: 'disable' | 'drain'): Promise<void> {
    const address = SERVERS[server]!.four;
    await this.lab.lb('relayctl', 'host', word, address);
    const from = Date.now();
    await pause(500 + this.below(1_500));
    const to = Date.now() - AGAIN;
    await this.lab.lb('relayctl', 'host', 'enable', address);
    if (to > from) this.closed.push({ server, from, to });
    await this.lab.untilHosts((statuses) => statuses.get(address) === 'up');
    this.told.push(`${server} ${word}`);
  }
}

for (const dialect of ['openbsd', 'openbsd-2008'] as const satisfies readonly ServiceDialect[]) {
  describe(`lab service, ${dialect}`, { skip: noLab() ?? false, timeout: 900_000 }, () => {
    let lab: ServiceLab;

    before(async () => {
      lab = await ServiceLab.up(dialect, STRICT && dialect === 'openbsd');
    });

    after(() => lab?.down());

    for (const address of [VIP4, VIP6]) {
      for (const word of ['down', 'up']) {
        test(`10 MB ${word}, ${address}`, async () => {
          const script = `${PROJECT}/dist/scripts/lab/transfer.js`;
          const words = [address, String(PORT), word, String(LARGE), '60'];
          const client = lab.network.hosts.get('client')!;
          const done = JSON.parse(await client.must([process.execPath, script, ...words])) as Transferred;
          assert.ok(done.server in SERVERS, JSON.stringify(done));
          assert.deepEqual(done, { server: done.server, bytes: LARGE, whole: true });
        });
      }
    }

    if (dialect === 'openbsd') {
      test(`${RATE} connections a second for ${SECONDS} s while servers come and go, seed ${SEED}`, async (context) => {
        const before = await pfCounted(lab);
        const attempts: Attempted[] = [];
        const churn = new Churn(lab, SEED);
        let isOver = false;
        const load = connectAll(lab, (one) => attempts.push(one)).finally(() => {
          isOver = true;
        });
        await Promise.all([load, churn.run(() => isOver)]);
        assert.equal(attempts.length, RATE * SECONDS);
        let refused = 0;
        try {
          refused = judge(attempts, churn, (line) => context.diagnostic(line));
        } catch (error) {
          for (const line of lab.messages()) context.diagnostic(line);
          throw error;
        }
        const counted = await pfCounted(lab);
        const again = counted - before - attempts.length;
        // A SYN that is sent again, and comes when pf has heard of the refusal of the first, is another connection to it.
        const most = STRICT ? refused : 0;
        assert.ok(again >= 0 && again <= most, `pf gave ${counted - before} connections to a host`);
        assert.equal(await relaydCounted(lab, counted), counted, "relayd's count");
        context.diagnostic(`pf and relayd counted ${counted} sessions, ${attempts.length} of them here`);
      });
    }
  });
}

async function connectAll(lab: ServiceLab, heard: (one: Attempted) => void): Promise<void> {
  const target = { address: VIP4, port: PORT };
  const plan: ConnectionPlan = { target, sources: CLIENTS, rate: RATE, seconds: SECONDS, hold: HOLD };
  const script = `${PROJECT}/dist/scripts/lab/connections.js`;
  const command = [process.execPath, script, JSON.stringify(plan)];
  const child = lab.network.hosts.get('client')!.start(command, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout! })) heard(JSON.parse(line) as Attempted);
}

/** Who failed had a reason, and nobody came to where nobody was to come. Answers how many met a server that had just been killed. */
function judge(attempts: readonly Attempted[], churn: Churn, say: (line: string) => void): number {
  let gap = 0;
  let broken = 0;
  let slow = 0;
  const strange: string[] = [];
  for (const [opened, over, server, error] of attempts) {
    const told = JSON.stringify([opened, over, server, error]);
    const isPrompt = over - opened < HOLD + 1_000;
    if (!isPrompt) slow++;
    const misled = churn.closed.find((one) => one.server === server && opened > one.from && opened < one.to);
    if (isPrompt)
      assert.equal(misled, undefined, `${told} went to a host that was closed ${JSON.stringify(misled)}`);
    if (error === '') continue;
    const met = churn.gaps.some(
      (one) => (server === '' || one.server === server) && opened <= one.to && over >= one.from,
    );
    if (!met) strange.push(told);
    if (server === '') gap++;
    else broken++;
  }
  const good = attempts.length - gap - broken;
  say(
    `${good} connections succeeded, ${gap} met a server just killed, ${broken} were with one when it was killed; ${slow} took a second too long`,
  );
  for (const line of churn.told) say(line);
  assert.deepEqual(strange, [], `failed without a reason; ${JSON.stringify(churn.gaps)}`);
  return gap;
}

/** Connections that pf gave to a host, by the counter of the redirection's table. */
async function pfCounted(lab: ServiceLab): Promise<number> {
  const tables = JSON.parse(await lab.lb('pfctl', '--json', '-a', 'relayd/service', '-s', 'Tables')) as {
    name: string;
    evaluations: { match: number };
  }[];
  return tables.find((one) => one.name === 'service')!.evaluations.match;
}

/** relayd's count, which it takes from pf once a minute: waits until it is `expected`, or a minute has passed. */
async function relaydCounted(lab: ServiceLab, expected: number): Promise<number> {
  for (let i = 0; ; i++) {
    const { redirects } = JSON.parse(await lab.lb('relayctl', 'show', 'redirects', '--json')) as {
      redirects: { name: string; statistics: { total: number } }[];
    };
    const { total } = redirects.find((one) => one.name === 'service')!.statistics;
    if (total === expected || i === 65) return total;
    await pause(1_000);
  }
}
