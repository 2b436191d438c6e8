// SPDX-License-Identifier: ISC
//
// `pfctl -f`: a configuration is read, shown with -v, and loaded in one transaction. Nothing is loaded unless all of it
// parses.

import type { Fingerprint } from '../../../abi/fingerprint.ts';
import type { AnchorRules, PfLoad } from '../../../abi/pf.ts';
import type { Dialect, RuleList } from '../../../abi/rule.ts';
import type { LoadParts } from '../../config/pf/build/config.ts';
import { rulesetChecksum } from '../../config/pf/checksum.ts';
import { explainDiagnostic, formatDiagnostic } from '../../config/pf/diagnostics.ts';
import { refusedEtherRule } from '../../config/pf/etherRule.ts';
import type { Facts } from '../../config/pf/facts.ts';
import { OBSERVED } from '../../config/pf/fingerprints/observed.ts';
import { parsePfOs } from '../../config/pf/fingerprints/pfOs.ts';
import { listRules } from '../../config/pf/listing.ts';
import { fileProblem, loadPfConf } from '../../config/pf/loadPfConf.ts';
import { type ParsedPfConf, type ParseOptions, pfLoadOf } from '../../config/pf/pfConf.ts';
import { allPages, Failure, type Session } from './session.ts';

/** pf.os(5). */
const PF_OS = '/etc/pf.os';
const TRANSLATION: readonly RuleList[] = ['nat', 'rdr', 'binat'];

/** Loads the file of -f; answers whether all went well. */
export async function loadRuleset(session: Session, tablesOnly = false): Promise<boolean> {
  const { args, context } = session;
  const file = args.file!;
  const text = file === '-' ? await context.stdin() : await readMain(session, file);
  const facts = await session.facts();
  const parts = loadParts(session, tablesOnly);
  const { configurations, files, problem } = await loadPfConf(
    text,
    file === '-' ? 'stdin' : file,
    (path) => (path === '-' ? context.stdin() : context.files.read(path)),
    await parseOptions(session, facts, parts),
  );
  configurations.forEach((parsed, i) => {
    report(session, parsed, facts, i === 0 ? undefined : files[i]);
  });
  if (problem !== undefined) session.err(`pfctl: ${problem}`);
  if (problem !== undefined || configurations.some((parsed) => parsed.errors > 0)) {
    if (!args.noAction) session.err('pfctl: Syntax error in config file: pf rules not loaded');
    return false;
  }
  if (args.noAction) return true;
  const refused = refusedEtherRule(configurations);
  if (refused !== undefined) throw new Failure(refused);
  await load(session, configurations, parts);
  sayUnenforced(session, configurations);
  return true;
}

/** One line about everything that was loaded and does nothing; queues, which let nothing through, are named with -v. */
function sayUnenforced(session: Session, configurations: readonly ParsedPfConf[]): void {
  const words = new Set(configurations.flatMap((parsed) => parsed.unenforced));
  const queues = configurations.some((parsed) => parsed.queues.length > 0);
  if (queues && session.args.verbose > 0) words.add('queueing');
  if (words.size > 0) session.say(`not enforced: ${[...words].join(', ')}`);
}

async function readMain(session: Session, file: string): Promise<string> {
  try {
    return await session.context.files.read(file);
  } catch (error) {
    session.err(`pfctl: ${file}: ${fileProblem(error)}`);
    throw new Failure(`cannot open the main config file!: ${fileProblem(error)}`);
  }
}

async function parseOptions(session: Session, facts: Facts, parts: LoadParts): Promise<ParseOptions> {
  const { args } = session;
  return {
    dialect: await sourceDialect(session, facts),
    facts,
    anchor: args.anchor,
    macros: args.macros,
    parts,
    optimization: args.optimization,
    automaticPrefix: args.noAction ? undefined : randomHex(),
  };
}

/** The dialect the text is read in: an anchor is read in that of the main ruleset. */
async function sourceDialect(session: Session, facts: Facts): Promise<Dialect | 'auto'> {
  const { args, context } = session;
  const given = args.dialect ?? facts.dialect ?? context.machine?.dialect;
  if (given !== undefined && given !== 'auto') return given;
  if (args.anchor === '' || context.kernel === undefined) return 'auto';
  return (await context.kernel.call('pf.status', {})).dialect;
}

function randomHex(): string {
  return crypto.getRandomValues(new Uint32Array(1))[0]!.toString(16);
}

