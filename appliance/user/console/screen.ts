// SPDX-License-Identifier: ISC
//
// The terminal as a screen of cells. The only file that knows blessed, and what must be known of it:
//
// - A second screen in one process never works again, so there is one, which is entered and left as often as wanted.
// - Its widgets parse their whole content at each change. Here cells are set in its buffer, of which it draws what has changed.
// - It ends the process on signals that nobody else listens to, and restores the terminal when the process ends, by an exception too.
// - Enter comes twice (as enter and as return); line drawing is only right with forceUnicode.
// - It stays a listener of its input, and a line editor on the same terminal would hear keys of both: its input is a stream of its own, which
//   gets what is typed while the screen is entered.
// - It complains on the terminal of an entry in the terminfo of screen-256color and its like; that of screen does as well.

import { PassThrough } from 'node:stream';
import blessed from 'blessed';
import type { Glyphs } from './glyphs.ts';
import type { Key, Pointed } from './keys.ts';
import { crop, type Row, type Style } from './styled.ts';

export interface ScreenParts {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  /** $TERM. */
  readonly terminal: string;
  readonly glyphs: Glyphs;
  /** Without colours, attributes alone tell styles apart (NO_COLOR). */
  readonly colours: boolean;
}

export interface Place {
  readonly row: number;
  readonly column: number;
}

/** A cell of blessed's buffer: its attribute and its character. */
type Cell = [number, string];
type BufferLine = Cell[] & { dirty: boolean };

/** What blessed has and its types lack. */
interface BlessedScreen {
  readonly program: BlessedProgram;
  readonly lines: BufferLine[];
  readonly tput: { readonly colors: number };
  alloc(): void;
  draw(first: number, last: number): void;
  enter(): void;
  leave(): void;
}

interface BlessedProgram {
  readonly cols: number;
  readonly rows: number;
  on(event: string, listener: (...args: never[]) => void): void;
  cup(row: number, column: number): void;
  showCursor(): void;
  hideCursor(): void;
  flush(): void;
  bindMouse(): void;
  setMouse(modes: MouseModes, on: boolean): void;
}

/** Presses and the wheel (DEC private mode 1000) in a form without bounds (1006); no motion. */
const mouseModes = (on: boolean) => ({ vt200Mouse: on, sgrMouse: on });
type MouseModes = ReturnType<typeof mouseModes>;

interface BlessedMouse {
  readonly action: string;
  readonly x: number;
  readonly y: number;
}

interface BlessedKey {
  readonly name?: string;
  readonly full?: string;
}

// Attributes of blessed's cells: flags, foreground and background, nine bits each; 0x1ff is the terminal's own colour.
const BOLD = 1 << 18;
const UNDERLINE = 2 << 18;
const INVERSE = 8 << 18;
const OWN = 0x1ff;
const [RED, GREEN, YELLOW, BLUE, CYAN, WHITE] = [1, 2, 3, 4, 6, 7];

interface Appearance {
  readonly flags: number;
  readonly foreground?: number;
  readonly background?: number;
}

const COLOURED: Readonly<Record<Style, Appearance>> = {
  text: { flags: 0 },
  faint: { flags: 0, foreground: CYAN },
  strong: { flags: BOLD },
  heading: { flags: BOLD | UNDERLINE },
  good: { flags: 0, foreground: GREEN },
  bad: { flags: BOLD, foreground: RED },
  warn: { flags: 0, foreground: YELLOW },
  bar: { flags: 0, foreground: WHITE, background: BLUE },
  active: { flags: BOLD | INVERSE, foreground: WHITE, background: BLUE },
  selected: { flags: INVERSE },
};

const COLOURLESS: Readonly<Record<Style, Appearance>> = {
  text: { flags: 0 },
  faint: { flags: 0 },
  strong: { flags: BOLD },
  heading: { flags: BOLD | UNDERLINE },
  good: { flags: 0 },
  bad: { flags: BOLD },
  warn: { flags: UNDERLINE },
  bar: { flags: INVERSE },
  active: { flags: BOLD },
  selected: { flags: INVERSE },
};

export class Screen {
  private static only: Screen | undefined;
  /** Called for each key while the screen is entered. */
  pressed: (key: Key) => void = () => {};
  /** Called when the terminal has another size. */
  resized: () => void = () => {};
  /** Called for the mouse while it is listened to. */
  pointed: (pointed: Pointed) => void = () => {};
  private readonly screen: BlessedScreen;
  private readonly parts: ScreenParts;
  private readonly attributes: Readonly<Record<Style, number>>;
  /** What is typed while the screen is entered. */
  private readonly typed = new PassThrough();
  private readonly forward = (chunk: Uint8Array) => this.typed.write(chunk);
  private entered = false;
  private listensToMouse = false;

