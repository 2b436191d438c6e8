// SPDX-License-Identifier: ISC
//
// What a view of the console is, and what it is handed.

import type { Files } from '../commands/command.ts';
import type { Glyphs } from './glyphs.ts';
import type { Key } from './keys.ts';
import type { MachineCommands } from './machine.ts';
import type { Place } from './screen.ts';
import type { Row } from './styled.ts';

/** Room for a view, and how it may draw. */
export interface Look {
  readonly columns: number;
  readonly rows: number;
  readonly glyphs: Glyphs;
}

/** A key and what it does, for the last line. */
export type KeyHelp = readonly [key: string, does: string];

export interface View {
  /** In the tab bar: long, and short where there is little room. */
  readonly title: string;
  readonly keys: readonly KeyHelp[];
  /** Asks the machine anew; called about once a second while the view is visible. Rejects with CommandFailed. */
  refresh?(): Promise<void>;
  /** Rows that fit into `look`. */
  rows(look: Look): readonly Row[];
  /** Takes a key; false: it has no meaning here. */
  press(key: Key): boolean;
  /** Takes a press of the mouse on one of these rows. */
  click?(row: number): void;
  /** Takes a turn of the wheel by so many rows, up if negative; where it is absent that is as many presses of Up or Down. */
  wheel?(rows: number): void;
  /** Where the cursor stands in these rows; undefined: there is none. */
  cursor?(look: Look): Place | undefined;
  /** The view is visible from now on, or no longer. */
  shown?(): void;
  hidden?(): void;
}

/** What the console does for its views. */
export interface ViewHost {
  readonly machine: MachineCommands;
  /** The machine's files. */
  readonly files: Files;
  /** Draws again: something has changed without a key. */
  redraw(): void;
  /** Refreshes the visible view at once. */
  refresh(): void;
  /** Asks for a line at the bottom; undefined when it was given up. */
  ask(question: string, text?: string): Promise<string | undefined>;
  /** Asks yes or no at the bottom. */
  confirm(question: string): Promise<boolean>;
  /** Says a sentence at the bottom, until the next key. */
  say(text: string, style?: 'good' | 'bad'): void;
  /** Runs a piece of work whose failure is said at the bottom, and refreshes the view after it. */
  act(work: () => Promise<void>): void;
}
