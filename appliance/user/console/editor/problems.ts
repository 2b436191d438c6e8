// SPDX-License-Identifier: ISC
//
// What is wrong with a file of etc/ that is being edited, by the parsers that a boot would read it with.

import type { Files } from '../../commands/command.ts';
import { parseHostnameIf } from '../../config/hostnameIf.ts';
import { ConfigError } from '../../config/lines.ts';
import { parseMygate } from '../../config/mygate.ts';
import { parseRcConf } from '../../config/rcConf.ts';
import { parseSysctlConf } from '../../config/sysctlConf.ts';
import { ConfigurationError, loadConfiguration } from '../../relayd/load.ts';
import type { MachineCommands } from '../machine.ts';

export interface Problem {
  /** From 1 on; 0 where it has no place in this file. */
  readonly line: number;
  readonly text: string;
}

/** Finds the problems of a file that is to have this text. */
export type FindProblems = (path: string, text: string) => Promise<readonly Problem[]>;

type Checker = (path: string, text: string) => Promise<readonly string[]> | readonly string[];

/** Checks with the machine at hand: its pfctl knows its interfaces and the dialect. */
export function problemFinder(machine: MachineCommands, files: Files): FindProblems {
  const readFile = (path: string) => files.read(path);
  const checkers: readonly (readonly [RegExp, Checker])[] = [
    [
      /(^|\/)pf[^/]*\.conf$/,
      async (_, text) => lines(await machine.complaints(['pfctl', '-n', '--hints', '-f', '-'], text)),
    ],
    [/(^|\/)relayd[^/]*\.conf$/, (file, text) => relaydProblems({ text, file, readFile })],
    [
      /(^|\/)hostname\.\w+$/,
      (file, text) => parseHostnameIf(text, file).errors.map(({ message }) => message),
    ],
    [/(^|\/)mygate$/, (file, text) => thrown(() => parseMygate(text, file))],
    [/(^|\/)rc\.conf\.local$/, (file, text) => thrown(() => parseRcConf(text, file))],
    [/(^|\/)sysctl\.conf$/, (file, text) => parseSysctlConf(text, file).errors.map(({ message }) => message)],
  ];
  return async (path, text) => {
    const checker = checkers.find(([pattern]) => pattern.test(path))?.[1];
    return checker === undefined ? [] : (await checker(path, text)).map((line) => problemOf(line, path));
  };
}

/** `file:line: reason`, where the file is the one that is edited or pfctl's standard input. */
export function problemOf(message: string, path: string): Problem {
  const [, file, line, reason] = /^(\S+?):(\d+): (.*)$/s.exec(message) ?? [];
  const isHere = file === path || file === 'stdin' || file === '-';
  return isHere ? { line: Number(line), text: reason! } : { line: 0, text: message };
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '' && !/^pfctl: (Syntax error|syntax error)/.test(line));
}

async function relaydProblems(parts: Parameters<typeof loadConfiguration>[0]): Promise<readonly string[]> {
  try {
    await loadConfiguration(parts);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}

function thrown(parse: () => unknown): readonly string[] {
  try {
    parse();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return [error.message];
    throw error;
  }
}
