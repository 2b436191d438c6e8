// SPDX-License-Identifier: ISC
//
// What must be true of a pair at every moment, whatever goes wrong: masters, states, connections, and how much is said about them.

import type { StateInfo } from '../../appliance/abi/pf.ts';
import * as wire from '../../appliance/wire/pfsync.ts';
import { ATTACKER } from './attacks.ts';
import { isPfsync, packetIn } from './opener.ts';
import { clientPort, type Firewall, type Which } from './pair.ts';
import type { Simulation } from './simulation.ts';
import type { Connection } from './traffic.ts';

const SECOND = 1_000_000;
/** A backup waits for three intervals of 1 + 100/256 s; a second more for what delays frames. */
const TAKEOVER = 3 * (1 + 100 / 256) * SECOND + SECOND;
/** So long after the last trouble there is one master of everything: he who comes back waits for the others' states first. */
const ELECTED = 15 * SECOND;
/** And that it is the first one again. */
const RESTORED = 20 * SECOND;
/** The longest pause of a connection, and a second until its update is sent. */
const EVERYTHING_SAID = 12 * SECOND;
/** A connection that is begun in calm is open by then. */
const OPENED = 80 * SECOND;
/** A state of this age has been told. */
const TOLD = 3;
/** Seconds that a state is kept of which both ends have closed (TCP_CLOSED), and where its peers then are. */
const CLOSED = 10;
const FIN_WAIT_2 = 9;
/** A firewall may say so much about states in ten seconds: some packets a second, and all states to one that comes back. */
const MOST_PACKETS = 300;
/** States of everything that may be open, on two interfaces. */
const MOST_STATES = 450;
const LOOKS_AT_STATES = 3;

export class Invariants {
  readonly violations: string[] = [];
  private readonly simulation: Simulation;
  /** When trouble ends, as far as is known. */
  private calmFrom = 0;
  /** Ids that a firewall has deleted, since it was booted; and those that all must have deleted. */
  private readonly deleted = new Map<Firewall, Set<string>>();
  /** Sequence numbers of each state on each firewall, when it was last looked at. */
  private readonly known = new Map<Firewall, Map<string, StateInfo>>();
  private handover: { readonly from: Firewall; readonly until: number } | undefined;
  private looks = 0;
  /** Deletions on the wire: who told of an id first. */
  private readonly obituaries = new Map<string, { readonly by: string; readonly at: number }>();
  private recordsRead = 0;
  /** When the attacker last sent something: what was lost on its way is no repetition, but news that comes late. */
  private attackedAt = Number.NEGATIVE_INFINITY;
  private packets: number[] = [];

  constructor(simulation: Simulation) {
    this.simulation = simulation;
  }

  private get now(): number {
    return this.simulation.network.now;
  }

  /** Nothing that is said below can be counted on for so many seconds. */
  trouble(seconds: number): void {
    this.calmFrom = Math.max(this.calmFrom, this.now + seconds * SECOND);
  }

  private calmFor(time: number): boolean {
    return this.now - this.calmFrom >= time;
  }

  private violate(text: string): void {
    this.simulation.say(`VIOLATION ${text}`);
    this.violations.push(`${(this.now / SECOND).toFixed(3)} s: ${text}`);
  }

  // What is announced.

  deleting(by: Firewall, id: string, state: StateInfo): void {
    const ids = this.deleted.get(by) ?? new Set();
    ids.add(id);
    this.deleted.set(by, ids);
    for (const one of this.simulation.traffic.live) if (one.port === clientPort(state)) one.excused = true;
  }

  /** These states go at once, here and there. */
  flushed(ids: readonly string[]): void {
    if (!this.calmFor(ELECTED)) return;
    this.simulation.network.after(SECOND / 10, () => {
      for (const firewall of this.simulation.alive) {
        const states = firewall.states();
        const left = ids.filter((id) => states.has(id));
        if (left.length > 0)
          this.violate(`fw${firewall.number} keeps ${left.length} states that were flushed`);
      }
    });
  }

  /** A master goes down in order: somebody else is there at once. */
  handingOver(from: Firewall): void {
    const isReady = this.calmFor(ELECTED) && this.simulation.alive.length === 2;
    this.trouble(12);
    if (!isReady) return;
    this.handover = { from, until: this.now + SECOND };
    this.simulation.network.after(SECOND, () => {
      const taken = this.simulation.alive.some((one) => one !== from && one.isMaster);
      if (!taken) this.violate('nobody is master a second after the other one has left in order');
      this.handover = undefined;
    });
  }

  /** Whoever is master stays it. */
  impersonated(): void {
    if (!this.calmFor(ELECTED)) return;
    const [master] = this.simulation.alive.filter(({ isMaster }) => isMaster);
    const from = this.now;
    this.simulation.network.after(1.9 * SECOND, () => {
      const isTroubled = this.calmFrom > from || master?.machine.alive === false;
      if (!isTroubled && master?.isMaster === false) this.violate('an impostor was believed');
    });
  }

