// SPDX-License-Identifier: ISC
//
// The command line of pfctl(8): options as getopt(3) reads them, modifiers that may be abbreviated.

import type { Dialect } from '../../../abi/rule.ts';
import { dialectByName } from '../../config/pf/dialect.ts';
import type { Optimization } from '../../config/pf/pfConf.ts';

/** A command line that makes no sense; `text` says why, the usage follows where `usage` is set. */
export class UsageError extends Error {
  readonly usage: boolean;

  constructor(text: string, usage = true) {
    super(text);
    this.usage = usage;
  }
}

export const SHOW = [
  'nat',
  'queue',
  'rules',
  'Anchors',
  'Sources',
  'states',
  'info',
  'Interfaces',
  'labels',
  'timeouts',
  'memory',
  'Tables',
  'osfp',
  'Running',
  'all',
] as const;
export type ShowModifier = (typeof SHOW)[number];

export const FLUSH = [
  'nat',
  'queue',
  'rules',
  'Sources',
  'states',
  'info',
  'Tables',
  'osfp',
  'Reset',
  'all',
] as const;
export type FlushModifier = (typeof FLUSH)[number];

export const TABLE_COMMANDS = [
  'add',
  'delete',
  'expire',
  'flush',
  'kill',
  'load',
  'replace',
  'show',
  'test',
  'zero',
] as const;
export type TableCommand = (typeof TABLE_COMMANDS)[number];

const OPTIMIZERS = ['none', 'basic', 'profile'] as const;
const DEBUG = [
  'none',
  'urgent',
  'misc',
  'loud',
  'emerg',
  'alert',
  'crit',
  'err',
  'warning',
  'notice',
  'info',
  'debug',
] as const;

export interface Arguments {
  anchor: string;
  /** `-a NAME/*`: with all anchors below. */
  recursive: boolean;
  readonly macros: Record<string, string>;
  disable: boolean;
  enable: boolean;
  file?: string;
  flush?: FlushModifier;
  debugDetails: boolean;
  help: boolean;
  interface?: string;
  readonly killStates: string[];
  readonly killNodes: string[];
  /** Files that states come from and go to. */
  loadStates?: string;
  saveStates?: string;
  merge: boolean;
  noAction: boolean;
  /** -N of today: no names of hosts. */
  numericHosts: boolean;
  /** -A, -N, -R, -O: only these parts are loaded. */
  readonly parts: Set<'queues' | 'translation' | 'filter' | 'options'>;
  optimization?: Optimization;
  servicesByName: boolean;
  quiet: boolean;
  ruleNumber?: number;
  show?: ShowModifier;
  table?: string;
  tableCommand?: TableCommand;
  verbose: number;
  debugLevel?: string;
  zero: boolean;
  json: boolean;
  /** Syntax errors say which word is wrong and what was meant. */
  hints: boolean;
  dialect?: Dialect | 'auto';
  factsFile?: string;
  /** A packet in words, to be explained. */
  explain?: string;
  /** What is left: addresses of a table command. */
  readonly operands: string[];
}

const WITH_VALUE = 'aDfFikKLopsStTVx';

/** Reads the arguments; throws UsageError. */
export function parseArguments(args: readonly string[]): Arguments {
  const result = emptyArguments();
  const rest = parseLongOptions(args, result);
  let i = 0;
  while (i < rest.length) {
    const word = rest[i]!;
    if (!word.startsWith('-') || word === '-') break;
    i++;
    if (word === '--') break;
    i = parseWord(word, rest, i, result);
  }
  result.operands.push(...rest.slice(i));
  if (result.operands[0] === 'explain' && result.tableCommand === undefined) return explainArguments(result);
  if (result.operands.length > 0 && result.tableCommand === undefined) {
    throw new UsageError(`unknown command line argument: ${result.operands.join(' ')} ...`);
  }
  return result;
}

/** `explain 'in on vr0 tcp from …'`, as one word or as many. */
function explainArguments(result: Arguments): Arguments {
  const [, ...words] = result.operands;
  if (words.length === 0)
    throw new UsageError("explain needs a packet: 'in on vr0 tcp from ADDRESS port N to ADDRESS port N'");
  result.explain = words.join(' ');
  return result;
}

function emptyArguments(): Arguments {
  return {
    anchor: '',
    recursive: false,
    macros: {},
    disable: false,
    enable: false,
    debugDetails: false,
    help: false,
    killStates: [],
    killNodes: [],
    merge: false,
    noAction: false,
    numericHosts: false,
    parts: new Set(),
    servicesByName: false,
    quiet: false,
    verbose: 0,
    zero: false,
    json: false,
    hints: false,
    operands: [],
  };
}

/** `--dialect`, `--facts`, `--hints` and `--json`, which the originals do not have. */
function parseLongOptions(args: readonly string[], result: Arguments): string[] {
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === '--json') result.json = true;
    else if (word === '--hints') result.hints = true;
    else if (word === '--dialect' || word === '--facts') {
      const value = args[++i];
      if (value === undefined) throw new UsageError(`${word} needs a value`);
      if (word === '--facts') setFacts(result, value);
      else result.dialect = parseDialect(value);
    } else if (word.startsWith('--') && word !== '--') throw new UsageError(`unknown option ${word}`);
    else rest.push(word);
  }
  return rest;
}

