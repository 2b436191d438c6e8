// SPDX-License-Identifier: ISC
//
// What a command is: arguments in, text and an exit status out. The shell, the console and a remote client run the same
// commands; what a command may touch is handed to it.

import type { KernelClient } from '../../abi/client.ts';
import type { MakePacketTrial } from '../../abi/judgement.ts';
import type { Dialect } from '../../abi/rule.ts';
import type { Configuration } from '../rc/configuration.ts';

/** Files as the machine sees them; paths are resolved against its directory, or offline against the working one. */
export interface Files {
  /** Rejects with an error whose `code` is an errno name. */
  read(path: string): Promise<string>;
  readBytes(path: string): Promise<Uint8Array>;
  /** A file of keys or passwords; rejects (EFTYPE) when others than its owner may read it. */
  readSecret(path: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
  remove(path: string): Promise<void>;
  list(directory: string): Promise<readonly string[]>;
  exists(path: string): Promise<boolean>;
  /** Makes (or empties) a file that is written piece by piece. */
  create(path: string, options?: CreateOptions): Promise<FileWriter>;
}

export interface CreateOptions {
  /** What was there before stays until the writer is closed. */
  readonly whole?: boolean;
}

export interface FileWriter {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** What a running machine offers its commands beside the kernel. */
export interface MachineInfo {
  readonly name: string;
  readonly directory: string;
  /** The dialect that pf.conf is read in where it does not say so itself. */
  readonly dialect: 'auto' | Dialect;
  /** Control object of a running daemon; undefined when it does not run. */
  readonly daemon: (name: string) => unknown;
  /** Lines of the boot and since (dmesg(8)). */
  readonly messages: () => readonly string[];
  /** Milliseconds since the epoch at which the kernel's clock read 0. */
  readonly booted: number;
  /** Ends the machine in order, or ends and boots it again. */
  readonly halt: (reboot: boolean) => void;
  /** Its files and the versions of them; absent where a kernel alone is the machine. */
  readonly configuration?: Configuration;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

/** Where a command's text comes from and goes to: the terminal, so to speak, of whoever runs it. */
export interface CommandIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Until most of that has been taken: who prints without bound waits for it. Absent where it is taken at once. */
  readonly drained?: () => Promise<void>;
  /** All of standard input. */
  readonly stdin: () => Promise<string>;
  readonly signal: AbortSignal;
  /** Asks who runs the command, without showing what is typed if it is secret; undefined: no answer. Absent: nobody can be asked. */
  readonly ask?: Ask;
}

export type Ask = (question: string, secret?: boolean) => Promise<string | undefined>;

export interface CommandContext extends CommandIo {
  /** Absent offline. */
  readonly kernel: KernelClient | undefined;
  readonly files: Files;
  readonly machine: MachineInfo | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Makes kernels to try packets in; absent where there is no place for one. */
  readonly trial?: MakePacketTrial;
}

/** What is said of a command. */
export interface Described {
  readonly name: string;
  /** The line behind `usage:`; completion reads it too. */
  readonly synopsis: string;
  /** One line of help. */
  readonly summary: string;
  /** Words that may stand for a placeholder of the synopsis, or behind an option (`-s`). */
  readonly values?: Readonly<Record<string, readonly string[]>>;
  /** Words that follow one another, where operands are such. */
  readonly words?: WordTree;
}

/** Words by what may follow them; `<host>` stands for a host. */
export interface WordTree {
  readonly next?: Readonly<Record<string, WordTree>>;
}

export interface Command extends Described {
  /** Resolves to the exit status. */
  run(args: readonly string[], context: CommandContext): Promise<number>;
}
