// SPDX-License-Identifier: ISC
//
// What goes wrong in a run: twenty faults, each for some seconds, drawn from the seed. Some overlap; those that stop a machine leave the other
// one time to be whole again first.

import * as carp from '../../appliance/wire/carp.ts';
import * as ethernet from '../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../appliance/wire/ipv4.ts';
import { frame, ip4 } from '../support/packets.ts';
import { forger, replayAtBoot, replayer } from './attacks.ts';
import { speaker } from './faultyNetwork.ts';
import type { Which } from './pair.ts';
import type { Simulation } from './simulation.ts';

export interface Fault {
  /** Seconds. */
  readonly at: number;
  readonly name: string;
  readonly act: () => void;
}

/** Faults of a run. */
const COUNT = 20;
/** Seconds: the network has settled, and the last fault has begun. */
export const SETTLED = 15;
export const LAST_FAULT = 540;
const SECOND = 1_000_000;

type Kind = (simulation: Simulation, lasting: number) => { readonly name: string; readonly act: () => void };

const WIRES = ['left', 'right', 'sync'] as const;

const KINDS: readonly Kind[] = [
  (simulation, lasting) => onWire(simulation, lasting, 'loss', (share) => ({ loss: 0.02 + 0.2 * share })),
  (simulation, lasting) =>
    onWire(simulation, lasting, 'duplication', (share) => ({ duplication: 0.5 * share })),
  (simulation, lasting) =>
    onWire(simulation, lasting, 'disorder', (share) => ({ jitter: 1 + 20_000 * share })),
  (simulation, lasting) => onWire(simulation, lasting, 'delay', (share) => ({ jitter: 1 + 300_000 * share })),
  oneWay,
  partition,
  crash,
  crash,
  crash,
  skew,
  jump,
  stall,
  mismatch,
  deletion,
  deletion,
  unheardDeletion,
  flush,
  handover,
  impostor,
];

/** Where the firewalls share a key, there is somebody against whom it is. */
const SEALED_KINDS: readonly Kind[] = [
  ...KINDS,
  flush,
  forger,
  forger,
  replayer,
  replayer,
  replayAtBoot,
  replayAtBoot,
];

export function makeFaults(simulation: Simulation): Fault[] {
  const { random } = simulation;
  const kinds = simulation.isSealed ? SEALED_KINDS : KINDS;
  const share = (LAST_FAULT - SETTLED) / COUNT;
  return Array.from({ length: COUNT }, (_, i) => {
    const kind = kinds[random.below(kinds.length)]!;
    const lasting = 2 + random.below(8);
    const at = SETTLED + i * share + random.below(4);
    return { at, ...kind(simulation, lasting) };
  });
}

function eitherOne({ random }: Simulation): Which {
  return random.below(2) === 0 ? 1 : 2;
}

function later(simulation: Simulation, seconds: number, act: () => void): void {
  simulation.network.after(seconds * SECOND, act);
}

function onWire(
  simulation: Simulation,
  lasting: number,
  name: string,
  values: (share: number) => Partial<Record<'loss' | 'duplication' | 'jitter', number>>,
) {
  const { random } = simulation;
  const on = WIRES[random.below(WIRES.length)]!;
  const settings = values(random.below(1000) / 1000);
  const { faults } = simulation.network.wires.get(on)!;
  const act = () => {
    simulation.invariants.trouble(lasting + 1);
    Object.assign(faults, settings);
    later(simulation, lasting, () => faults.clear());
  };
  return { name: `${name} on ${on} for ${lasting} s ${JSON.stringify(settings)}`, act };
}

/** A firewall does not hear, but is heard. */
function oneWay(simulation: Simulation, lasting: number) {
  const number = eitherOne(simulation);
  const on = WIRES[simulation.random.below(WIRES.length)]!;
  const { deaf } = simulation.network.wires.get(on)!;
  const act = () => {
    simulation.invariants.trouble(lasting + 1);
    deaf.add(`fw${number}`);
    later(simulation, lasting, () => deaf.delete(`fw${number}`));
  };
  return { name: `fw${number} is deaf on ${on} for ${lasting} s`, act };
}

/** A cable is pulled out. */
function partition(simulation: Simulation, lasting: number) {
  const number = eitherOne(simulation);
  const name = `vr${simulation.random.below(3)}`;
  const act = () => {
    simulation.invariants.trouble(lasting + 1);
    const { machine } = simulation.firewalls.get(number)!;
    if (!machine.alive) return;
    const { port } = machine.links.get(name)!;
    port.carrier = false;
    later(simulation, lasting, () => {
      if (machine.alive) port.carrier = true;
    });
  };
  return { name: `fw${number} without ${name} for ${lasting} s`, act };
}

/** kill -9, and a restart with empty memory. */
function crash(simulation: Simulation, lasting: number) {
  const number = eitherOne(simulation);
  const act = () => {
    simulation.invariants.trouble(lasting + 1);
    simulation.kill(number);
    later(simulation, lasting, () => {
      simulation.say(`fw${number} is back`);
      simulation.boot(number);
    });
  };
  return { name: `fw${number} is killed for ${lasting} s`, act };
}

