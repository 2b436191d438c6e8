// SPDX-License-Identifier: ISC
//
// A pipeline at work: the first stage makes text, filters pass it on line by line as it comes, and the last one's goes to the
// terminal or into a file of the machine.

import type { CommandIo, Files } from '../commands/command.ts';
import { fileProblem } from '../config/pf/loadPfConf.ts';
import { type Filter, FilterUsage, type OpenFilter } from './filters/filter.ts';
import { findFilter } from './filters/index.ts';
import type { Pipeline, Stage } from './grammar.ts';

/** Characters that wait for a command that reads its input as a whole, or for a file. */
const MAXIMUM_COLLECTED = 16 * 1024 * 1024;
/** A line that does not end is passed on in pieces of so many characters. */
const MAXIMUM_LINE = 1024 * 1024;

/** As a shell answers when Ctrl-C (SIGINT) ended a command. */
export const INTERRUPTED = 130;

export interface PipelineParts {
  readonly files: Files;
  /** Runs one command that is no filter. */
  readonly run: (words: readonly string[], io: CommandIo) => Promise<number>;
  readonly io: CommandIo;
  readonly page?: (text: string) => Promise<void>;
}

/** Where the output of a stage goes. */
interface Sink {
  write(text: string): void;
  /** Everything has been written. Resolves to the status of the last command behind; undefined when there is none. */
  end(): Promise<number | undefined>;
}

/** Runs the stages; resolves to the status of the last one. */
export async function runPipeline(pipeline: Pipeline, parts: PipelineParts): Promise<number> {
  const abort = new AbortController();
  const interrupt = () => abort.abort();
  parts.io.signal.addEventListener('abort', interrupt);
  if (parts.io.signal.aborted) return INTERRUPTED;
  try {
    return await new Run(pipeline, parts, abort).run();
  } catch (error) {
    if (!(error instanceof StageError)) throw error;
    parts.io.stderr(`${error.message}\n`);
    return error.status;
  } finally {
    parts.io.signal.removeEventListener('abort', interrupt);
  }
}

/** A stage cannot go on; the message says why. */
class StageError extends Error {
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

class Run {
  private readonly pipeline: Pipeline;
  private readonly parts: PipelineParts;
  private readonly abort: AbortController;
  private stopped = false;
  private problem: StageError | undefined;

  constructor(pipeline: Pipeline, parts: PipelineParts, abort: AbortController) {
    this.pipeline = pipeline;
    this.parts = parts;
    this.abort = abort;
  }

  async run(): Promise<number> {
    const { stages } = this.pipeline;
    let sink = this.last();
    for (const stage of stages.slice(1).reverse()) sink = this.open(stage, sink);
    const status = await this.first(stages[0]!, sink);
    if (this.problem !== undefined) throw this.problem;
    if (this.parts.io.signal.aborted) return INTERRUPTED;
    return (await sink.end()) ?? status;
  }

  private last(): Sink {
    const { output } = this.pipeline;
    const { io } = this.parts;
    return output === undefined ? { write: io.stdout, end: async () => undefined } : this.fileSink(output);
  }

  /** What is written is collected and replaces the file at the end, whole. */
  private fileSink({ path, append }: NonNullable<Pipeline['output']>): Sink {
    const { files } = this.parts;
    const collected = new Collected(path);
    return {
      write: (text) => collected.add(text),
      end: () =>
        atFile(path, async () => {
          const before = append && (await files.exists(path)) ? await files.read(path) : '';
          await files.write(path, before + collected.text);
          return undefined;
        }),
    };
  }

  /** A stage behind the first. */
  private open(stage: Stage, sink: Sink): Sink {
    const filter = findFilter(stage.words[0]!);
    if (filter !== undefined) {
      const { files, input } = this.openFilter(filter, stage.words.slice(1), sink);
      return files.length === 0 ? input : { write: () => {}, end: () => this.feedFiles(files, input) };
    }
    const collected = new Collected(stage.words[0]!);
    return {
      write: (text) => collected.add(text),
      end: async () => {
        const stdin = async () => collected.text;
        const status = await this.command(stage.words, sink, stdin);
        return (await sink.end()) ?? status;
      },
    };
  }