/** -A, -N, -R and -O select parts; an anchor has neither options nor queues. */
function loadParts(session: Session, tablesOnly: boolean): LoadParts {
  const { parts, anchor } = session.args;
  const all = parts.size === 0 && !tablesOnly;
  const main = anchor === '';
  return {
    options: main && (all || parts.has('options')),
    queues: main && (all || parts.has('queues')),
    translation: all || parts.has('translation'),
    filter: all || parts.has('filter'),
    tables: all || tablesOnly || parts.has('filter'),
  };
}

function report(session: Session, parsed: ParsedPfConf, facts: Facts, anchorFile: string | undefined): void {
  const { args } = session;
  const verbose = args.verbose > 0;
  if (anchorFile !== undefined && verbose) session.err(`\nLoading anchor ${parsed.root} from ${anchorFile}`);
  const say = args.hints ? explainDiagnostic : formatDiagnostic;
  for (const diagnostic of parsed.diagnostics) session.err(say(diagnostic));
  if (args.verbose > 1) {
    for (const name of parsed.unusedMacros) session.err(`warning: macro '${name}' not used`);
  }
  if (!verbose) return;
  for (const line of parsed.echo) session.out(line);
  if (parsed.errors > 0) return;
  const options = {
    facts,
    numbered: args.verbose > 1,
    serviceNames: args.servicesByName || undefined,
  };
  for (const line of listRules(parsed, options)) session.out(line);
}

async function load(
  session: Session,
  configurations: readonly ParsedPfConf[],
  parts: LoadParts,
): Promise<void> {
  const { kernel, args } = session;
  const main = configurations[0]!;
  const built = pfLoadOf(configurations, parts.options);
  const anchors = [
    ...(await Promise.all(built.anchors.map((anchor) => keepOtherLists(session, anchor, parts)))),
    ...(await staleInlineAnchors(session, built)),
  ];
  const fingerprints = parts.options ? await readFingerprints(session, main.fingerprintsFile) : undefined;
  const mainRules = anchors.find((anchor) => anchor.path === '');
  const request: PfLoad = {
    ...built,
    anchors: parts.filter || parts.translation ? anchors : [],
    options: built.options && (args.merge ? built.options : withDefaults(built.options)),
    fingerprints,
    queues: parts.queues ? built.queues : undefined,
    checksum: mainRules && rulesetChecksum(mainRules.rules, main.dialect),
  };
  await kernel.call('pf.load', request);
}

/** The file that the configuration names, else the machine's own, else what comes with rhine. */
async function readFingerprints(
  session: Session,
  named: string | undefined,
): Promise<readonly Fingerprint[]> {
  const { files } = session.context;
  const own = named ?? ((await files.exists(PF_OS)) ? PF_OS : undefined);
  const text = own === undefined ? OBSERVED : await readNamed(session, own);
  const { list, diagnostics } = parsePfOs(text, own ?? 'built-in fingerprints');
  for (const diagnostic of diagnostics.list) session.err(formatDiagnostic(diagnostic));
  if (diagnostics.errors > 0) throw new Failure('fingerprints not loaded, nor the rules');
  return list;
}

async function readNamed(session: Session, file: string): Promise<string> {
  try {
    return await session.context.files.read(file);
  } catch (error) {
    throw new Failure(`${file}: ${fileProblem(error)}`);
  }
}

/** A full load begins from nothing skipped; what is not said has the dialect's default. */
function withDefaults(options: NonNullable<PfLoad['options']>): NonNullable<PfLoad['options']> {
  return { skip: [], ...options };
}

/** With -N or -R the rules of the other lists stay as they are loaded. */
async function keepOtherLists(session: Session, anchor: AnchorRules, parts: LoadParts): Promise<AnchorRules> {
  if (parts.filter && parts.translation) return anchor;
  const replaced = (list: RuleList) => (TRANSLATION.includes(list) ? parts.translation : parts.filter);
  const loaded = await allPages((cursor) => session.kernel.call('pf.rules', { cursor, anchor: anchor.path }));
  const kept = loaded.map((entry) => entry.rule).filter((rule) => !replaced(rule.list));
  return { path: anchor.path, rules: [...kept, ...anchor.rules.filter((rule) => replaced(rule.list))] };
}

/** Bodies of inline anchors that the new ruleset no longer has. */
async function staleInlineAnchors(session: Session, built: PfLoad): Promise<AnchorRules[]> {
  const root = session.args.anchor;
  const paths = await session.kernel.call('pf.anchors', { anchor: root, recursive: true });
  const known = new Set(built.anchors.map((anchor) => anchor.path));
  return paths
    .filter((path) => !known.has(path) && path.split('/').some((part) => part.startsWith('_')))
    .map((path) => ({ path, rules: [] }));
}
