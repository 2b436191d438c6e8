// SPDX-License-Identifier: ISC
//
// Stopping and going on (SIGTSTP, SIGCONT) and the signals that end a process, with the terminal given back before.

import type { Screen } from './screen.ts';

export interface Suspension {
  /** Stops the process as C-z does; it goes on by SIGCONT. */
  suspend(): void;
  /** Listens no longer. */
  end(): void;
}

/** Makes `screen` leave the terminal while the process is stopped; `resumed` is called when it is back. */
export function suspendable(screen: Screen, resumed: () => void): Suspension {
  const suspend = () => {
    screen.leave();
    process.kill(process.pid, 'SIGSTOP');
  };
  const resume = () => {
    screen.enter();
    screen.invalidate();
    resumed();
  };
  process.on('SIGTSTP', suspend);
  process.on('SIGCONT', resume);
  return {
    suspend,
    end() {
      process.off('SIGTSTP', suspend);
      process.off('SIGCONT', resume);
    },
  };
}
