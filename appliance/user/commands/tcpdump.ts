// SPDX-License-Identifier: ISC
//
// tcpdump(8): shows frames of an interface as they pass, or writes them to a capture file; reads capture files too.

import * as pcap from '../../wire/pcap.ts';
import { type CapturedFrame, fileHeader, fileRecord, readBatch, readCaptureFile } from '../captureFrames.ts';
import { frameJson } from '../captureJson.ts';
import { Conversations } from '../dissect/conversations.ts';
import { type DissectOptions, dissect } from '../dissect/dissect.ts';
import { compileFilter, type Filter, FilterError } from '../dissect/filter.ts';
import { Timestamps, timestampStyle } from '../dissect/timestamp.ts';
import type { Command, CommandContext, FileWriter } from './command.ts';
import { command, Failure, kernelOf, UsageError } from './failure.ts';

/** As much of a frame as is copied unless -s says more; whole Ethernet frames and the beginning of large segments. */
const SNAPLEN = 1600;

interface Options {
  interface: string;
  snaplen: number;
  count: number;
  write: string | undefined;
  read: string | undefined;
  timestamps: number;
  verbose: number;
  ethernet: boolean;
  quick: boolean;
  absolute: boolean;
  hex: 'x' | 'X' | undefined;
  json: boolean;
  expression: string[];
}

export const tcpdump: Command = command(
  'tcpdump',
  'tcpdump [-eqSlnUvxX] [--json] [-c count] [-i interface] [-r file] [-s snaplen] [-t ...] [-w file] [expression]',
  'show or record the frames of an interface',
  async (args, context) => {
    const options = parse(args);
    const filter = filterOf(options);
    if (options.read !== undefined) return replay(options, filter, context);
    return live(options, filter, context);
  },
);

function parse(args: readonly string[]): Options {
  const options: Options = {
    interface: 'vr0',
    snaplen: SNAPLEN,
    count: 0,
    write: undefined,
    read: undefined,
    timestamps: 0,
    verbose: 0,
    ethernet: false,
    quick: false,
    absolute: false,
    hex: undefined,
    json: false,
    expression: [],
  };
  const rest = [...args];
  while (rest[0]?.startsWith('-') === true && rest[0].length > 1) flag(options, rest.shift()!.slice(1), rest);
  options.expression = rest;
  return options;
}

/** `--json`, or a word of single-letter flags; the last one may take its argument from behind it or from the next word. */
function flag(options: Options, letters: string, rest: string[]): void {
  if (letters === '-json') {
    options.json = true;
    return;
  }
  for (let i = 0; i < letters.length; i++) {
    const letter = letters[i]!;
    if ('circsw'.includes(letter)) {
      const argument = letters.slice(i + 1) || rest.shift();
      if (argument === undefined) throw new UsageError(`-${letter} needs an argument`);
      return valued(options, letter, argument);
    }
    plain(options, letter);
  }
}

function valued(options: Options, letter: string, argument: string): void {
  const number = (): number => {
    if (!/^\d+$/.test(argument)) throw new UsageError(`-${letter} needs a number`);
    return Number(argument);
  };
  if (letter === 'c') options.count = number();
  else if (letter === 's') options.snaplen = number() === 0 ? pcap.MAXIMUM_SNAPLEN : number();
  else if (letter === 'i') options.interface = argument;
  else if (letter === 'r') options.read = argument;
  else options.write = argument;
}

function plain(options: Options, letter: string): void {
  if (letter === 't') options.timestamps++;
  else if (letter === 'v') options.verbose++;
  else if (letter === 'e') options.ethernet = true;
  else if (letter === 'q') options.quick = true;
  else if (letter === 'S') options.absolute = true;
  else if (letter === 'x' || letter === 'X') options.hex = letter;
  else if (!'lnUNp'.includes(letter)) throw new UsageError(`unknown option -${letter}`);
}

function filterOf(options: Options): Filter {
  try {
    return compileFilter(options.expression.join(' '));
  } catch (error) {
    if (error instanceof FilterError) throw new Failure(error.message);
    throw error;
  }
}

/** Where frames go: a file, or lines of text. */
interface Sink {
  frame(frame: CapturedFrame, linkType: number): Promise<void>;
  close(): Promise<void>;
}

async function sinkOf(options: Options, linkType: number, context: CommandContext): Promise<Sink> {
  if (options.write === undefined) {
    return options.json ? new JsonSink(options, context) : new TextSink(options, context);
  }
  return new FileSink(await context.files.create(options.write), linkType, options.snaplen);
}

function dissectOptions({ ethernet, verbose, quick, hex, absolute }: Options): DissectOptions {
  return {
    numeric: true,
    ethernet,
    verbose,
    quick,
    ...(hex === undefined ? {} : { hex }),
    ...(absolute ? {} : { conversations: new Conversations() }),
  };
}

