// SPDX-License-Identifier: ISC
//
// What the parts of pfctl share: arguments, the kernel, facts, and how they print.

import type { KernelClient } from '../../../abi/client.ts';
import { CallError } from '../../../abi/errno.ts';
import type { Page } from '../../../abi/page.ts';
import type { Dialect } from '../../../abi/rule.ts';
import { bareFacts, type Facts, factsOfInterfaces, parseFacts } from '../../config/pf/facts.ts';
import type { CommandContext } from '../command.ts';
import type { Arguments } from './arguments.ts';

/** Items that are printed before the reader is waited for. */
const PAGE = 1_000;

/** Ends the command with a message, or with none where all has been said; nothing more is done. */
export class Failure extends Error {}

export class Session {
  readonly args: Arguments;
  readonly context: CommandContext;
  private gathered: Facts | undefined;

  constructor(args: Arguments, context: CommandContext) {
    this.args = args;
    this.context = context;
  }

  /** The machine's kernel; a Failure where there is none. */
  get kernel(): KernelClient {
    const { kernel } = this.context;
    if (kernel === undefined) throw new Failure('no running machine (name one with -M DIR)');
    return kernel;
  }

  out(line: string): void {
    this.context.stdout(`${line}\n`);
  }

  err(line: string): void {
    this.context.stderr(`${line}\n`);
  }

  /** A line of confirmation, which -q silences. */
  say(line: string): void {
    if (!this.args.quiet) this.err(line);
  }

  json(value: unknown): void {
    this.out(JSON.stringify(value, undefined, 2));
  }

  /** A listing of any length, no faster than its reader. */
  async lines(pages: AsyncIterable<readonly string[]>): Promise<void> {
    for await (const page of pages) {
      for (const line of page) this.out(line);
      await this.taken();
    }
  }

  /** The same in the layout of `json`. */
  async jsonList(pages: AsyncIterable<readonly unknown[]>): Promise<void> {
    let before = '[\n';
    for await (const page of pages) {
      for (const item of page) {
        this.context.stdout(`${before}  ${JSON.stringify(item, undefined, 2).replaceAll('\n', '\n  ')}`);
        before = ',\n';
      }
      await this.taken();
    }
    this.context.stdout(before === ',\n' ? '\n]\n' : '[]\n');
  }

  private async taken(): Promise<void> {
    const { drained, signal } = this.context;
    await drained?.();
    if (signal.aborted) throw new Failure('');
  }

  async facts(): Promise<Facts> {
    this.gathered ??= await this.gatherFacts();
    return this.args.numericHosts ? { ...this.gathered, hosts: new Map() } : this.gathered;
  }

  private async gatherFacts(): Promise<Facts> {
    const { factsFile } = this.args;
    if (factsFile !== undefined) {
      try {
        return parseFacts(await this.context.files.read(factsFile));
      } catch (error) {
        throw new Failure(`${factsFile}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    const { kernel } = this.context;
    if (kernel === undefined) return bareFacts();
    return factsOfInterfaces(await kernel.call('interface.list', {}));
  }

  /** The dialect that what is loaded is printed in. */
  async loadedDialect(): Promise<Dialect> {
    const { dialect } = this.args;
    if (dialect !== undefined && dialect !== 'auto') return dialect;
    return (await this.kernel.call('pf.status', {})).dialect;
  }
}

/** A listing that comes in pages, one after the other. */
export async function* pagesOf<T>(ask: (cursor: number) => Promise<Page<T>>): AsyncGenerator<readonly T[]> {
  let cursor: number | undefined = 0;
  while (cursor !== undefined) {
    const page: Page<T> = await ask(cursor);
    yield page.items;
    cursor = page.next;
  }
}

/** All items of a listing that is not too long to keep. */
export async function allPages<T>(ask: (cursor: number) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  for await (const page of pagesOf(ask)) items.push(...page);
  return items;
}

/** What is already there, in pages. */
export async function* inPages<T>(items: readonly T[]): AsyncGenerator<readonly T[]> {
  for (let at = 0; at < items.length; at += PAGE) yield items.slice(at, at + PAGE);
}

/** Each page with each of its items as so many others. */
export async function* mapPages<T, U>(
  pages: AsyncIterable<readonly T[]>,
  map: (item: T) => readonly U[],
): AsyncGenerator<readonly U[]> {
  for await (const page of pages) yield page.flatMap(map);
}

/** The words of a failed call about a table or an anchor. */
export function radixError(error: unknown): string | undefined {
  if (!(error instanceof CallError)) return undefined;
  if (error.code === 'ESRCH') return 'Table does not exist';
  if (error.code === 'ENOENT') return 'Anchor does not exist';
  return error.message;
}
