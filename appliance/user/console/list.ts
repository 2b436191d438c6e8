// SPDX-License-Identifier: ISC
//
// A list longer than its window: which item is selected, which is the first to be seen.

import type { Key } from './keys.ts';

export interface ListState {
  readonly selected: number;
  readonly top: number;
}

export const LIST_START: ListState = { selected: 0, top: 0 };

/** The state for a list of `length` items in a window of `height`: the selected one exists and is seen. */
export function settle({ selected, top }: ListState, length: number, height: number): ListState {
  const chosen = Math.max(0, Math.min(selected, length - 1));
  const room = Math.max(1, height);
  const last = Math.max(0, length - room);
  const first = Math.min(Math.max(top, chosen - room + 1), chosen);
  return { selected: chosen, top: Math.max(0, Math.min(first, last)) };
}

/** The state after a press of the mouse on a row of the window; undefined beside the items. */
export function chooseInList(list: ListState, row: number, length: number): ListState | undefined {
  const selected = list.top + row;
  return row < 0 || selected >= length ? undefined : { ...list, selected };
}

/** The state after a key; undefined when the key does not move. */
export function moveInList(list: ListState, key: Key, length: number, page: number): ListState | undefined {
  const steps: Readonly<Record<string, number>> = {
    up: -1,
    down: 1,
    pageup: -page,
    pagedown: page,
    home: -length,
    end: length,
  };
  const step = Object.hasOwn(steps, key.name) ? steps[key.name] : undefined;
  if (step === undefined) return undefined;
  return settle({ ...list, selected: list.selected + step }, length, page);
}