function skew(simulation: Simulation, lasting: number) {
  const number = eitherOne(simulation);
  const rate = 0.97 + simulation.random.below(60) / 1000;
  const act = () => {
    const { machine } = simulation.firewalls.get(number)!;
    machine.setRate(rate, simulation.network.now);
    later(simulation, lasting, () => machine.setRate(1, simulation.network.now));
  };
  return { name: `fw${number}'s clock runs at ${rate} for ${lasting} s`, act };
}

function jump(simulation: Simulation, lasting: number) {
  const number = eitherOne(simulation);
  const act = () => {
    simulation.invariants.trouble(2);
    simulation.firewalls.get(number)!.machine.jump(lasting * SECOND);
  };
  return { name: `fw${number}'s clock jumps by ${lasting} s`, act };
}

/** A slow machine: nothing happens in it for a while. */
function stall(simulation: Simulation, lasting: number) {
  const number = eitherOne(simulation);
  const duration = (lasting * SECOND) / 4;
  const act = () => {
    simulation.invariants.trouble(lasting / 4 + 1);
    simulation.firewalls.get(number)!.machine.stall(simulation.network.now, duration);
  };
  return { name: `fw${number} stands still for ${lasting / 4} s`, act };
}

function mismatch(simulation: Simulation, lasting: number) {
  const act = () => {
    simulation.mismatch(true);
    later(simulation, lasting, () => simulation.mismatch(false));
  };
  return { name: `other rules on fw2 for ${lasting} s`, act };
}

/** The administrator of a firewall removes a state. */
function deletion(simulation: Simulation) {
  const act = () => {
    const [one] = simulation.alive.filter(({ isMaster }) => isMaster);
    if (one === undefined) return;
    const states = [...one.states()];
    if (states.length === 0) return;
    const [id, state] = states[simulation.random.below(states.length)]!;
    simulation.say(`${id} is deleted`);
    simulation.invariants.deleting(one, id, state);
    one.machine.host.call('pf.killStates', {
      cursor: 0,
      filter: { id: state.id, creatorId: state.creatorId },
    });
  };
  return { name: 'a state is deleted', act };
}

/** The other firewall does not hear of it, and is master soon after. */
function unheardDeletion(simulation: Simulation, lasting: number) {
  const { act: deleteOne } = deletion(simulation);
  const { act: handOver } = handover(simulation, lasting);
  const { deaf } = simulation.network.wires.get('sync')!;
  const act = () => {
    simulation.invariants.trouble(5);
    for (const { number, isMaster } of simulation.alive) if (!isMaster) deaf.add(`fw${number}`);
    deleteOne();
    later(simulation, 2, () => {
      deaf.clear();
      handOver();
    });
  };
  return { name: 'a state is deleted unheard, and the master hands over', act };
}

/** All of them. */
function flush(simulation: Simulation) {
  const act = () => {
    const [one] = simulation.alive.filter(({ isMaster }) => isMaster);
    if (one === undefined) return;
    const states = one.states();
    for (const [id, state] of states) simulation.invariants.deleting(one, id, state);
    one.machine.host.call('pf.killStates', { cursor: 0, filter: {} });
    simulation.invariants.flushed([...states.keys()]);
  };
  return { name: 'all states are deleted', act };
}

/** The master goes down in order, and comes back. */
function handover(simulation: Simulation, lasting: number) {
  const act = () => {
    const [one] = simulation.alive.filter(({ isMaster }) => isMaster);
    if (one === undefined) return;
    simulation.invariants.handingOver(one);
    for (const name of ['carp0', 'carp1']) one.machine.host.call('interface.set', { name, up: false });
    later(simulation, lasting, () => {
      if (!one.machine.alive) return;
      for (const name of ['carp0', 'carp1']) one.machine.host.call('interface.set', { name, up: true });
    });
  };
  return { name: `the master hands over for ${lasting} s`, act };
}

/** Somebody who does not know the passphrase says that he is the best master. */
function impostor(simulation: Simulation) {
  const on = simulation.random.below(2) === 0 ? 'left' : 'right';
  const vhid = on === 'left' ? 1 : 2;
  const act = () => {
    simulation.invariants.impersonated();
    const station = speaker(simulation.network.wires.get(on)!, 'impostor');
    for (let i = 0; i < 4; i++) later(simulation, i / 2, () => station.send(forged(vhid)));
  };
  return { name: `an impostor on ${on}`, act };
}

function forged(vhid: number): Uint8Array {
  const header = { source: '10.1.0.66', destination: '224.0.0.18', ttl: carp.TTL };
  const write = (bytes: Uint8Array, at: number) => {
    carp.write(bytes, at, vhid, 0, 1, 0, 1, vhid);
    carp.setDigest(bytes, at, new Uint8Array(carp.DIGEST_LENGTH), 0);
    carp.fillChecksum(bytes, at);
  };
  const packet = ip4(header, { protocol: ipv4.PROTOCOL_CARP, length: carp.HEADER_LENGTH, write });
  const bytes = frame({ to: '01:00:5e:00:00:12', from: '02:00:00:00:ee:01' }, packet);
  return bytes.subarray(0, ethernet.HEADER_LENGTH + ipv4.HEADER_LENGTH + carp.HEADER_LENGTH);
}
