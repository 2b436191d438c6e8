// SPDX-License-Identifier: ISC
//
// One run: a pair of firewalls, two hundred connections, twenty faults in ten minutes of virtual time, and what must be true meanwhile. All of
// it follows from the seed; in every other run the firewalls share a key for pfsync.

import { Random } from '../../appliance/kernel/random.ts';
import { type Fault, LAST_FAULT, makeFaults, SETTLED } from './faults.ts';
import { FaultyNetwork } from './faultyNetwork.ts';
import { Invariants } from './invariants.ts';
import { keyOf } from './opener.ts';
import { CLIENT, Firewall, GATEWAYS, makeHost, SERVER, type Which } from './pair.ts';
import { Traffic } from './traffic.ts';

const SECOND = 1_000_000;
/** Seconds: the run ends. */
const END = 660;
/** Between two looks at everything. */
const LOOK = SECOND;

export class Simulation {
  readonly seed: number;
  /** Every other run has machines that share a key, and an attacker. */
  readonly isSealed: boolean;
  readonly network: FaultyNetwork;
  readonly random: Random;
  readonly firewalls = new Map<Which, Firewall>();
  readonly traffic: Traffic;
  readonly invariants: Invariants;
  readonly faults: readonly Fault[];
  /** What happened, in order. */
  readonly log: string[] = [];
  private otherRules = false;
  private keys = 0;

  constructor(seed: number) {
    this.seed = seed;
    this.isSealed = seed % 2 === 0;
    this.random = new Random([seed, 0x73696d, 0x75, 1]);
    this.network = new FaultyNetwork(this.random);
    for (const name of ['left', 'right', 'sync']) this.network.wire(name);
    const client = makeHost(this.network, 'client', 'left', CLIENT, GATEWAYS.left);
    const server = makeHost(this.network, 'server', 'right', SERVER, GATEWAYS.right);
    this.traffic = new Traffic(this.network, this.random, client, server, SETTLED, LAST_FAULT);
    this.invariants = new Invariants(this);
    this.boot(1);
    this.boot(2);
    this.faults = makeFaults(this);
    for (const { at, name, act } of this.faults) {
      this.network.after(at * SECOND, () => {
        this.say(name);
        act();
      });
    }
  }

  say(text: string): void {
    this.log.push(`${(this.network.now / SECOND).toFixed(3)} ${text}`);
  }

  /** A firewall with empty memory. */
  boot(number: Which): void {
    const before = this.firewalls.get(number);
    if (before !== undefined) this.network.remove(before.machine);
    const key = this.isSealed ? keyOf(++this.keys) : undefined;
    const otherRules = number === 2 && this.otherRules;
    const firewall = new Firewall(this.network, number, { otherRules, key }, (on) => {
      this.say(`fw${on.number} ${on.carp.join(' ')}`);
      this.invariants.carpChanged(on);
    });
    this.firewalls.set(number, firewall);
  }

  kill(number: Which): void {
    this.firewalls.get(number)!.machine.kill();
    this.invariants.killed(number);
  }

  /** The second firewall has other rules than the first, or the same again. */
  mismatch(otherRules: boolean): void {
    this.otherRules = otherRules;
    const second = this.firewalls.get(2)!;
    if (second.machine.alive) second.load(otherRules);
  }

  get alive(): Firewall[] {
    return [...this.firewalls.values()].filter(({ machine }) => machine.alive);
  }

  /** Runs to the end, or to the first thing that must not be; answers what that was. */
  run(): readonly string[] {
    while (this.network.now < END * SECOND && this.invariants.violations.length === 0) {
      this.network.run(LOOK);
      this.invariants.look();
    }
    if (this.invariants.violations.length === 0) this.invariants.ended();
    return this.invariants.violations;
  }
}
