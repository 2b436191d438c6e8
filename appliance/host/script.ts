// SPDX-License-Identifier: ISC
//
// A program of the host that a check asks (relayd.conf(5), `check script`): without a shell, in a process group of its own,
// for so long and with so much output at most. Whatever it started is gone when it is over.

import { spawn } from 'node:child_process';

/** Bytes that it may print before it is ended. */
const MAXIMUM_OUTPUT = 64 * 1024;

/**
 * Runs it with one argument for `timeout` milliseconds at most. Resolves to its exit status; rejects with the reason when it
 * could not be run, or did not end by itself.
 */
export function runScript(path: string, argument: string, timeout: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const script = spawn(path, [argument], {
      cwd: '/',
      env: {},
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let ended: string | undefined;
    const end = (reason: string) => {
      ended ??= reason;
      killGroup(script.pid);
    };
    const timer = setTimeout(() => end(`took longer than ${timeout} ms`), timeout);
    let printed = 0;
    for (const output of [script.stdout, script.stderr]) {
      output.on('data', (piece: Buffer) => {
        printed += piece.length;
        if (printed > MAXIMUM_OUTPUT) end(`printed more than ${MAXIMUM_OUTPUT} bytes`);
      });
    }
    script.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    // Not 'close': children that it left behind may hold its output open.
    script.once('exit', (status, signal) => {
      clearTimeout(timer);
      killGroup(script.pid);
      if (status !== null && ended === undefined) resolve(status);
      else reject(new Error(`${path}: ${ended ?? `killed by ${signal}`}`));
    });
  });
}

/** Ends the script and all that it started, as far as it stayed in its group. */
function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    // Nobody is left in it.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
