// SPDX-License-Identifier: ISC
//
// A machine directory as one of a pair: what a boot would make of it, and the passphrases, which no kernel gives away.

import { CARP_PASSPHRASE_LENGTH } from '../../abi/carp.ts';
import type { Files } from '../commands/command.ts';
import { parseHostnameIf } from '../config/hostnameIf.ts';
import { significantLines } from '../config/lines.ts';
import type { Rehearsal } from '../rc/rehearse.ts';
import type { Snapshot } from '../rc/snapshot.ts';

export interface Member {
  /** What it is called in findings: its name, or its directory where both have one name. */
  readonly label: string;
  readonly name: string;
  readonly snapshot: Snapshot;
  /** What a boot would complain of. */
  readonly problems: readonly string[];
  /** By carp interface, as much of them as counts. */
  readonly passphrases: ReadonlyMap<string, string>;
  /** What relayd.conf says, without comments and blanks. */
  readonly relayd: readonly string[];
  /** etc/pfsync.key, where it is one that a boot takes. */
  readonly syncKey: string | undefined;
}

const RELAYD_CONF = '/etc/relayd.conf';
const SYNC_KEY = '/etc/pfsync.key';
const CARP_FILE = /^hostname\.(carp\d+)$/;

/** The passphrases of every hostname.carpN below /etc; a wrong line is the rehearsal's to tell. */
export async function readPassphrases(files: Files): Promise<ReadonlyMap<string, string>> {
  const passphrases = new Map<string, string>();
  for (const file of await files.list('/etc')) {
    const name = CARP_FILE.exec(file)?.[1];
    if (name === undefined) continue;
    for (const line of parseHostnameIf(await files.read(`/etc/${file}`), file).lines) {
      const words = line.kind === 'address' ? line.rest : line.kind === 'options' ? line.words : [];
      const at = words.indexOf('pass');
      if (at >= 0) passphrases.set(name, (words[at + 1] ?? '').slice(0, CARP_PASSPHRASE_LENGTH));
    }
  }
  return passphrases;
}

/** The lines of relayd.conf; none where there is no such file. */
export async function readRelayd(files: Files): Promise<readonly string[]> {
  if (!(await files.exists(RELAYD_CONF))) return [];
  return significantLines(await files.read(RELAYD_CONF)).map(({ words }) => words.join(' '));
}

/** The key of pfsync, as it is compared; one that a boot refuses is the rehearsal's to tell. */
export async function readSyncKey(files: Files): Promise<string | undefined> {
  if (!(await files.exists(SYNC_KEY))) return undefined;
  return (await files.read(SYNC_KEY)).trim().toLowerCase();
}

export interface Candidate {
  readonly directory: string;
  readonly name: string;
  readonly rehearsal: Rehearsal;
  readonly passphrases: ReadonlyMap<string, string>;
  readonly relayd: readonly string[];
  readonly syncKey: string | undefined;
}

/** Both with labels that tell them apart. */
export function members(first: Candidate, second: Candidate): readonly [Member, Member] {
  const labelled = ({ directory, name, rehearsal, passphrases, relayd, syncKey }: Candidate): Member => ({
    label: first.name === second.name ? directory : name,
    name,
    snapshot: rehearsal.snapshot,
    problems: rehearsal.problems,
    passphrases,
    relayd,
    syncKey,
  });
  return [labelled(first), labelled(second)];
}