  /** A firewall is gone, with everything that only it knew. */
  killed(number: Which): void {
    const [other] = this.simulation.alive.filter((one) => one.number !== number);
    this.excuseWhatIsUnknownTo(other);
  }

  carpChanged(on: Firewall): void {
    if (!on.carp.includes('MASTER')) return;
    const other = this.simulation.alive.find((one) => one !== on);
    // One that was not forced to take over has all that there is.
    const isFree = other !== undefined && this.calmFor(ELECTED) && this.handover === undefined;
    if (isFree && this.now - on.since > SECOND) this.checkKnows(on, other);
    this.excuseWhatIsUnknownTo(on);
  }

  private checkKnows(on: Firewall, other: Firewall): void {
    const own = new Set([...on.states().values()].map(endsOf));
    for (const [id, state] of other.states()) {
      if (state.age > EVERYTHING_SAID / SECOND && !own.has(endsOf(state))) {
        return this.violate(`fw${on.number} takes over without state ${id}, which is ${state.age} s old`);
      }
    }
  }

  private excuseWhatIsUnknownTo(firewall: Firewall | undefined): void {
    const counts = new Map<number, number>();
    for (const state of firewall?.states().values() ?? []) {
      const port = clientPort(state);
      counts.set(port, (counts.get(port) ?? 0) + 1);
    }
    for (const one of this.simulation.traffic.live) if ((counts.get(one.port) ?? 0) < 2) one.excused = true;
  }

  // What is looked at.

  look(): void {
    this.looks++;
    this.lookAtMasters();
    this.lookAtPreference();
    this.lookAtWire();
    if (this.looks % LOOKS_AT_STATES === 0) this.lookAtStates();
    for (const one of this.simulation.traffic.connections) this.lookAtConnection(one);
    for (const { machine } of this.simulation.firewalls.values()) machine.host.events.length = 0;
  }

  private lookAtMasters(): void {
    const { alive } = this.simulation;
    for (const i of [0, 1] as const) {
      const masters = alive.filter(({ carp }) => carp[i] === 'MASTER').length;
      if (masters > 1 && this.calmFor(ELECTED)) this.violate(`two masters of carp${i}`);
      if (
        masters === 0 &&
        alive.length > 0 &&
        this.calmFor(TAKEOVER) &&
        this.now - this.bornLast() > ELECTED
      ) {
        this.violate(`no master of carp${i}`);
      }
    }
  }

  /** The first firewall wants to be master, and gives way only for a while. */
  private lookAtPreference(): void {
    const first = this.simulation.firewalls.get(1)!;
    const { alive } = this.simulation;
    if (alive.length < 2 || !this.calmFor(RESTORED) || this.now - this.bornLast() < RESTORED) return;
    if (!first.isMaster) this.violate('fw1 does not become master again');
    for (const { number, demotion } of alive) {
      if (demotion > 0) this.violate(`fw${number} stays demoted by ${demotion}`);
    }
  }

  private bornLast(): number {
    return Math.max(...this.simulation.alive.map(({ since }) => since));
  }

  private lookAtConnection(one: Connection): void {
    if (one.phase === 'failed' && !one.excused) {
      one.excused = true;
      // Nobody promises that a connection can be opened in the midst of trouble.
      if (!one.opened && !this.calmFor(OPENED)) return;
      this.violate(`connection ${one.port} is lost (${one.why}) after ${one.answered} answers`);
    }
  }

  /** What the firewalls tell each other: not too much, and nobody repeats what he was told. */
  private lookAtWire(): void {
    const { recorded } = this.simulation.network.wires.get('sync')!.wire;
    let packets = 0;
    for (; this.recordsRead < recorded.length; this.recordsRead++) {
      const { bytes, from, time } = recorded[this.recordsRead]!;
      if (from === ATTACKER) this.attackedAt = time;
      if (from === ATTACKER || !isPfsync(bytes)) continue;
      packets++;
      this.lookAtPacket(bytes, from, time);
    }
    this.packets = [...this.packets.slice(-9), packets];
    const sum = this.packets.reduce((total, one) => total + one, 0);
    if (sum > MOST_PACKETS) this.violate(`${sum} packets about states in ten seconds`);
  }

  private lookAtPacket(frame: Uint8Array, from: string, time: number): void {
    const bytes = packetIn(frame);
    if (bytes === undefined) return this.violate(`${from} sends what nobody can open`);
    const end = wire.length(bytes, 0);
    for (let at = wire.HEADER_LENGTH; at < end; ) {
      const action = wire.action(bytes, at);
      const length = wire.messageLength(bytes, at);
      const count = wire.count(bytes, at);
      at += wire.SECTION_LENGTH;
      if (action === wire.ACTION_DELETE_COMPRESSED) {
        for (let i = 0; i < count; i++) this.lookAtObituary(bytes, at + i * length, from, time);
      }
      at += length * count;
    }
  }

