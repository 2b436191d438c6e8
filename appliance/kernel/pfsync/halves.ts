// SPDX-License-Identifier: ISC
//
// Load balancing, both roles of a machine: it says which addresses it balances and, where that is strict, hears of the other half of its
// connections; or it observes those of others. What nobody asks for costs nothing.

import * as pfsync from '../../wire/pfsync.ts';
import { OBSERVATION_LENGTH, writeObservation } from '../../wire/pfsyncObservation.ts';
import type { PfParts } from '../pf/parts.ts';
import { Balancers } from './balancers.ts';
import { Flows } from './flows.ts';
import { Observations } from './observations.ts';
import { Observer } from './observer.ts';
import type { Transmitter } from './transmitter.ts';

export class Halves {
  readonly balancers: Balancers;
  readonly observations: Observations;
  private readonly pf: PfParts;
  private readonly transmitter: Transmitter;
  /** Made when somebody asks for the first time: its memory of flows is large. */
  private observer: Observer | undefined;

  /** `known` is told of each state whose server is heard of for the first time. */
  constructor(pf: PfParts, transmitter: Transmitter, known: (state: number) => void) {
    this.pf = pf;
    this.transmitter = transmitter;
    this.balancers = new Balancers(pf.settings);
    this.observations = new Observations(pf, known);
    this.balancers.read(pf.rulesets);
  }

  /** Others balance something, or do so no longer: packets are looked at, or not. */
  update(): void {
    this.balancers.expire();
    const { hasObserved } = this.balancers;
    if (hasObserved) this.observer ??= this.makeObserver();
    this.show(hasObserved ? this.observer : undefined);
  }

  stop(): void {
    this.show(undefined);
    this.pf.sync.observedUntil = -1;
  }

  /** Tells the others what this machine balances, and that it observes. */
  announce(): void {
    this.update();
    const { balancers, transmitter } = this;
    for (let next = 0; next < balancers.ownCount; ) {
      next = balancers.write(transmitter.begin(), next);
      transmitter.send();
    }
    if (!balancers.hasObserved) return;
    const packet = transmitter.begin();
    const at = packet.add(pfsync.ACTION_OBSERVATION, OBSERVATION_LENGTH);
    writeObservation(packet.bytes, at, 0, 0, 0, 0);
    transmitter.send();
  }

  private show(observer: Observer | undefined): void {
    this.pf.ipv4.observer = observer;
    this.pf.ipv6.observer = observer;
  }

  private makeObserver(): Observer {
    const { clock, random } = this.pf;
    const { balancers, transmitter } = this;
    return new Observer({ clock, balancers, transmitter, flows: new Flows(random.word()) });
  }
}
