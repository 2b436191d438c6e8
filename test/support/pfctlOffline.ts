// SPDX-License-Identifier: ISC
//
// pfctl run in this process: the real command over a folder on disk, or over texts held here, with or without a kernel.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { KernelClient } from '../../appliance/abi/client.ts';
import { makePacketTrial } from '../../appliance/host/packetTrial.ts';
import type { Files } from '../../appliance/user/commands/command.ts';
import { pfctl } from '../../appliance/user/commands/pfctl.ts';

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  /** Relative paths start here. */
  readonly directory?: string;
  /** Files that hide those on disk, by path as named on the command line. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly kernel?: KernelClient;
}

export async function runPfctl(args: readonly string[], around: Surroundings = {}): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const status = await pfctl.run(args, {
    kernel: around.kernel,
    files: files(around),
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    stdin: async () => around.stdin ?? '',
    signal: new AbortController().signal,
    machine: undefined,
    env: {},
    clock: { now: () => 0 },
    trial: makePacketTrial,
  });
  return { status, stdout, stderr };
}

function files(around: Surroundings): Files {
  const texts = around.texts ?? {};
  const at = (path: string): string => resolve(around.directory ?? '/nonexistent', path);
  return {
    read: async (path) => texts[path] ?? readFileSync(at(path), 'utf8'),
    readBytes: async (path) => readFileSync(at(path)),
    readSecret: (path) => refuse(path),
    write: (path) => refuse(path),
    remove: (path) => refuse(path),
    list: async (path) => readdirSync(at(path)),
    exists: async (path) => path in texts || existsSync(at(path)),
    create: (path) => refuse(path),
  };
}

async function refuse(path: string): Promise<never> {
  throw new Error(`nothing may be written: ${path}`);
}
