// SPDX-License-Identifier: ISC
//
// F7: packets as they pass, by tcpdump(8).

import type { Key } from '../keys.ts';
import { type Row, row, type Style, span } from '../styled.ts';
import type { KeyHelp, Look, View, ViewHost } from '../view.ts';
import { append, EMPTY_LOG, logRows, moveInLog, type TextLog } from './textLog.ts';

/** How much is said of each packet: options of tcpdump, and their name. */
const DEPTHS: readonly (readonly [name: string, options: readonly string[]])[] = [
  ['one line', []],
  ['verbose', ['-vv', '-e']],
  ['bytes', ['-vv', '-e', '-X']],
];

/** The capture as rows: what is captured, then the packets. */
export function packetsRows(title: string, note: string, log: TextLog, look: Look): readonly Row[] {
  const heading: Row = [span(` ${title}`, 'strong'), span(`  ${note}`, 'faint')];
  if (log.lines.length === 0) return [heading, [], row(' no packet yet', 'faint')];
  return [heading, ...logRows(log, look.rows - 1, styleOfPacket)];
}

/** Hex dumps and continued lines are indented; tcpdump's own words have no time in front. */
function styleOfPacket(line: string): Style {
  if (/^\s/.test(line)) return 'faint';
  return /^(\d\d:\d\d:\d\d|\d+\.)/.test(line) ? 'text' : 'bad';
}

export class PacketsView implements View {
  readonly title = 'packets';
  readonly keys: readonly KeyHelp[] = [
    ['/', 'filter'],
    ['i', 'interface'],
    ['v', 'depth'],
    ['space', 'hold'],
    ['c', 'clear'],
    ['s', 'save'],
    ['q', 'shell'],
  ];
  private readonly host: ViewHost;
  private capture: AbortController | undefined;
  private log: TextLog = EMPTY_LOG;
  private interface = 'vr0';
  private filter = '';
  private depth = 0;
  private file = '';
  private isHeld = false;
  private page = 10;

  constructor(host: ViewHost) {
    this.host = host;
  }

  shown(): void {
    this.start();
  }

  hidden(): void {
    this.capture?.abort();
    this.capture = undefined;
  }

  rows(look: Look): readonly Row[] {
    this.page = Math.max(1, look.rows - 1);
    const words = this.filter === '' ? 'everything' : this.filter;
    const [depth] = DEPTHS[this.depth]!;
    const held = this.isHeld ? ', held' : this.log.back > 0 ? ', further down there is more' : '';
    const saved = this.file === '' ? '' : `, into ${this.file}`;
    return packetsRows(`${this.interface}: ${words}`, `${depth}${saved}${held}`, this.log, look);
  }

  press(key: Key): boolean {
    const moved = moveInLog(this.log, key, this.page);
    if (moved !== undefined) this.log = moved;
    else if (key.name === 'space') this.isHeld = !this.isHeld;
    else if (key.name === 'c') this.log = EMPTY_LOG;
    else if (key.name === 'v') {
      this.depth = (this.depth + 1) % DEPTHS.length;
      this.start();
    } else if (key.name === '/') this.change('packets with: ', 'filter');
    else if (key.name === 'i') this.change('interface: ', 'interface');
    else if (key.name === 's') this.save();
    else return false;
    return true;
  }

  private change(question: string, what: 'filter' | 'interface'): void {
    this.host.act(async () => {
      const answer = await this.host.ask(question, this[what]);
      if (answer === undefined) return;
      this[what] = answer.trim();
      this.log = EMPTY_LOG;
      this.start();
    });
  }

  /** A capture file beside what is shown, until it is told to end. */
  private save(): void {
    this.host.act(async () => {
      const file = await this.host.ask('save 1000 packets as: ', '/var/log/capture.pcap');
      if (file === undefined || file === '') return;
      this.file = file;
      const words = ['tcpdump', '-i', this.interface, '-c', '1000', '-w', file, ...this.words];
      await this.host.machine.text(...words).finally(() => {
        this.file = '';
      });
      this.host.say(`1000 packets are in ${file}`, 'good');
    });
  }

  private get words(): readonly string[] {
    return this.filter.split(/\s+/).filter((word) => word !== '');
  }

  private start(): void {
    this.hidden();
    const capture = new AbortController();
    this.capture = capture;
    const words = ['tcpdump', '-l', '-n', ...DEPTHS[this.depth]![1], '-i', this.interface, ...this.words];
    const line = (text: string) => {
      if (this.capture !== capture || this.isHeld) return;
      this.log = append(this.log, text);
      this.host.redraw();
    };
    this.host.machine
      .follow(words, capture.signal, line)
      .catch((error: Error) => this.host.say(error.message));
  }
}