  private async first(stage: Stage, sink: Sink): Promise<number> {
    const { input: path } = this.pipeline;
    const { files, io } = this.parts;
    const read = (file: string) => atFile(file, () => files.read(file));
    const filter = findFilter(stage.words[0]!);
    if (filter === undefined) {
      const text = path === undefined ? undefined : await read(path);
      return this.command(stage.words, sink, text === undefined ? io.stdin : async () => text);
    }
    const opened = this.openFilter(filter, stage.words.slice(1), {
      write: (text) => sink.write(text),
      end: async () => undefined,
    });
    if (opened.files.length > 0) return this.feedFiles(opened.files, opened.input);
    if (path === undefined) {
      throw new StageError(`${filter.name}: there is nothing to read: name a file, or put it behind a |`);
    }
    return this.feedFiles([path], opened.input);
  }

  private command(words: readonly string[], sink: Sink, stdin: () => Promise<string>): Promise<number> {
    const { io, run } = this.parts;
    const stdout = (text: string) => {
      if (!this.stopped) this.pass(text, sink);
    };
    return run(words, { ...io, stdout, stdin, signal: this.abort.signal });
  }

  /** What a stage behind cannot take ends the one that writes. */
  private pass(text: string, sink: Sink): void {
    try {
      sink.write(text);
    } catch (error) {
      if (!(error instanceof StageError)) throw error;
      this.problem = error;
      this.stop();
    }
  }

  private openFilter(
    filter: Filter,
    args: readonly string[],
    sink: Sink,
  ): { readonly files: readonly string[]; readonly input: LineSink } {
    const { page } = this.parts;
    try {
      const opened = filter.open(args, {
        out: (line) => sink.write(`${line}\n`),
        stop: () => this.stop(),
        ...(page && { page }),
      });
      return { files: opened.files, input: new LineSink(filter, opened.filter, sink) };
    } catch (error) {
      throw usageOf(filter, error);
    }
  }

  /** The filter has what it wanted. What it passed on goes its way, whoever still writes is ended. */
  private stop(): void {
    this.stopped = true;
    this.abort.abort();
  }

  private async feedFiles(paths: readonly string[], input: LineSink): Promise<number> {
    for (const path of paths) {
      const text = await atFile(path, () => this.parts.files.read(path));
      if (!this.stopped) input.feed(text, paths.length > 1 ? path : undefined);
    }
    return input.end();
  }
}

/** Cuts text into lines for a filter. */
class LineSink implements Sink {
  private readonly filter: Filter;
  private readonly open: OpenFilter;
  private readonly next: Sink;
  private rest = '';

  constructor(filter: Filter, open: OpenFilter, next: Sink) {
    this.filter = filter;
    this.open = open;
    this.next = next;
  }

  write(text: string): void {
    this.feed(text);
  }

  feed(text: string, file?: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    if (this.rest.length > MAXIMUM_LINE) {
      lines.push(this.rest);
      this.rest = '';
    }
    try {
      for (const line of lines) this.open.line(line, file);
      if (file !== undefined && this.rest !== '') this.flush(file);
    } catch (error) {
      throw usageOf(this.filter, error);
    }
  }

  private flush(file?: string): void {
    if (this.rest !== '') this.open.line(this.rest, file);
    this.rest = '';
  }

  async end(): Promise<number> {
    this.flush();
    const status = await this.open.end();
    return (await this.next.end()) ?? status;
  }
}

/** Text that is kept until it is complete. */
class Collected {
  text = '';
  private readonly who: string;

  constructor(who: string) {
    this.who = who;
  }

  add(text: string): void {
    if (this.text.length + text.length > MAXIMUM_COLLECTED) {
      throw new StageError(`${this.who}: more than ${MAXIMUM_COLLECTED} characters`);
    }
    this.text += text;
  }
}

function usageOf(filter: Filter, error: unknown): unknown {
  if (!(error instanceof FilterUsage)) return error;
  return new StageError(`${filter.name}: ${error.message}\nusage: ${filter.synopsis}`, 2);
}

/** Does something with a file; what the file refuses is a StageError. */
async function atFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw new StageError(`${path}: ${fileProblem(error)}`);
  }
}
