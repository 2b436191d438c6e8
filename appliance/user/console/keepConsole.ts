// SPDX-License-Identifier: ISC
//
// The console of a machine on its own terminal: opened again whenever it is left, and with less when it breaks down, as the machine in
// this process goes on.

export interface OwnConsole {
  /** Whether there are screens to begin with. */
  readonly screens: boolean;
  /** Opens the console, with screens or with a prompt alone; resolves when it is left, rejects when it breaks down. */
  readonly open: (screens: boolean) => Promise<unknown>;
  /** Whether the machine or the terminal has ended. */
  readonly isOver: () => boolean;
  /** Shows a line on the terminal. */
  readonly say: (line: string) => void;
  /** Notes in the machine's log. */
  readonly log: (text: string) => void;
}

const FALLEN_BACK =
  'The screens broke down, and the log (dmesg) says where. The machine goes on; this prompt works without them, and exit opens them again.';
const GIVEN_UP = 'The prompt broke down, too. The machine goes on; rhine console opens another one.';

/**
 * Keeps a console open. Screens that break down are followed by a prompt without them; who leaves that gets screens again. Resolves to
 * true when the machine or its terminal has ended, to false when the prompt has broken down as well and nothing is opened any more.
 */
export async function keepConsole({ screens, open, isOver, say, log }: OwnConsole): Promise<boolean> {
  let onScreens = screens;
  while (!isOver()) {
    try {
      await open(onScreens);
      onScreens = screens;
    } catch (error) {
      log((error as Error).stack ?? String(error));
      if (!onScreens) {
        say(GIVEN_UP);
        return false;
      }
      say(FALLEN_BACK);
      onScreens = false;
    }
  }
  return true;
}
