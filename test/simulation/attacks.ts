// SPDX-License-Identifier: ISC
//
// Somebody on the wire between two firewalls that share a key: he hears all and can send anything, but does not know the key.

import * as ethernet from '../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../appliance/wire/ipv4.ts';
import * as pfsync from '../../appliance/wire/pfsync.ts';
import * as sealed from '../../appliance/wire/pfsyncSealed.ts';
import { frame, ip4 } from '../support/packets.ts';
import type { Station } from '../support/world.ts';
import { speaker } from './faultyNetwork.ts';
import { isPfsync } from './opener.ts';
import type { Simulation } from './simulation.ts';

/** His port on the wire: what he sends is nobody's word. */
export const ATTACKER = 'attacker';
const MILLISECOND = 1000;
/** Frames that he repeats at most, the oldest first. */
const MOST = 400;
const PAYLOAD = ethernet.HEADER_LENGTH + ipv4.HEADER_LENGTH;

/** He says in their name that all states are gone: in the clear, and in packets that he has changed. */
export function forger(simulation: Simulation) {
  const { random } = simulation;
  const act = () => {
    const station = attackerOf(simulation);
    for (const { number, machine } of simulation.alive) {
      const { hostId } = machine.host.call('pf.status', {});
      station.send(clearing(`10.9.0.${number}`, hostId));
    }
    for (const bytes of heard(simulation).slice(-20)) {
      const copy = bytes.slice();
      // A number that has not come, so that only the tag can tell.
      copy[PAYLOAD + sealed.HEADER_LENGTH - 4] = 0x7f;
      const body = PAYLOAD + sealed.HEADER_LENGTH;
      copy[body + random.below(copy.length - body)]! ^= 1 + random.below(255);
      station.send(copy);
    }
  };
  return { name: 'forged packets about states', act };
}

/** He repeats what he has heard, from whenever it was, and again some seconds later. */
export function replayer(simulation: Simulation, lasting: number) {
  const { network, random } = simulation;
  const share = random.below(1000) / 1000;
  const act = () => {
    const frames = heard(simulation);
    const from = Math.floor(share * Math.max(0, frames.length - MOST));
    const repeated = frames.slice(from, from + MOST);
    const station = attackerOf(simulation);
    for (const wait of [0, lasting * 1000]) {
      repeated.forEach((bytes, i) => {
        network.after((wait + i) * MILLISECOND, () => station.send(bytes));
      });
    }
  };
  return { name: `packets about states of before come again, and ${lasting} s later`, act };
}

/** One of them begins anew, and hears, before the other one speaks, what that said long ago. */
export function replayAtBoot(simulation: Simulation, lasting: number) {
  const { act: replay } = replayer(simulation, 1);
  const number = simulation.random.below(2) === 0 ? 1 : 2;
  const act = () => {
    simulation.invariants.trouble(lasting + 1);
    simulation.kill(number);
    simulation.network.after(lasting * 1000 * MILLISECOND, () => {
      simulation.say(`fw${number} is back`);
      simulation.boot(number);
      replay();
    });
  };
  return { name: `fw${number} is killed for ${lasting} s, and hears of before`, act };
}

function attackerOf({ network }: Simulation): Station {
  return speaker(network.wires.get('sync')!, ATTACKER);
}

/** What the firewalls have told each other. */
function heard({ network }: Simulation): Uint8Array[] {
  const { recorded } = network.wires.get('sync')!.wire;
  return recorded
    .filter(({ from, bytes }) => from !== ATTACKER && isPfsync(bytes) && bytes[PAYLOAD] === sealed.VERSION)
    .map(({ bytes }) => bytes);
}

function clearing(source: string, hostId: number): Uint8Array {
  const length = pfsync.HEADER_LENGTH + pfsync.SECTION_LENGTH + pfsync.CLEAR_LENGTH;
  const write = (bytes: Uint8Array, at: number) => {
    pfsync.writeHeader(bytes, at);
    pfsync.setLength(bytes, at, length);
    const section = at + pfsync.HEADER_LENGTH;
    pfsync.writeSection(bytes, section, pfsync.ACTION_CLEAR, pfsync.CLEAR_LENGTH, 1);
    pfsync.writeClear(bytes, section + pfsync.SECTION_LENGTH, '', hostId | 0);
  };
  const header = { source, destination: '224.0.0.240', ttl: pfsync.TTL };
  const packet = ip4(header, { protocol: ipv4.PROTOCOL_PFSYNC, length, write });
  return frame({ to: '01:00:5e:00:00:f0', from: '02:00:00:00:ee:02' }, packet);
}
