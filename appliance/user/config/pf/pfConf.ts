// SPDX-License-Identifier: ISC
//
// The way into this folder: a pf.conf(5) as text becomes rulesets, tables and options, ready to be printed or loaded.

import type { PfLoad, PfOptions, QueueDefinition, TableDefinition } from '../../../abi/pf.ts';
import type { Dialect } from '../../../abi/rule.ts';
import { ALL_PARTS, type AnchorLoad, ConfigBuilder, type LoadParts, type Ruleset } from './build/config.ts';
import { expandRuleNumber } from './build/labels.ts';
import { Queues } from './build/queues.ts';
import { Cursor } from './cursor.ts';
import { type Diagnostic, Diagnostics } from './diagnostics.ts';
import { traitsOf } from './dialect.ts';
import type { EtherRule } from './etherRule.ts';
import { bareFacts, type Facts } from './facts.ts';
import { Lexer } from './lexer.ts';
import { optimize } from './optimize.ts';
import { parseStatements } from './parse/statements.ts';
import type { FileText, Parsing } from './parsing.ts';
import { printTableEntries } from './printTable.ts';

export type Optimization = 'none' | 'basic' | 'profile';

export interface ParseOptions {
  /** `auto` (the default): today's OpenBSD unless the text uses what only 2008 has, or what only FreeBSD has. */
  readonly dialect?: Dialect | 'auto';
  /** Those of a bare machine unless given. */
  readonly facts?: Facts;
  /** Path of the ruleset that is read; the main one unless given. */
  readonly anchor?: string;
  /** Macros of the command line, which the text cannot change. */
  readonly macros?: Readonly<Record<string, string>>;
  /** Texts of files that the configuration may name; `parsePfConf` tells which are missing. */
  readonly files?: ReadonlyMap<string, FileText>;
  readonly parts?: LoadParts;
  /** Wins over `set ruleset-optimization`; basic where neither says anything. */
  readonly optimization?: Optimization;
  /** Put into the names of automatic tables, so that two loads do not share them. */
  readonly automaticPrefix?: string;
  /** Queues that the main ruleset defines, for an anchor that is loaded with it. */
  readonly inheritedQueues?: readonly string[];
  /** Four random 32-bit words. */
  readonly randomKey?: () => readonly number[];
}

export interface ParsedPfConf {
  readonly dialect: Dialect;
  /** Path of the ruleset that was read. */
  readonly root: string;
  /** By path: the root first, then inline anchors in the order their bodies end. */
  readonly rulesets: ReadonlyMap<string, Ruleset>;
  readonly tables: readonly TableDefinition[];
  readonly options: PfOptions;
  readonly queues: readonly QueueDefinition[];
  /** `set fingerprints`. */
  readonly fingerprintsFile: string | undefined;
  readonly anchorLoads: readonly AnchorLoad[];
  /** FreeBSD: read and printed, never loaded. */
  readonly etherRules: readonly EtherRule[];
  /** What was asked for and is read, listed and not done. */
  readonly unenforced: readonly string[];
  readonly parts: LoadParts;
  /** What `pfctl -v` prints before the rules. */
  readonly echo: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
  /** Anything but 0 forbids the load. */
  readonly errors: number;
  readonly unusedMacros: readonly string[];
  /** Files that were named and not given: read them and parse again. */
  readonly missingFiles: readonly string[];
}

/** Reads a configuration. `file` is what messages call it. */
export function parsePfConf(text: string, file: string, options: ParseOptions = {}): ParsedPfConf {
  const { dialect = 'auto' } = options;
  if (dialect !== 'auto') return parseAs(text, file, dialect, options).parsed;
  const today = parseAs(text, file, 'openbsd', options);
  const best = today.classicSeen ? parseAs(text, file, 'openbsd-2008', options) : today;
  return best.freebsdSeen ? parseAs(text, file, 'freebsd-15', options).parsed : best.parsed;
}

function parseAs(
  text: string,
  file: string,
  dialect: Dialect,
  options: ParseOptions,
): Pick<Parsing, 'classicSeen' | 'freebsdSeen'> & { readonly parsed: ParsedPfConf } {
  const missing = new Set<string>();
  const p = begin(text, file, dialect, options, missing);
  parseStatements(p);
  const parsed = finish(p, options, [...missing]);
  return { parsed, classicSeen: p.classicSeen, freebsdSeen: p.freebsdSeen };
}