function setFacts(result: Arguments, file: string): void {
  result.factsFile = file;
  result.noAction = true;
}

function parseDialect(name: string): Dialect | 'auto' {
  const dialect = name === 'auto' ? 'auto' : dialectByName(name);
  if (dialect === undefined) throw new UsageError(`unknown dialect '${name}'`);
  return dialect;
}

/** One word of letters; answers where the next word is. */
function parseWord(word: string, rest: readonly string[], next: number, result: Arguments): number {
  for (let at = 1; at < word.length; at++) {
    const letter = word[at]!;
    if (takesValue(letter, word.slice(at + 1) || rest[next], result)) {
      const inline = word.slice(at + 1);
      const value = inline !== '' ? inline : rest[next];
      if (value === undefined) throw new UsageError(`option requires an argument -- ${letter}`);
      setValue(letter, value, result);
      return inline !== '' ? next : next + 1;
    }
    setFlag(letter, result);
  }
  return next;
}

/** `-R` is a switch of 2008 and takes a rule number today; a number behind it tells. */
function takesValue(letter: string, following: string | undefined, result: Arguments): boolean {
  if (letter !== 'R') return WITH_VALUE.includes(letter);
  return result.dialect !== 'openbsd-2008' && following !== undefined && /^\d+$/.test(following);
}

type Setter = (result: Arguments, value: string) => void;

const VALUES: Readonly<Record<string, Setter>> = {
  a: (result, value) => {
    result.recursive = value.endsWith('/*') || value === '*';
    result.anchor = value.replace(/\/?\*$/, '').replace(/^\/+/, '');
  },
  D: (result, value) => {
    const equals = value.lastIndexOf('=');
    if (equals < 0) throw new UsageError(`could not parse macro definition ${value}`, false);
    result.macros[value.slice(0, equals)] = value.slice(equals + 1);
  },
  f: (result, value) => {
    result.file = value;
  },
  F: (result, value) => {
    result.flush = modifier('flush modifier', value, FLUSH);
  },
  i: (result, value) => {
    result.interface = value;
  },
  k: (result, value) => pushLimited(result.killStates, 'k', value),
  K: (result, value) => pushLimited(result.killNodes, 'K', value),
  L: (result, value) => {
    result.loadStates = value;
  },
  o: (result, value) => {
    result.optimization = modifier('optimization', value, OPTIMIZERS);
  },
  // The control device and the routing domain mean nothing here: there is one filter and one domain.
  p: () => undefined,
  V: () => undefined,
  R: (result, value) => {
    result.ruleNumber = Number(value);
  },
  s: (result, value) => {
    result.show = modifier('show modifier', value, SHOW);
  },
  S: (result, value) => {
    result.saveStates = value;
  },
  t: (result, value) => {
    result.table = value;
  },
  T: (result, value) => {
    result.tableCommand = modifier('table command', value, TABLE_COMMANDS);
  },
  x: (result, value) => {
    result.debugLevel = modifier('debug level', value, DEBUG);
  },
};

function pushLimited(list: string[], letter: string, value: string): void {
  if (list.length >= 2) throw new UsageError(`can only specify -${letter} twice`);
  list.push(value);
}

function setValue(letter: string, value: string, result: Arguments): void {
  VALUES[letter]!(result, value);
}

type Switch = (result: Arguments) => void;

const FLAGS: Readonly<Record<string, Switch>> = {
  A: (result) => void result.parts.add('queues'),
  d: (result) => {
    result.disable = true;
  },
  e: (result) => {
    result.enable = true;
  },
  g: (result) => {
    result.debugDetails = true;
  },
  h: (result) => {
    result.help = true;
  },
  m: (result) => {
    result.merge = true;
  },
  n: (result) => {
    result.noAction = true;
  },
  N: (result) => {
    // Only translation in 2008. Today it means that names of hosts are no addresses.
    if (result.dialect !== 'openbsd' && result.dialect !== 'auto') result.parts.add('translation');
    else result.numericHosts = true;
  },
  O: (result) => void result.parts.add('options'),
  P: (result) => {
    result.servicesByName = true;
  },
  q: (result) => {
    result.quiet = true;
  },
  // Addresses are not looked up: there is no resolver.
  r: () => undefined,
  R: (result) => void result.parts.add('filter'),
  v: (result) => {
    result.verbose++;
  },
  z: (result) => {
    result.zero = true;
  },
};

function setFlag(letter: string, result: Arguments): void {
  const set = FLAGS[letter];
  if (set === undefined) throw new UsageError(`unknown option -- ${letter}`);
  set(result);
}

/** The first word of the list that begins with what was given. */
function modifier<T extends string>(what: string, value: string, list: readonly T[]): T {
  const found = list.find((word) => word.startsWith(value));
  if (found === undefined) throw new UsageError(`Unknown ${what} '${value}'`);
  return found;
}
