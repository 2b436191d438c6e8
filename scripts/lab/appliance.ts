// SPDX-License-Identifier: ISC
//
// An appliance as a process: `rhine boot` in a namespace, up to the line that says it is ready.

import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { enter, type Namespace, start, stop } from './namespace.ts';

export const RHINE = fileURLToPath(new URL('../../appliance/main.js', import.meta.url));

/** Seconds an appliance may take to boot. */
const BOOT_LIMIT = 30;

/** Boots the machine of that name; `heard` gets every line that it prints. Rejects with its last lines when it does not come up. */
export async function bootAppliance(
  namespace: Namespace,
  name: string,
  directory: string,
  heard: (line: string) => void,
): Promise<ChildProcess> {
  const boot = start([...enter(namespace.pid), process.execPath, RHINE, 'boot', directory, '--headless'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  boot.stderr!.setEncoding('utf8').on('data', heard);
  try {
    await untilReady(name, boot, heard);
  } catch (error) {
    await stop(boot, 'SIGKILL');
    throw error;
  }
  return boot;
}

function untilReady(name: string, boot: ChildProcess, heard: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    const fail = (why: string) => reject(new Error(`${name} ${why}\n${lines.slice(-15).join('\n')}`));
    const limit = setTimeout(() => fail(`was not ready after ${BOOT_LIMIT} s:`), BOOT_LIMIT * 1000);
    boot.once('error', reject);
    boot.once('exit', (code) => {
      clearTimeout(limit);
      fail(`ended with status ${code} while booting:`);
    });
    createInterface({ input: boot.stdout! }).on('line', (line) => {
      lines.push(line);
      heard(line);
      if (!line.endsWith(`${name} ready`)) return;
      clearTimeout(limit);
      boot.removeAllListeners('exit');
      resolve();
    });
  });
}
