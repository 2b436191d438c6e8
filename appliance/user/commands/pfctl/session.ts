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

/** All items of a listing that comes in pages. */
export async function allPages<T>(ask: (cursor: number) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: number | undefined = 0;
  while (cursor !== undefined) {
    const page: Page<T> = await ask(cursor);
    items.push(...page.items);
    cursor = page.next;
  }
  return items;
}

/** The words of a failed call about a table or an anchor. */
export function radixError(error: unknown): string | undefined {
  if (!(error instanceof CallError)) return undefined;
  if (error.code === 'ESRCH') return 'Table does not exist';
  if (error.code === 'ENOENT') return 'Anchor does not exist';
  return error.message;
}
