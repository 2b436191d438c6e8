// SPDX-License-Identifier: ISC
//
// Signals at the terminal: stopping and going on (SIGTSTP, SIGCONT), and those that end the process, with the terminal given back before.

import type { Screen } from './screen.ts';

export interface Suspension {
  /** Stops the process as C-z does; it goes on by SIGCONT. */
  suspend(): void;
  /** Listens no longer. */
  end(): void;
}

/** By number, as a shell reports them: 128 and the signal. */
const ENDING = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
type EndingSignal = keyof typeof ENDING;

export interface SuspensionParts {
  readonly screen: Screen;
  /** The screen is back. */
  readonly resumed: () => void;
  /** Whether signals end the process here; not where it is a machine, which ends in order. */
  readonly ends: boolean;
}

/** Makes the screen leave the terminal while the process is stopped, and before it ends by a signal. */
export function suspendable({ screen, resumed, ends }: SuspensionParts): Suspension {
  let hold: NodeJS.Timeout | undefined;
  const suspend = () => {
    screen.leave();
    // Without input that is read nothing else would keep the process from ending before it hears of SIGCONT.
    hold ??= setInterval(() => {}, 1_000);
    process.kill(process.pid, 'SIGSTOP');
  };
  const resume = () => {
    clearInterval(hold);
    hold = undefined;
    screen.enter();
    screen.invalidate();
    resumed();
  };
  const endings = (Object.keys(ENDING) as EndingSignal[]).map((signal) => {
    const listener = () => {
      screen.leave();
      process.exit(128 + ENDING[signal]);
    };
    return { signal, listener };
  });
  process.on('SIGTSTP', suspend);
  process.on('SIGCONT', resume);
  if (ends) for (const { signal, listener } of endings) process.on(signal, listener);
  return {
    suspend,
    end() {
      clearInterval(hold);
      process.off('SIGTSTP', suspend);
      process.off('SIGCONT', resume);
      for (const { signal, listener } of endings) process.off(signal, listener);
    },
  };
}
