// SPDX-License-Identifier: ISC
//
// pfsync(4) in ifconfig(8): its parameters and its line.

import { formatAddress, parseAddress } from '../../../abi/addressText.ts';
import type { PfsyncCalls, PfsyncInfo } from '../../../abi/pfsync.ts';
import { fileProblem } from '../../config/pf/loadPfConf.ts';
import { parseSyncKey } from '../../config/syncKey.ts';
import type { CommandContext } from '../command.ts';
import { Failure } from '../failure.ts';

export type PfsyncChange = Omit<PfsyncCalls['pfsync.set'][0], 'name'>;

type Argument = (what: string) => string;

/** What each word changes; those with an argument take it. `parent` belongs to vlans, too, where a tag stands before it. */
export const PFSYNC_PARAMETERS: Readonly<Record<string, (argument: Argument) => PfsyncChange>> = {
  syncdev: (argument) => ({ syncDevice: argument('an interface') }),
  parent: (argument) => ({ syncDevice: argument('an interface') }),
  '-syncdev': () => ({ syncDevice: null }),
  '-parent': () => ({ syncDevice: null }),
  syncpeer: (argument) => ({ peer: peerOf(argument('an address')) }),
  '-syncpeer': () => ({ peer: null }),
  maxupd: (argument) => ({ maxUpdates: countOf(argument('a number')) }),
  defer: () => ({ defer: true }),
  '-defer': () => ({ defer: false }),
  '-synckey': () => ({ key: null }),
};

function peerOf(text: string) {
  const address = parseAddress(text);
  if (address === undefined) throw new Failure(`syncpeer: ${text}: bad value`);
  return address.words[0] === 0 && address.family === 4 ? null : address;
}

function countOf(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new Failure(`maxupd: ${text}: not a number`);
  return Number(text);
}

/** `synckey FILE`. Throws Failure. */
export async function readSyncKey({ files, clock }: CommandContext, file: string): Promise<PfsyncChange> {
  const text = await files.readSecret(file).catch((error: Error) => {
    throw new Failure(`${file}: ${fileProblem(error)}`);
  });
  const key = parseSyncKey(text, clock.now());
  if (key === undefined) {
    throw new Failure(`${file}: a key has 64 hexadecimal digits, as openssl rand -hex 32 prints them`);
  }
  return { key };
}

/** Nothing without a syncdev. */
export function pfsyncLines(info: PfsyncInfo): string[] {
  if (info.syncDevice === undefined) return [];
  const peer = info.peer === undefined ? '' : ` syncpeer: ${formatAddress(info.peer)}`;
  const defer = info.defer ? 'on' : 'off';
  const sealed = info.sealed ? ' synckey' : '';
  return [`\tpfsync: syncdev: ${info.syncDevice}${peer} maxupd: ${info.maxUpdates} defer: ${defer}${sealed}`];
}
