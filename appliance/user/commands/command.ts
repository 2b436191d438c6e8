// SPDX-License-Identifier: ISC
//
// What a command is: arguments in, text and an exit status out. The shell, the console and a remote client run the same
// commands; what a command may touch is handed to it.

import type { KernelClient } from '../../abi/client.ts';

/** Files as the machine sees them; paths are resolved against its directory, or offline against the working one. */
export interface Files {
  /** Rejects with an error whose `code` is an errno name. */
  read(path: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
  list(directory: string): Promise<readonly string[]>;
  exists(path: string): Promise<boolean>;
}

export interface MachineInfo {
  readonly name: string;
  readonly directory: string;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export interface CommandContext {
  /** Absent offline. */
  readonly kernel: KernelClient | undefined;
  readonly files: Files;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** All of standard input. */
  readonly stdin: () => Promise<string>;
  readonly signal: AbortSignal;
  readonly machine: MachineInfo | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

export interface Command {
  readonly name: string;
  /** The line behind `usage:`. */
  readonly synopsis: string;
  /** One line of help. */
  readonly summary: string;
  /** Resolves to the exit status. */
  run(args: readonly string[], context: CommandContext): Promise<number>;
}
