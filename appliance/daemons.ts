// SPDX-License-Identifier: ISC
//
// The daemons of a machine: how each is started from the machine's files, and what of the world it is handed.

import { join } from 'node:path';
import { sameAddress } from './abi/address.ts';
import type { KernelClient } from './abi/client.ts';
import { askRaw } from './host/datagramSocket.ts';
import { RingFile } from './host/ringFile.ts';
import { runScript } from './host/script.ts';
import { connectTcp } from './host/socketStream.ts';
import type { Daemon, DaemonStarter } from './machine.ts';
import { parsePflogdFlags, startPflogd } from './user/pflogd/pflogd.ts';
import { echoRequest, isEchoReply } from './user/relayd/echo.ts';
import { parseRelaydFlags } from './user/relayd/flags.ts';
import type { Network } from './user/relayd/network.ts';
import { startRelayd } from './user/relayd/relayd.ts';

/** A megabyte of what pf logs, and the three before it. */
const PFLOG_RING = { size: 1024 * 1024, keep: 3 };

/** The appliance's own sockets, as relayd uses them. */
export function networkOf(client: KernelClient): Network {
  let sequence = 0;
  return {
    connect: (to) => connectTcp(client, to),
    echo: ({ address, timeout, hops, nextHop }) => {
      const { protocol, data } = echoRequest(address.family, process.pid & 0xffff, sequence++ & 0xffff);
      return askRaw(
        client,
        { address, protocol, data, timeout, ...(hops && { hops }), ...(nextHop && { nextHop }) },
        (answer) => {
          return sameAddress(answer.from.address, address) && isEchoReply(address.family, answer.data, data);
        },
      );
    },
  };
}

const STARTERS: Readonly<Record<string, DaemonStarter>> = {
  pflogd: async (words, machine) => {
    const flags = parsePflogdFlags(words.split(/\s+/).filter((word) => word !== ''));
    if ('problem' in flags) throw new Error(flags.problem);
    const stop = await startPflogd({
      kernel: machine.kernel,
      flags,
      booted: machine.booted,
      open: (header) => new RingFile(join(machine.directory, 'var/log/pflog'), header, PFLOG_RING),
      complain: (error) => machine.log.say('pflogd', error.message, 'error'),
    });
    return { control: undefined, reload: async () => {}, stop };
  },
  relayd: async (words, machine) => {
    const flags = parseRelaydFlags(words.split(/\s+/).filter((word) => word !== ''));
    if ('problem' in flags) throw new Error(flags.problem);
    const { file, macros } = flags;
    const relayd = await startRelayd({
      text: await machine.files.read(file),
      file,
      readFile: (path) => machine.files.read(path),
      macros,
      kernel: machine.kernel,
      network: networkOf(machine.kernel),
      demoter: {
        add: async (group, amount) => {
          await machine.kernel.call('group.demote', { group, amount });
        },
        set: async (group, value) => {
          const { demotion } = await machine.kernel.call('group.get', { group });
          await machine.kernel.call('group.demote', { group, amount: value - demotion });
        },
      },
      clock: {
        now: () => Date.now(),
        after: (milliseconds, fire) => {
          const timer = setTimeout(fire, milliseconds);
          return () => clearTimeout(timer);
        },
      },
      random: Math.random,
      log: (line, level, fields) => machine.log.say('relayd', line, level, fields),
      runScript,
    });
    relayd.setVerbose(flags.verbose);
    return { control: relayd.control, reload: () => relayd.reload(), stop: () => relayd.stop() };
  },
};

/** Starts a daemon; rejects for one that there is not. */
export function startDaemon(
  name: string,
  flags: string,
  machine: Parameters<DaemonStarter>[1],
): Promise<Daemon> {
  const starter = STARTERS[name];
  return starter === undefined
    ? Promise.reject(new Error('there is no such daemon'))
    : starter(flags, machine);
}
