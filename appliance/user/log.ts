// SPDX-License-Identifier: ISC
//
// What a machine says: lines for the console and dmesg(8), and the same as JSON in var/log/messages.

import pino, { type Logger } from 'pino';

export type Level = 'info' | 'notice' | 'warning' | 'error';

/** Lines that dmesg shows. */
const KEPT = 2_000;
export class MachineLog {
  private readonly lines: string[] = [];
  private readonly logger: Logger;
  private readonly console: (line: string) => void;

  /** `file` gets JSON lines at once, not through a thread: nothing is lost at the end. */
  constructor(file: string, console: (line: string) => void) {
    this.console = console;
    const destination = pino.destination({ dest: file, sync: true, mkdir: true, mode: 0o600 });
    this.logger = pino({ base: undefined, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  }

  /** A line for people and, with `fields`, for programs. `from` is who says it: kernel, rc, relayd. */
  say(from: string, text: string, level: Level = 'info', fields: object = {}): void {
    const line = from === 'rc' || from === 'kernel' ? text : `${from}: ${text}`;
    this.lines.push(line);
    if (this.lines.length > KEPT) this.lines.shift();
    this.console(line);
    const write = { info: 'info', notice: 'info', warning: 'warn', error: 'error' } as const;
    this.logger[write[level]]({ from, ...fields }, text);
  }

  get recent(): readonly string[] {
    return this.lines;
  }
}