  /** The other one says the same soon after, though nobody has spoken of the state in between. */
  private lookAtObituary(bytes: Uint8Array, at: number, by: string, time: number): void {
    const id = `${wire.idHigh(bytes, at)}.${wire.idLow(bytes, at)}.${wire.referenceCreator(bytes, at)}`;
    const known = this.obituaries.get(id);
    if (known === undefined) this.obituaries.set(id, { by, at: time });
    else if (
      known.by !== by &&
      time - known.at < 2 * SECOND &&
      time - this.attackedAt > 2 * SECOND &&
      this.calmFor(ELECTED)
    ) {
      this.violate(`${by} repeats that ${id} was deleted`);
    }
  }

  private lookAtStates(): void {
    const { alive } = this.simulation;
    const tables = alive.map((firewall) => [firewall, firewall.states()] as const);
    for (const [firewall, table] of tables) {
      if (table.size > MOST_STATES) this.violate(`fw${firewall.number} has ${table.size} states`);
      this.lookForDeleted(firewall, table);
      this.lookForSteps(firewall, table);
    }
    this.comparePair(tables);
    for (const [firewall, table] of tables) this.known.set(firewall, table);
  }

  private comparePair(tables: readonly (readonly [Firewall, Map<string, StateInfo>])[]): void {
    const [first, second] = tables;
    if (first === undefined || second === undefined || !this.calmFor(EVERYTHING_SAID)) return;
    if (!first[0].synced || !second[0].synced || this.now - this.bornLast() < EVERYTHING_SAID) return;
    const [active, passive] = first[0].isMaster ? [first, second] : [second, first];
    if (!active[0].isMaster) return;
    // Both may have seen a connection begin, and have a state of their own for it.
    const byEnds = new Map([...passive[1].values()].map((state) => [endsOf(state), state]));
    const { connections } = this.simulation.traffic;
    const silent = new Set(connections.filter(({ excused }) => excused).map(({ port }) => port));
    for (const [id, state] of active[1]) {
      // Half of a connection whose other half was deleted is silent.
      if (silent.has(clientPort(state))) continue;
      const other = passive[1].get(id) ?? byEnds.get(endsOf(state));
      this.compare(id, state, passive[0], other, active[0]);
    }
  }

  private lookForDeleted(firewall: Firewall, table: ReadonlyMap<string, StateInfo>): void {
    for (const id of this.deleted.get(firewall) ?? []) {
      if (table.has(id)) this.violate(`fw${firewall.number} has ${id} back, which it had deleted`);
    }
  }

  /** Sequence numbers go forward. */
  private lookForSteps(firewall: Firewall, table: Map<string, StateInfo>): void {
    const before = this.known.get(firewall);
    for (const [id, state] of table) {
      const was = before?.get(id);
      if (was === undefined || was.source.state !== state.source.state) continue;
      const back = (was.source.seqLow - state.source.seqLow) | 0;
      if (back > 0 && was.source.seqLow !== 0) this.violate(`fw${firewall.number} has gone back with ${id}`);
    }
  }

  /** The other one knows the state as it is used, but for what the last seconds have changed. */
  private compare(
    id: string,
    state: StateInfo,
    there: Firewall,
    other: StateInfo | undefined,
    here: Firewall,
  ): void {
    if (state.age < EVERYTHING_SAID / SECOND || state.expires < TOLD) return;
    // Late news is answered with what is known, which starts the time anew for who hears it, and not for who says it.
    const isLengthened = isOver(state) && this.now - this.attackedAt < CLOSED * SECOND;
    if (other === undefined && isLengthened) return;
    if (other === undefined)
      return this.violate(`fw${there.number} has never heard of ${id}, ${state.age} s old`);
    if (endsOf(state) !== endsOf(other)) this.violate(`fw${there.number} would translate ${id} otherwise`);
    const was = this.known.get(here)?.get(id);
    if (was !== undefined && ((was.source.seqLow - other.source.seqLow) | 0) > 0) {
      this.violate(`fw${there.number} was not told how far ${id} is`);
    }
  }

  // The end.

  ended(): void {
    for (const one of this.simulation.traffic.connections) {
      if (one.phase !== 'done' && one.phase !== 'failed' && !one.excused) {
        this.violate(`connection ${one.port} hangs (${one.phase}) after ${one.answered} answers`);
      }
    }
  }
}

/** Both ends have closed. */
function isOver({ source, destination }: StateInfo): boolean {
  return source.state >= FIN_WAIT_2 && destination.state >= FIN_WAIT_2;
}

/** What a state is found by, and what it translates. */
function endsOf({ direction, wire: outside, stack }: StateInfo): string {
  return `${direction} ${keyText(outside)} ${keyText(stack)}`;
}

function keyText({ addresses, ports }: StateInfo['wire']): string {
  return `${addresses[0].words} ${ports[0]} ${addresses[1].words} ${ports[1]}`;
}