/** A frame in words, whose end may not have been captured. */
function textOf(frame: CapturedFrame, linkType: number, options: DissectOptions): string {
  const { bytes, wireLength } = frame;
  return dissect(linkType, bytes, 0, bytes.length, { ...options, wireLength });
}

class TextSink implements Sink {
  private readonly print: (text: string) => void;
  private readonly timestamps: Timestamps;
  private readonly options: DissectOptions;

  constructor(options: Options, context: CommandContext) {
    this.print = context.stdout;
    this.timestamps = new Timestamps(timestampStyle(options.timestamps), 0);
    this.options = dissectOptions(options);
  }

  async frame(frame: CapturedFrame, linkType: number): Promise<void> {
    const line = textOf(frame, linkType, this.options);
    this.print(`${this.timestamps.print(frame.time)}${line}\n`);
  }

  async close(): Promise<void> {}
}

/** A line of JSON for each frame. */
class JsonSink implements Sink {
  private readonly print: (text: string) => void;
  private readonly options: DissectOptions;
  private readonly withLayers: boolean;

  constructor(options: Options, context: CommandContext) {
    this.print = context.stdout;
    this.options = dissectOptions({ ...options, hex: undefined });
    this.withLayers = options.verbose > 0;
  }

  async frame(frame: CapturedFrame, linkType: number): Promise<void> {
    const text = textOf(frame, linkType, this.options);
    this.print(`${frameJson({ ...frame, linkType, text }, this.withLayers)}\n`);
  }

  async close(): Promise<void> {}
}

class FileSink implements Sink {
  private readonly file: FileWriter;
  private readonly ready: Promise<void>;

  constructor(file: FileWriter, linkType: number, snaplen: number) {
    this.file = file;
    this.ready = file.write(fileHeader(linkType, snaplen));
  }

  async frame(frame: CapturedFrame): Promise<void> {
    await this.ready;
    await this.file.write(fileRecord(frame));
  }

  async close(): Promise<void> {
    await this.ready;
    await this.file.close();
  }
}

async function live(options: Options, filter: Filter, context: CommandContext): Promise<number> {
  const kernel = kernelOf(context);
  const { interface: name, snaplen } = options;
  const { id, linkType } = await kernel.call('capture.open', { interface: name, snaplen });
  const sink = await sinkOf(options, linkType, context);
  context.stderr(`tcpdump: listening on ${name}, link-type ${linkName(linkType)}\n`);
  const bell = new Bell();
  const off = kernel.on('capture.ready', (data) => {
    if (data.id === id) bell.ring();
  });
  context.signal.addEventListener('abort', () => bell.ring());
  const booted = context.machine?.booted ?? 0;
  let shown = 0;
  try {
    while (!context.signal.aborted && (options.count === 0 || shown < options.count)) {
      const { records } = await kernel.call('capture.read', { id });
      for (const frame of readBatch(records, booted)) {
        if (!filter(linkType, frame.bytes, 0, frame.bytes.length, frame.wireLength)) continue;
        await sink.frame(frame, linkType);
        if (++shown === options.count) break;
      }
      if (records.length === 0) await bell.wait();
    }
  } finally {
    off();
    await sink.close();
    const { received, dropped } = await kernel.call('capture.close', { id });
    context.stderr(`\n${received} packets received by filter\n${dropped} packets dropped by kernel\n`);
  }
  return 0;
}

/** Rings once for everyone who waits, and for the next one who comes too late to hear it. */
class Bell {
  private rung = false;
  private wake: (() => void) | undefined;

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  async wait(): Promise<void> {
    if (!this.rung) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    this.rung = false;
    this.wake = undefined;
  }
}

/** A capture file, frame by frame. */
async function replay(options: Options, filter: Filter, context: CommandContext): Promise<number> {
  const bytes = await context.files.readBytes(options.read!).catch((error: Error) => {
    throw new Failure(`${options.read}: ${error.message}`);
  });
  const file = readCaptureFile(bytes);
  if (file === undefined) throw new Failure(`${options.read}: bad dump file format`);
  const { linkType } = file;
  const sink = await sinkOf(options, linkType, context);
  let shown = 0;
  for (const frame of file.frames) {
    if (!filter(linkType, frame.bytes, 0, frame.bytes.length, frame.wireLength)) continue;
    await sink.frame(frame, linkType);
    if (++shown === options.count || context.signal.aborted) break;
  }
  await sink.close();
  return 0;
}

function linkName(linkType: number): string {
  switch (linkType) {
    case pcap.LINK_ETHERNET:
      return 'EN10MB';
    case pcap.LINK_PFLOG:
      return 'PFLOG';
    default:
      return 'RAW';
  }
}
