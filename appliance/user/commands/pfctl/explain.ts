// SPDX-License-Identifier: ISC
//
// `pfctl explain 'in on vr0 tcp from … to …'`: what the filter would make of a new packet. The ruleset that is loaded, or with -f that of a
// file, is tried in a kernel beside the machine's: no counter, table or state of the machine is touched.

import { type Address, sameAddress } from '../../../abi/address.ts';
import { formatAddress } from '../../../abi/addressText.ts';
import type { Judgement, MakePacketTrial, PacketTrial } from '../../../abi/judgement.ts';
import type { StateInfo } from '../../../abi/pf.ts';
import type { Dialect } from '../../../abi/rule.ts';
import { stateLine } from '../../dissect/pfState.ts';
import { explanationLines } from '../../trial/judgementText.ts';
import { loadTrial, RulesetError } from '../../trial/load.ts';
import { mirror } from '../../trial/mirror.ts';
import { packetBytes } from '../../trial/packetBytes.ts';
import {
  DescriptionError,
  formatPacket,
  type PacketDescription,
  parsePacket,
} from '../../trial/packetText.ts';
import { allPages, Failure, type Session } from './session.ts';

export async function explain(session: Session, text: string): Promise<void> {
  const { trial: make } = session.context;
  if (make === undefined) throw new Failure('packets cannot be tried here');
  const packet = parse(text);
  const { trial, dialect } = await prepare(session, make, packet);
  const judgement = trial.judge(packetBytes(packet), packet.interface, packet.direction);
  if (judgement === undefined) throw new Failure('no such packet can be');
  const state = await existingState(session, packet);
  if (session.args.json) return session.json({ packet: formatPacket(packet), state, ...judgement });
  session.out(formatPacket(packet));
  if (state !== undefined) {
    const facts = await session.facts();
    session.out(
      `a state takes it, no rule is asked: ${stateLine(state, dialect, (one) => facts.protocols.name(one))}`,
    );
    session.out('without that state:');
  }
  for (const line of explanationLines(judgement, dialect)) session.out(line);
  await sayWay(session, trial, judgement);
}

function parse(text: string): PacketDescription {
  try {
    return parsePacket(text);
  } catch (error) {
    if (error instanceof DescriptionError) throw new Failure(`explain: ${error.message}`);
    throw error;
  }
}

/** Loads a file in place of what is loaded. */
async function tryFile(session: Session, trial: PacketTrial, file: string): Promise<Dialect> {
  const { args, context } = session;
  try {
    return await loadTrial(trial, file, context.files, {
      dialect: args.dialect ?? context.machine?.dialect ?? 'auto',
      facts: await session.facts(),
    });
  } catch (error) {
    if (error instanceof RulesetError) throw new Failure(error.message);
    throw error;
  }
}

async function prepare(
  session: Session,
  make: MakePacketTrial,
  packet: PacketDescription,
): Promise<{ trial: PacketTrial; dialect: Dialect }> {
  const { args, context } = session;
  const { kernel } = context;
  if (args.file === undefined) {
    const interfaces = await session.kernel.call('interface.list', {});
    if (!interfaces.some((on) => on.name === packet.interface)) {
      throw new Failure(`${packet.interface}: no such interface`);
    }
    return { trial: await mirror(session.kernel, make), dialect: await session.loadedDialect() };
  }
  const trial = kernel === undefined ? make([packet.interface]) : await mirror(kernel, make);
  return { trial, dialect: await tryFile(session, trial, args.file) };
}

/** A state of the machine that would take the packet. */
async function existingState(session: Session, packet: PacketDescription): Promise<StateInfo | undefined> {
  const { kernel } = session.context;
  if (kernel === undefined || session.args.file !== undefined) return undefined;
  const { source, destination, protocol } = packet;
  const states = await allPages((cursor) =>
    kernel.call('pf.states', { cursor, filter: { protocol, family: source.family } }),
  );
  // What comes in shows the wire side of a state, its first end as the source; what goes out shows the stack side the other way.
  const isIn = packet.direction === 'in';
  const [from, to] = isIn ? ([0, 1] as const) : ([1, 0] as const);
  return states.find(({ wire, stack }) => {
    const { addresses, ports } = isIn ? wire : stack;
    const fits = (end: 0 | 1, address: Address, port: number) =>
      sameAddress(addresses[end], address) && (ports[end] === port || ports[end] === 0);
    return fits(from, source, packet.sourcePort) && fits(to, destination, packet.destinationPort);
  });
}

/** Where a packet that passes in goes on to, by the routing table. */
async function sayWay(session: Session, { kernel }: PacketTrial, judgement: Judgement): Promise<void> {
  if (judgement.verdict === 'block' || judgement.route !== undefined) return;
  const destination = judgement.after.destination;
  const way = await kernel.call('route.get', { destination }).catch(() => undefined);
  if (way === undefined) return session.out('goes on: no route');
  if (way.flags.includes('local')) return session.out('goes on: to this machine');
  const gateway = way.gateway === undefined ? 'directly' : `by ${formatAddress(way.gateway)}`;
  session.out(`goes on: ${gateway} on ${way.interface}`);
}