  private constructor(parts: ScreenParts) {
    const { output, glyphs } = parts;
    this.parts = parts;
    this.screen = blessed.screen({
      input: this.typed,
      output,
      terminal: parts.terminal.replace(/^screen[-.].*/, 'screen'),
      forceUnicode: glyphs.isUnicode,
      resizeTimeout: 50,
    } as object) as unknown as BlessedScreen;
    this.attributes = attributesOf(parts.colours && this.screen.tput.colors >= 8);
    this.screen.program.on('keypress', (character: string | undefined, key: BlessedKey) => {
      const known = keyOf(character, key);
      if (this.entered && known !== undefined) this.pressed(known);
    });
    this.screen.program.bindMouse();
    this.screen.program.on('mouse', (event: BlessedMouse) => {
      const known = pointedOf(event);
      if (this.entered && known !== undefined) this.pointed(known);
    });
    // After blessed's own listener, which has made the buffer anew.
    this.screen.program.on('resize', () => {
      if (this.entered) this.resized();
    });
  }

  /** The process's screen, entered; made at the first call. */
  static enter(parts: ScreenParts): Screen {
    Screen.only ??= new Screen(parts);
    Screen.only.enter();
    return Screen.only;
  }

  get columns(): number {
    return this.screen.program.cols;
  }

  get rows(): number {
    return this.screen.program.rows;
  }

  enter(): void {
    if (this.entered) return;
    this.entered = true;
    const { input } = this.parts;
    input.setRawMode(true);
    input.on('data', this.forward);
    input.resume();
    this.screen.enter();
    if (this.listensToMouse) this.setMouse(true);
  }

  /** Whether the mouse is listened to: then the terminal does not select text by it. */
  get mouse(): boolean {
    return this.listensToMouse;
  }

  set mouse(wanted: boolean) {
    this.listensToMouse = wanted;
    this.setMouse(wanted);
  }

  private setMouse(on: boolean): void {
    this.screen.program.setMouse(mouseModes(on), on);
  }

  /** Gives the terminal back as it was. */
  leave(): void {
    if (!this.entered) return;
    this.entered = false;
    if (this.listensToMouse) this.setMouse(false);
    this.screen.leave();
    const { input } = this.parts;
    input.off('data', this.forward);
    input.setRawMode(false);
    input.pause();
  }

  /** Shows rows from the top, and the cursor where there is one. What is missing is empty. */
  draw(rows: readonly Row[], cursor?: Place): void {
    if (!this.entered) return;
    const { screen, columns } = this;
    const { program } = screen;
    for (const [y, line] of screen.lines.entries()) {
      setLine(line, crop(rows[y] ?? [], columns), this.attributes);
    }
    program.hideCursor();
    screen.draw(0, screen.lines.length - 1);
    if (cursor !== undefined) {
      program.cup(cursor.row, cursor.column);
      program.showCursor();
    }
    program.flush();
  }

  /** Draws every cell again at the next `draw`: something else has written to the terminal. */
  invalidate(): void {
    this.screen.alloc();
  }
}

function attributesOf(colours: boolean): Readonly<Record<Style, number>> {
  const looks = Object.entries(colours ? COLOURED : COLOURLESS) as [Style, Appearance][];
  const attribute = ({ flags, foreground = OWN, background = OWN }: Appearance) =>
    flags | (foreground << 9) | background;
  return Object.fromEntries(looks.map(([style, look]) => [style, attribute(look)])) as Record<Style, number>;
}

function setLine(line: BufferLine, cells: Row, attributes: Readonly<Record<Style, number>>): void {
  let x = 0;
  for (const { text, style } of cells) {
    const attribute = attributes[style];
    for (const character of text) {
      const cell = line[x++];
      if (cell === undefined) return;
      if (cell[0] === attribute && cell[1] === character) continue;
      cell[0] = attribute;
      cell[1] = character;
      line.dirty = true;
    }
  }
}

/** Undefined for what is not listened to: releases and motion. */
function pointedOf({ action, x, y }: BlessedMouse): Pointed | undefined {
  const actions = { mousedown: 'press', wheelup: 'wheel up', wheeldown: 'wheel down' } as const;
  if (!Object.hasOwn(actions, action)) return undefined;
  return { row: y, column: x, action: actions[action as keyof typeof actions] };
}

/** Undefined for what is told twice, and for what is no key. */
function keyOf(character: string | undefined, key: BlessedKey): Key | undefined {
  const { name, full } = key;
  if (name === 'return') return undefined;
  if (name === 'enter' || name === 'linefeed') return { name: 'enter' };
  if (name === 'space' && full === 'space') return { name: 'space', character: ' ' };
  if (character !== undefined && character >= ' ' && character !== '\x7f') {
    return { name: character, character };
  }
  return full === undefined ? undefined : { name: full };
}