function begin(
  text: string,
  file: string,
  dialect: Dialect,
  options: ParseOptions,
  missing: Set<string>,
): Parsing {
  const traits = traitsOf(dialect);
  const diagnostics = new Diagnostics();
  const lexer = new Lexer(text, file, traits, diagnostics);
  for (const [name, value] of Object.entries(options.macros ?? {})) lexer.defineMacro(name, value, true);
  const prefix = options.automaticPrefix === undefined ? '' : `${options.automaticPrefix}_`;
  return {
    cursor: new Cursor(lexer, diagnostics),
    lexer,
    traits,
    facts: options.facts ?? bareFacts(),
    diagnostics,
    config: new ConfigBuilder(
      options.anchor ?? '',
      options.parts ?? ALL_PARTS,
      new Queues(options.inheritedQueues),
      prefix,
    ),
    readFile(path) {
      const content = options.files?.get(path);
      if (content === undefined) missing.add(path);
      return content ?? { text: '' };
    },
    randomKey: options.randomKey ?? randomKey,
    classicSeen: false,
    freebsdSeen: false,
  };
}

function randomKey(): readonly number[] {
  return [...crypto.getRandomValues(new Uint32Array(4))];
}

function finish(p: Parsing, options: ParseOptions, missingFiles: readonly string[]): ParsedPfConf {
  const { config, diagnostics, traits } = p;
  const optimization = options.optimization ?? config.optimization ?? 'basic';
  if (diagnostics.errors === 0) {
    for (const text of config.queues.problems()) {
      diagnostics.note(text);
      diagnostics.errors++;
    }
    if (optimization !== 'none') optimizeAll(p);
    if (traits.lateRuleNumbers) for (const ruleset of config.rulesets.values()) numberLabels(ruleset);
  }
  return {
    dialect: traits.dialect,
    root: config.current.path,
    rulesets: config.rulesets,
    tables: config.tables,
    options: withAdaptiveLimits(config.options),
    queues: config.queues.definitions(),
    fingerprintsFile: config.fingerprintsFile,
    anchorLoads: config.anchorLoads,
    etherRules: config.etherRules,
    unenforced: [...config.unenforced],
    parts: config.parts,
    echo: echoOf(p),
    diagnostics: diagnostics.list,
    errors: diagnostics.errors,
    unusedMacros: p.lexer.unusedMacros(),
    missingFiles,
  };
}

function optimizeAll(p: Parsing): void {
  for (const ruleset of p.config.rulesets.values()) {
    const optimized = optimize(ruleset.rules, p.traits, (entries) => {
      const name = p.config.automaticTable(entries);
      ruleset.optimizerTables.push(printTableEntries(name, entries));
      return name;
    });
    ruleset.rules.splice(0, ruleset.rules.length, ...optimized);
  }
}

/** Today's queues are printed when all of them are known, before the rules. */
function echoOf(p: Parsing): readonly string[] {
  return [...p.config.echo, ...p.config.queues.orderedSpecs().map((spec) => spec.text)];
}

/** `$nr` where the dialect replaces it when the rules are in their final order. */
function numberLabels(ruleset: Ruleset): void {
  ruleset.rules.forEach((rule, i) => {
    const texts = [rule.label, rule.tag, rule.tagged?.name];
    if (!texts.some((text) => text?.includes('$nr'))) return;
    const expand = (text: string) => expandRuleNumber(text, i);
    ruleset.rules[i] = {
      ...rule,
      label: rule.label && expand(rule.label),
      tag: rule.tag && expand(rule.tag),
      tagged: rule.tagged && { ...rule.tagged, name: expand(rule.tagged.name) },
    };
  });
}

/** A limit on states without adaptive timeouts implies them: from 60 to 120 percent of it. */
function withAdaptiveLimits(options: PfOptions): PfOptions {
  const states = options.limits?.states;
  const { timeouts } = options;
  const given = timeouts?.['adaptive.start'] !== undefined || timeouts?.['adaptive.end'] !== undefined;
  if (states === undefined || given) return options;
  const tenth = Math.floor(states / 10);
  return {
    ...options,
    timeouts: { ...timeouts, 'adaptive.start': tenth * 6, 'adaptive.end': tenth * 12 },
  };
}

/** What a kernel is asked to load for these configurations (the main one first, then loaded anchors). */
export function pfLoadOf(configurations: readonly ParsedPfConf[], withOptions: boolean): PfLoad {
  const [main] = configurations;
  if (main === undefined) throw new Error('nothing to load');
  return {
    dialect: main.dialect,
    anchors: configurations.flatMap((parsed) =>
      [...parsed.rulesets.values()].map(({ path, rules }) => ({ path, rules })),
    ),
    tables: configurations.flatMap((parsed) => parsed.tables),
    options: withOptions ? main.options : undefined,
    queues: withOptions ? main.queues : undefined,
  };
}
