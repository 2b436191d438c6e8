// SPDX-License-Identifier: ISC
//
// F8: what the machine says (dmesg(8)).

import type { Key } from '../keys.ts';
import { type Row, row, type Style } from '../styled.ts';
import type { KeyHelp, Look, View, ViewHost } from '../view.ts';
import { EMPTY_LOG, logRows, moveInLog, type TextLog } from './textLog.ts';

function styleOfMessage(line: string): Style {
  if (/panic|error|fail|wrong|denied|duplicate/i.test(line)) return 'bad';
  return /warning|down|BACKUP|INIT/.test(line) ? 'warn' : 'text';
}

/** The messages with `text` in them, as rows. */
export function messagesRows(log: TextLog, text: string, look: Look): readonly Row[] {
  if (log.lines.length === 0)
    return [row(text === '' ? ' no message' : ` no message with '${text}'`, 'faint')];
  return logRows(log, look.rows, styleOfMessage, text);
}

export class LogView implements View {
  readonly title = 'log';
  readonly keys: readonly KeyHelp[] = [
    ['/', 'filter'],
    ['Up/Down PgUp/PgDn', 'move'],
    ['End', 'follow'],
    ['q', 'shell'],
  ];
  private readonly host: ViewHost;
  private messages: readonly string[] = [];
  private filter = '';
  private log: TextLog = EMPTY_LOG;
  private page = 10;

  constructor(host: ViewHost) {
    this.host = host;
  }

  async refresh(): Promise<void> {
    this.messages = (await this.host.machine.text('dmesg')).trimEnd().split('\n');
    this.choose();
  }

  rows(look: Look): readonly Row[] {
    this.page = look.rows;
    return messagesRows(this.log, this.filter, look);
  }

  press(key: Key): boolean {
    const moved = moveInLog(this.log, key, this.page);
    if (moved !== undefined) this.log = moved;
    else if (key.name === '/') this.changeFilter();
    else return false;
    return true;
  }

  private changeFilter(): void {
    this.host.act(async () => {
      this.filter = (await this.host.ask('messages with: ', this.filter)) ?? this.filter;
      this.log = EMPTY_LOG;
      this.choose();
    });
  }

  /** New messages move what is looked at no further than the end. */
  private choose(): void {
    const lines = this.messages.filter((line) => line.includes(this.filter));
    const more = Math.max(0, lines.length - this.log.lines.length);
    this.log = { lines, back: this.log.back === 0 ? 0 : this.log.back + more };
  }
}
