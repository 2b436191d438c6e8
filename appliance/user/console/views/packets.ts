// SPDX-License-Identifier: ISC
//
// F7: packets as they pass, by tcpdump(8); one of them as a tree; those that are seen into a file.

import * as pcap from '../../../wire/pcap.ts';
import { fileHeader, fileRecord } from '../../captureFrames.ts';
import { readFrameJson, type TracedFrame } from '../../captureJson.ts';
import { fileProblem } from '../../config/pf/loadPfConf.ts';
import { decode } from '../../dissect/tree.ts';
import type { Key } from '../keys.ts';
import { type Row, row, span } from '../styled.ts';
import type { KeyHelp, Look, View, ViewHost } from '../view.ts';
import {
  clickInPackets,
  moveInPackets,
  moveInTree,
  NO_PACKETS,
  type PacketList,
  type PacketTree,
  packetRows,
  treeOf,
  treeRows,
  withPackets,
} from './packetsModel.ts';

const LIST_KEYS: readonly KeyHelp[] = [
  ['/', 'filter'],
  ['i', 'interface'],
  ['Enter', 'decode'],
  ['space', 'hold'],
  ['End', 'follow'],
  ['c', 'clear'],
  ['s', 'save'],
  ['q', 'shell'],
];
const TREE_KEYS: readonly KeyHelp[] = [
  ['Up/Down', 'move'],
  ['Enter', 'fold'],
  ['p/n', 'packet before/next'],
  ['Esc', 'close'],
  ['q', 'shell'],
];

/** Of the rows for packets, one in so many is the list's while a tree is open. */
const LIST_SHARE = 3;

export class PacketsView implements View {
  readonly title = 'packets';
  private readonly host: ViewHost;
  private capture: AbortController | undefined;
  private shownPackets: PacketList = NO_PACKETS;
  /** Those that came since the last drawing. */
  private arrived: TracedFrame[] = [];
  private tree: PacketTree | undefined;
  private interface = 'vr0';
  private filter = '';
  private isHeld = false;
  /** Why there is no capture. */
  private complaint = '';
  private page = 10;

  constructor(host: ViewHost) {
    this.host = host;
  }

  get keys(): readonly KeyHelp[] {
    return this.tree === undefined ? LIST_KEYS : TREE_KEYS;
  }

  shown(): void {
    this.start();
  }

  hidden(): void {
    this.capture?.abort();
    this.capture = undefined;
  }

  rows(look: Look): readonly Row[] {
    this.takeArrived();
    const { shownPackets, tree } = this;
    const heading = this.heading();
    const room = look.rows - 1;
    if (shownPackets.packets.length === 0) {
      const nothing =
        this.complaint === '' ? row(' no packet yet', 'faint') : row(` ${this.complaint}`, 'bad');
      return [heading, [], nothing];
    }
    const height = tree === undefined ? room : Math.max(1, Math.floor(room / LIST_SHARE));
    this.page = Math.max(1, tree === undefined ? height : room - height - 1);
    const list = packetRows(shownPackets, height, look.columns);
    if (tree === undefined) return [heading, ...list];
    const line = row(look.glyphs.horizontal.repeat(look.columns), 'faint');
    return [heading, ...list, line, ...treeRows(tree, this.page, look)];
  }

  press(key: Key): boolean {
    this.takeArrived();
    return this.tree === undefined ? this.pressInList(key) : this.pressInTree(this.tree, key);
  }

  click(row: number): void {
    this.takeArrived();
    this.shownPackets = clickInPackets(this.shownPackets, row - 1, this.tree === undefined ? this.page : 0);
  }

  private pressInList(key: Key): boolean {
    const moved = moveInPackets(this.shownPackets, key, this.page);
    if (moved !== undefined) this.shownPackets = moved;
    else if (key.name === 'enter') this.openTree();
    else if (key.name === 'space') this.isHeld = !this.isHeld;
    else if (key.name === 'c') this.clear();
    else if (key.name === '/') this.change('packets with: ', 'filter');
    else if (key.name === 'i') this.change('interface: ', 'interface');
    else if (key.name === 's') this.save();
    else return false;
    return true;
  }

  private pressInTree(tree: PacketTree, key: Key): boolean {
    const moved = moveInTree(tree, key, this.page);
    if (moved !== undefined) this.tree = moved;
    else if (key.name === 'escape') this.tree = undefined;
    else if (key.name === 'n' || key.name === 'p') this.openNext(key.name === 'n' ? 'down' : 'up');
    else return false;
    return true;
  }

  private heading(): Row {
    const { packets, list } = this.shownPackets;
    const words = this.filter === '' ? 'everything' : this.filter;
    const place = packets.length === 0 ? '' : `${list.selected + 1} of ${packets.length}`;
    return [
      span(` ${this.interface}: ${words}`, 'strong'),
      span(`  ${place}${this.isHeld ? ', held' : ''}`, 'faint'),
    ];
  }

  /** What came is drawn, and counted as seen, together. */
  private takeArrived(): void {
    if (this.arrived.length === 0) return;
    this.shownPackets = withPackets(this.shownPackets, this.arrived);
    this.arrived = [];
  }

  private clear(): void {
    this.shownPackets = NO_PACKETS;
    this.arrived = [];
    this.tree = undefined;
  }

  /** Who looks at one packet does not follow what comes. */
  private openTree(): void {
    const packet = this.shownPackets.packets[this.shownPackets.list.selected];
    if (packet === undefined) return;
    this.shownPackets = { ...this.shownPackets, follows: false };
    this.tree = treeOf(decode(packet.linkType, packet.bytes, packet.wireLength));
  }

  private openNext(direction: 'up' | 'down'): void {
    const moved = moveInPackets(this.shownPackets, { name: direction }, this.page);
    if (moved !== undefined) this.shownPackets = moved;
    this.openTree();
  }

  private change(question: string, what: 'filter' | 'interface'): void {
    this.host.act(async () => {
      const answer = await this.host.ask(question, this[what]);
      if (answer === undefined) return;
      this[what] = answer.trim();
      this.clear();
      this.start();
    });
  }

  /** Those that are remembered, as a capture file. */
  private save(): void {
    const { packets } = this.shownPackets;
    const [first] = packets;
    if (first === undefined) return this.host.say('there is no packet to save');
    this.host.act(async () => {
      const path = await this.host.ask(`save ${packets.length} packets as: `, '/var/log/capture.pcap');
      if (path === undefined || path.trim() === '') return;
      const { files } = this.host;
      if ((await files.exists(path)) && !(await this.host.confirm(`${path} is there: write it anew?`)))
        return;
      try {
        const file = await files.create(path, { whole: true });
        await file.write(fileHeader(first.linkType, pcap.MAXIMUM_SNAPLEN));
        for (const packet of packets) await file.write(fileRecord(packet));
        await file.close();
      } catch (error) {
        throw new Error(`${path}: ${fileProblem(error)}`);
      }
      this.host.say(`${packets.length} packets are in ${path}`, 'good');
    });
  }

  private start(): void {
    this.hidden();
    const capture = new AbortController();
    this.capture = capture;
    this.complaint = '';
    const words = this.filter.split(/\s+/).filter((word) => word !== '');
    const line = (text: string) => {
      if (this.capture !== capture || this.isHeld) return;
      this.arrived.push(readFrameJson(text));
      this.host.redraw();
    };
    this.host.machine
      .follow(['tcpdump', '-l', '-n', '--json', '-i', this.interface, ...words], capture.signal, line)
      .catch((error: Error) => {
        if (this.capture !== capture) return;
        this.complaint = error.message;
        this.host.redraw();
      });
  }
}
