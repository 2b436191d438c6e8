// SPDX-License-Identifier: ISC
//
// Captured packets as a list with one selected, and the selected one as a tree of headers and fields: a state and a key give the next state.

import type { TracedFrame } from '../../captureJson.ts';
import { Timestamps, timestampStyle } from '../../dissect/timestamp.ts';
import type { Layer } from '../../dissect/tree.ts';
import type { Key } from '../keys.ts';
import { chooseInList, LIST_START, type ListState, moveInList, settle } from '../list.ts';
import { crop, fit, type Row, restyle, row, span } from '../styled.ts';
import type { Look } from '../view.ts';

/** Packets that are remembered; half of them go when there are so many. */
export const MOST_PACKETS = 4_000;

/** Packets as they come: what is selected stays selected, or is always the last one. */
export interface PacketList {
  readonly packets: readonly TracedFrame[];
  readonly list: ListState;
  /** The last one is selected, whichever that is. */
  readonly follows: boolean;
}

export const NO_PACKETS: PacketList = { packets: [], list: LIST_START, follows: true };

export function withPackets(before: PacketList, more: readonly TracedFrame[]): PacketList {
  const all = [...before.packets, ...more];
  const gone = all.length > MOST_PACKETS ? all.length - MOST_PACKETS / 2 : 0;
  const { selected, top } = before.list;
  const packets = gone === 0 ? all : all.slice(gone);
  const list = before.follows
    ? { selected: packets.length - 1, top: packets.length - 1 }
    : { selected: Math.max(0, selected - gone), top: Math.max(0, top - gone) };
  return { ...before, packets, list };
}

/** The list after a key; undefined when the key does not move. */
export function moveInPackets(before: PacketList, key: Key, page: number): PacketList | undefined {
  const { length } = before.packets;
  const list = moveInList(before.list, key, length, page);
  return list && { ...before, list, follows: list.selected >= length - 1 };
}

/** The list after a press of the mouse on a row of a window of `height` rows. */
export function clickInPackets(before: PacketList, row: number, height: number): PacketList {
  const { length } = before.packets;
  const list = row < height ? chooseInList(settle(before.list, length, height), row, length) : undefined;
  return list === undefined ? before : { ...before, list, follows: false };
}

/** The list in a window of `height` rows. */
export function packetRows({ packets, list }: PacketList, height: number, width: number): readonly Row[] {
  const { top, selected } = settle(list, packets.length, height);
  const clock = new Timestamps(timestampStyle(0), 0);
  return packets.slice(top, top + height).map(({ time, text }, i) => {
    const cells = crop([span(clock.print(time), 'faint'), span(text.split('\n', 1)[0]!)], width);
    return top + i === selected ? restyle(cells, 'selected') : cells;
  });
}

/** A packet that is looked at: its headers, which of them are unfolded, and where the cursor is. */
export interface PacketTree {
  readonly layers: readonly Layer[];
  readonly unfolded: ReadonlySet<number>;
  readonly list: ListState;
}

/** All headers but the first are unfolded, its bytes are not. */
export function treeOf(layers: readonly Layer[]): PacketTree {
  const unfolded = new Set(layers.map((_, i) => i).filter((i) => i > 0 && i < layers.length - 1));
  return { layers, unfolded, list: LIST_START };
}

interface TreeLine {
  readonly layer: number;
  readonly cells: Row;
}

function linesOf({ layers, unfolded }: PacketTree): readonly TreeLine[] {
  return layers.flatMap(({ name, fields }, layer) => {
    if (!unfolded.has(layer)) {
      const content = fields.map(([field, value]) => `${field} ${value}`).join(', ');
      return [{ layer, cells: [span(` + ${name}  `, 'strong'), span(content, 'faint')] }];
    }
    const width = Math.max(0, ...fields.map(([field]) => field.length));
    const rows = fields.map(([field, value]) => ({
      layer,
      cells: [span(`     ${fit(field, width)}  `, 'faint'), span(value)],
    }));
    return [{ layer, cells: row(` - ${name}`, 'strong') }, ...rows];
  });
}

/** The tree after a key: moves, Enter folds and unfolds, Right unfolds, Left folds. Undefined when the key has no meaning in it. */
export function moveInTree(tree: PacketTree, key: Key, page: number): PacketTree | undefined {
  const lines = linesOf(tree);
  const list = moveInList(tree.list, key, lines.length, page);
  if (list !== undefined) return { ...tree, list };
  const layer = lines[tree.list.selected]!.layer;
  if (!['enter', 'left', 'right'].includes(key.name)) return undefined;
  const isUnfolded = tree.unfolded.has(layer);
  const unfolded = new Set(tree.unfolded);
  if (key.name === 'right' || (key.name === 'enter' && !isUnfolded)) unfolded.add(layer);
  else unfolded.delete(layer);
  const folded = { ...tree, unfolded };
  const selected = linesOf(folded).findIndex((line) => line.layer === layer);
  return {
    ...folded,
    list: { ...tree.list, selected: key.name === 'right' ? tree.list.selected : selected },
  };
}

/** The tree in a window of `height` rows. */
export function treeRows(tree: PacketTree, height: number, { columns }: Look): readonly Row[] {
  const lines = linesOf(tree);
  const { top, selected } = settle(tree.list, lines.length, height);
  return lines.slice(top, top + height).map(({ cells }, i) => {
    const cropped = crop(cells, columns);
    return top + i === selected ? restyle(cropped, 'selected') : cropped;
  });
}
