// SPDX-License-Identifier: ISC
//
// `rhine replay FILE --ruleset PF.CONF`: a capture through a ruleset, packet by packet, without any machine; with --compare only what another
// ruleset would do differently.

import type { Judgement, PacketDirection, PacketTrial } from '../../abi/judgement.ts';
import { DIALECTS, type Dialect } from '../../abi/rule.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as pcap from '../../wire/pcap.ts';
import * as pflog from '../../wire/pflog.ts';
import { type CapturedFrame, readCaptureFile } from '../captureFrames.ts';
import { bareFacts } from '../config/pf/facts.ts';
import { decisionText, routeText, translationText } from '../trial/judgementText.ts';
import { loadTrial, RulesetError } from '../trial/load.ts';
import { describePacket } from '../trial/packetBytes.ts';
import { formatPacket } from '../trial/packetText.ts';
import type { Command, CommandContext } from './command.ts';
import { command, Failure, UsageError } from './failure.ts';

interface Options {
  file: string;
  ruleset: string;
  compare: string | undefined;
  interface: string;
  lladdr: string | undefined;
  dialect: Dialect | 'auto';
  json: boolean;
}

/** An IP packet of the capture, where it passed and when (microseconds since the first). */
interface Passing {
  readonly number: number;
  readonly time: number;
  readonly packet: Uint8Array;
  readonly interface: string;
  readonly direction: PacketDirection;
}

/** One ruleset and the kernel that it is tried in. */
interface Side {
  readonly trial: PacketTrial;
  readonly dialect: Dialect;
}

export const replay: Command = command(
  'replay',
  'replay FILE --ruleset PF.CONF [--compare OTHER.CONF] [--interface IF] [--lladdr ADDRESS] [--dialect D] [--json]',
  'run a capture file through a ruleset',
  async (args, context) => {
    const options = parse(args);
    const passing = await read(options, context);
    const first = await sideOf(options.ruleset, passing, options, context);
    const second =
      options.compare === undefined ? undefined : await sideOf(options.compare, passing, options, context);
    return second === undefined
      ? report(passing, first, options, context)
      : compare(passing, first, second, options, context);
  },
);

function parse(args: readonly string[]): Options {
  const options: Options = {
    file: '',
    ruleset: '',
    compare: undefined,
    interface: 'vr0',
    lladdr: undefined,
    dialect: 'auto',
    json: false,
  };
  const rest = [...args];
  const value = (word: string) => rest.shift() ?? fail(`${word} needs a value`);
  while (rest.length > 0) {
    const word = rest.shift()!;
    if (word === '--ruleset') options.ruleset = value(word);
    else if (word === '--compare') options.compare = value(word);
    else if (word === '--interface') options.interface = value(word);
    else if (word === '--lladdr') options.lladdr = value(word).toLowerCase();
    else if (word === '--dialect') options.dialect = dialectOf(value(word));
    else if (word === '--json') options.json = true;
    else if (word.startsWith('-') || options.file !== '') throw new UsageError(`${word} is not understood`);
    else options.file = word;
  }
  if (options.file === '' || options.ruleset === '')
    throw new UsageError('a capture file and a --ruleset are needed');
  return options;
}

function fail(message: string): never {
  throw new UsageError(message);
}

function dialectOf(text: string): Dialect | 'auto' {
  const all = ['auto', ...DIALECTS] as const;
  return all.find((one) => one === text) ?? fail(`--dialect ${text}: not one of ${all.join(', ')}`);
}

// The capture.

async function read(options: Options, context: CommandContext): Promise<readonly Passing[]> {
  const { file } = options;
  const bytes = await context.files.readBytes(file).catch((error: Error) => {
    throw new Failure(`${file}: ${error.message}`);
  });
  const capture = readCaptureFile(bytes);
  if (capture === undefined) throw new Failure(`${file}: not a capture file (pcap is read, pcapng is not)`);
  const frames = [...capture.frames];
  const own = options.lladdr ?? ownAddress(capture.linkType, frames);
  const start = frames[0]?.time ?? 0;
  return frames.flatMap((frame, i) => {
    const passing = passingOf(capture.linkType, frame, options.interface, own);
    return passing === undefined
      ? []
      : [{ ...passing, number: i + 1, time: Math.max(0, frame.time - start) }];
  });
}

