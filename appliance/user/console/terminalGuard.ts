// SPDX-License-Identifier: ISC
//
// Gives the terminal back where this process cannot: after SIGKILL, or a crash of what is below JavaScript. A shell waits at the end of a
// pipe, which breaks when this process ends in whatever way, and puts the terminal's settings and screen back then.

import { spawn, spawnSync } from 'node:child_process';
import type { Socket } from 'node:net';

/** The screen's own, cursor shown, colours off, keys and mouse as they are: what a screen has changed (ECMA-48, DEC private modes). */
const BACK = String.raw`\033[?1049l\033[?25h\033[?1l\033>\033[?1000l\033[?1006l\033[0m`;

/** It has to outlive what ends its parent, and to write from the background. */
const WATCH = `trap '' HUP INT QUIT TERM TSTP TTOU; read -r nothing; stty "$1" <&3; printf '${BACK}' >&3`;

export interface TerminalGuard {
  /** The terminal has been given back. */
  release(): void;
}

/** Standard input, which is the terminal. */
const TERMINAL = 0;

/** Watches over this process's terminal, whose settings are those of now. Where there is no stty(1), nothing is watched. */
export function guardTerminal(): TerminalGuard {
  const { status, stdout } = spawnSync('stty', ['-g'], {
    stdio: [TERMINAL, 'pipe', 'ignore'],
    encoding: 'utf8',
  });
  if (status !== 0) return { release: () => {} };
  const words = ['-c', WATCH, 'sh', stdout.trim()];
  const watcher = spawn('sh', words, { stdio: ['pipe', 'ignore', 'ignore', TERMINAL] });
  const [pipe] = watcher.stdio as unknown as [Socket];
  watcher.on('error', () => {}); // without sh(1) nobody watches, and the console works all the same
  pipe.on('error', () => {}); // it has been killed: then there is nobody to be told
  watcher.unref();
  pipe.unref();
  // A process that ends by itself has given the terminal back before.
  const release = () => {
    process.off('exit', release);
    watcher.kill('SIGKILL');
  };
  process.on('exit', release);
  return { release };
}
