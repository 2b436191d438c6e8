// SPDX-License-Identifier: ISC
//
// .lab/NAME-PID/: one folder for each lab that is up, with lab.json; what a killed lab left is removed.

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What lab.json holds. Processes are told by pid and start time, since a pid may be used again. */
export interface LabRecord {
  readonly name: string;
  readonly keeper: ProcessIdentity;
  /** nsenter(1) needs `--user` to come in from outside. */
  readonly userNamespace: boolean;
  readonly hosts: Readonly<
    Record<string, { readonly kind: string; readonly pid: number; readonly machine?: string }>
  >;
  readonly wire: { readonly pid: number };
  readonly captures: readonly { readonly host: string; readonly interface: string; readonly file: string }[];
  readonly stations: readonly object[];
}

export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, clock ticks since boot. */
  readonly started: string;
}

/** How a process is told from a later one with the same pid; undefined when there is none. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : { pid, started: fields[19]! };
  } catch {
    return undefined; // no such process
  }
}

export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.started === process.started;
}

export class LabStore {
  private readonly root: string;

  constructor(project: string) {
    this.root = join(project, '.lab');
  }

  /** A new empty folder for a lab of this process, after what dead ones left has been removed. */
  create(name: string): string {
    this.removeDead();
    const directory = join(this.root, `${name}-${process.pid}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(
      join(directory, 'keeper.json'),
      JSON.stringify(identify(process.pid) ?? { pid: process.pid }),
    );
    return directory;
  }

  write(directory: string, record: LabRecord): void {
    const temporary = join(directory, 'lab.json.new');
    writeFileSync(temporary, `${JSON.stringify(record, null, 2)}\n`);
    renameSync(temporary, join(directory, 'lab.json'));
  }

  remove(directory: string): void {
    rmSync(directory, { recursive: true, force: true });
  }

  /** Labs that are up, newest last. `name` is a lab's name, or NAME-PID for one of several. */
  find(name: string): LabRecord[] {
    return this.folders()
      .filter((folder) => folder === name || folder.replace(/-\d+$/, '') === name)
      .flatMap((folder) => {
        const file = join(this.root, folder, 'lab.json');
        return existsSync(file) ? [JSON.parse(readFileSync(file, 'utf8')) as LabRecord] : [];
      })
      .filter((record) => isAlive(record.keeper))
      .sort((a, b) => Number(a.keeper.started) - Number(b.keeper.started));
  }

  directoryOf(record: LabRecord): string {
    return join(this.root, `${record.name}-${record.keeper.pid}`);
  }

  private folders(): string[] {
    return existsSync(this.root) ? readdirSync(this.root) : [];
  }

  private removeDead(): void {
    for (const folder of this.folders()) {
      const file = join(this.root, folder, 'keeper.json');
      const keeper = existsSync(file)
        ? (JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity)
        : undefined;
      if (keeper === undefined || !isAlive(keeper)) this.remove(join(this.root, folder));
    }
  }
}
