// SPDX-License-Identifier: ISC
//
// The daemons of a machine: how each is started from the machine's files.

import type { Daemon, DaemonStarter } from './machine.ts';

const STARTERS: Readonly<Record<string, DaemonStarter>> = {};

/** Starts a daemon; rejects for one that there is not. */
export const startDaemon: DaemonStarter = (name, flags, machine): Promise<Daemon> => {
  const starter = STARTERS[name];
  if (starter === undefined) return Promise.reject(new Error('there is no such daemon'));
  return starter(name, flags, machine);
};