/** The Ethernet address that most frames are from or to: that of the interface where they were captured. */
function ownAddress(linkType: number, frames: readonly CapturedFrame[]): string | undefined {
  if (linkType !== pcap.LINK_ETHERNET) return undefined;
  const counts = new Map<string, number>();
  for (const { bytes } of frames) {
    if (!ethernet.valid(bytes, 0, bytes.length)) continue;
    for (const at of [ethernet.destinationAt(0), ethernet.sourceAt(0)]) {
      const address = addressText(bytes, at);
      counts.set(address, (counts.get(address) ?? 0) + 1);
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

function addressText(bytes: Uint8Array, at: number): string {
  return Array.from(bytes.subarray(at, at + ethernet.ADDRESS_LENGTH), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join(':');
}

/** The IP packet in a frame, and which way it went; undefined for anything else. */
function passingOf(
  linkType: number,
  { bytes }: CapturedFrame,
  on: string,
  own: string | undefined,
): Pick<Passing, 'packet' | 'interface' | 'direction'> | undefined {
  switch (linkType) {
    case pcap.LINK_ETHERNET: {
      if (!ethernet.valid(bytes, 0, bytes.length)) return undefined;
      const type = ethernet.type(bytes, 0);
      if (type !== ethernet.TYPE_IPV4 && type !== ethernet.TYPE_IPV6) return undefined;
      const direction = addressText(bytes, ethernet.sourceAt(0)) === own ? 'out' : 'in';
      return { packet: bytes.subarray(ethernet.HEADER_LENGTH), interface: on, direction };
    }
    case pcap.LINK_PFLOG: {
      if (!pflog.valid(bytes, 0, bytes.length)) return undefined;
      const direction = pflog.direction(bytes, 0) === pflog.DIRECTION_OUT ? 'out' : 'in';
      return {
        packet: bytes.subarray(pflog.payloadAt(bytes, 0)),
        interface: pflog.interfaceName(bytes, 0),
        direction,
      };
    }
    case pcap.LINK_RAW:
      return { packet: bytes, interface: on, direction: 'in' };
    default:
      throw new Failure(`link type ${linkType} is not read (Ethernet, raw IP and pflog are)`);
  }
}

// The rulesets.

async function sideOf(
  ruleset: string,
  passing: readonly Passing[],
  options: Options,
  context: CommandContext,
): Promise<Side> {
  if (context.trial === undefined) throw new Failure('packets cannot be tried here');
  const names = new Set([options.interface, ...passing.map((one) => one.interface)]);
  const trial = context.trial([...names]);
  for (const name of names) await trial.kernel.call('interface.set', { name, up: true });
  const parsing = { dialect: options.dialect, facts: bareFacts() };
  try {
    return { trial, dialect: await loadTrial(trial, ruleset, context.files, parsing) };
  } catch (error) {
    if (error instanceof RulesetError) throw new Failure(error.message);
    throw error;
  }
}

function judge(side: Side, { time, packet, interface: on, direction }: Passing): Judgement | undefined {
  side.trial.advance(Math.floor(time));
  return side.trial.judge(packet, on, direction);
}

function packetText({ packet, interface: on, direction }: Passing): string {
  const description = describePacket(packet, on, direction);
  return description === undefined ? 'not an IP packet' : formatPacket(description);
}

/** What became of it, in a line. */
function outcome(judgement: Judgement, dialect: Dialect): string {
  const more = [translationText(judgement), routeText(judgement)].filter((one) => one !== undefined);
  return [decisionText(judgement, dialect), ...more].join('; ');
}

function report(passing: readonly Passing[], side: Side, options: Options, context: CommandContext): number {
  for (const one of passing) {
    const judgement = judge(side, one);
    const text = judgement === undefined ? 'block: not an IP packet' : outcome(judgement, side.dialect);
    if (options.json) {
      context.stdout(`${JSON.stringify({ number: one.number, packet: packetText(one), ...judgement })}\n`);
    } else {
      context.stdout(`${one.number} ${packetText(one)}\n    ${text}\n`);
    }
  }
  return 0;
}

/** Only packets that the two treat differently; 1 when there are any, as diff(1). */
function compare(
  passing: readonly Passing[],
  first: Side,
  second: Side,
  options: Options,
  context: CommandContext,
): number {
  let differences = 0;
  for (const one of passing) {
    const [a, b] = [judge(first, one), judge(second, one)];
    if (a === undefined || b === undefined || effect(a) === effect(b)) continue;
    differences++;
    if (options.json) {
      context.stdout(
        `${JSON.stringify({ number: one.number, packet: packetText(one), before: a, after: b })}\n`,
      );
    } else {
      const lines = [`-   ${outcome(a, first.dialect)}`, `+   ${outcome(b, second.dialect)}`];
      context.stdout(`${one.number} ${packetText(one)}\n${lines.join('\n')}\n`);
    }
  }
  return differences > 0 ? 1 : 0;
}

/** What the sender and the receiver would notice. */
function effect(judgement: Judgement): string {
  return JSON.stringify([judgement.verdict, judgement.after, judgement.route ?? null]);
}
