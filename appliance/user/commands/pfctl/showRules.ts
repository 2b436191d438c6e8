// SPDX-License-Identifier: ISC
//
// `pfctl -s rules`, `-s nat`, `-s labels`: what the kernel holds, with counters, skip steps and the bodies of anchors.

import type { LoadedRule } from '../../../abi/pf.ts';
import type { Dialect, Rule, RuleList } from '../../../abi/rule.ts';
import { joinAnchor } from '../../config/pf/build/config.ts';
import { traitsOf } from '../../config/pf/dialect.ts';
import type { Facts } from '../../config/pf/facts.ts';
import { labelsOf, type PrintOptions, printRule } from '../../config/pf/print.ts';
import type { AddressCounts } from '../../config/pf/printAddress.ts';
import { addressesOf } from '../../config/pf/resolve.ts';
import { skipSteps } from '../../config/pf/skip.ts';
import { labelJson, ruleJson } from './json.ts';
import { allPages, Failure, type Session } from './session.ts';

const RULE_LISTS: readonly RuleList[] = ['scrub', 'filter'];
const NAT_LISTS: readonly RuleList[] = ['nat', 'rdr', 'binat'];

/** What a listing of rules needs to know besides the rules. */
interface Listing {
  readonly session: Session;
  readonly dialect: Dialect;
  readonly facts: Facts;
  readonly counts: AddressCounts | undefined;
  /** Numbers of queues; a name that no queue has gets the next one when a rule uses it. */
  readonly queueIds: Map<string, number>;
}

export async function showRules(session: Session): Promise<void> {
  await showLists(session, RULE_LISTS);
}

export async function showNat(session: Session): Promise<void> {
  await showLists(session, NAT_LISTS);
}

async function showLists(session: Session, lists: readonly RuleList[]): Promise<void> {
  const { anchor, json } = session.args;
  await requireAnchor(session, anchor);
  const listing = await prepare(session);
  if (json) return session.json(await rulesJson(listing, anchor, lists));
  for (const list of lists) {
    await printList(listing, anchor, list, 0);
    if (session.args.recursive && anchor !== '') await printChildren(listing, anchor, list, 0);
  }
  if (session.args.zero) await session.kernel.call('pf.clearCounters', { what: 'rules' });
}

async function rulesJson(
  { session, dialect, facts }: Listing,
  anchor: string,
  lists: readonly RuleList[],
): Promise<object[]> {
  const { ruleNumber, servicesByName } = session.args;
  const entries = await rulesOfLists(session, anchor, lists);
  const wanted = entries.filter(({ number }) => ruleNumber === undefined || number === ruleNumber);
  const options = { facts, serviceNames: servicesByName || undefined };
  return wanted.map((entry) => ruleJson(entry, printRule(entry.rule, dialect, options)));
}

async function requireAnchor(session: Session, anchor: string): Promise<void> {
  if (anchor === '') return;
  const paths = await session.kernel.call('pf.anchors', { anchor: '', recursive: true });
  if (!paths.includes(anchor)) throw new Failure(`Anchor '${anchor}' not found.`);
}

async function prepare(session: Session): Promise<Listing> {
  const facts = await session.facts();
  const queues = session.args.debugDetails ? await session.kernel.call('pf.queues', {}) : [];
  return {
    session,
    facts,
    dialect: await session.loadedDialect(),
    counts: session.args.verbose > 1 ? await addressCounts(session, facts) : undefined,
    queueIds: new Map(queues.map((queue) => [queue.name, queue.id])),
  };
}

async function addressCounts(session: Session, facts: Facts): Promise<AddressCounts> {
  const tables = await session.kernel.call('pf.tables', {});
  const inAnchor = (name: string, anchor: string) =>
    tables.find((table) => table.name === name && table.anchor === anchor && table.active);
  return {
    table: (name) => (inAnchor(name, session.args.anchor) ?? inAnchor(name, ''))?.addresses,
    dynamic: (address, family) => {
      const hosts = addressesOf(address.interface, address, facts);
      const fitting = hosts.filter((host) => family === undefined || host.family === family);
      return fitting.length === 0 ? undefined : fitting.length;
    },
  };
}

/** All rules of an anchor in the order of the dialect's lists. */
export async function rulesOfLists(
  session: Session,
  anchor: string,
  lists: readonly RuleList[],
): Promise<LoadedRule[]> {
  const all = await allPages((cursor) => session.kernel.call('pf.rules', { cursor, anchor }));
  return lists.flatMap((list) => all.filter((entry) => entry.rule.list === list));
}

async function printList(listing: Listing, path: string, list: RuleList, depth: number): Promise<void> {
  const { session, dialect } = listing;
  const { args } = session;
  const entries = await rulesOfLists(session, path, [list]);
  const steps = args.debugDetails
    ? skipSteps(
        entries.map((entry) => entry.rule),
        traitsOf(dialect),
      )
    : [];
  const indent = args.verbose > 0 ? '' : '  '.repeat(depth);
  for (const [i, entry] of entries.entries()) {
    if (args.ruleNumber !== undefined && args.ruleNumber !== entry.number) continue;
    const body = bodyPath(listing, path, entry.rule);
    const anchorName = entry.rule.anchor?.endsWith('*') ? undefined : body?.slice(body.lastIndexOf('/') + 1);
    const text = printRule(entry.rule, dialect, { ...printOptions(listing, entry), anchorName });
    session.out(`${indent}${text}${body === undefined ? '' : ' {'}`);
    printDetails(listing, entry, steps[i] ?? []);
    if (body === undefined) continue;
    await printList(listing, body, list, depth + 1);
    if (entry.rule.anchor?.endsWith('*')) await printChildren(listing, body, list, depth + 1);
    session.out(`${indent}}`);
  }
}

/** The anchors below one that no rule of it calls, each as if one did. Filter rules alone are shown with what they call. */
async function printChildren(listing: Listing, path: string, list: RuleList, depth: number): Promise<void> {
  if (list !== 'filter') return;
  const { session } = listing;
  const indent = session.args.verbose > 0 ? '' : '  '.repeat(depth);
  const rules = await rulesOfLists(session, path, [list]);
  const called = new Set(rules.map((entry) => bodyPath(listing, path, entry.rule)));
  for (const child of await session.kernel.call('pf.anchors', { anchor: path, recursive: false })) {
    if (called.has(child)) continue;
    session.out(`${indent}anchor "${child.slice(child.lastIndexOf('/') + 1)}" all {`);
    await printList(listing, child, list, depth + 1);
    session.out(`${indent}}`);
  }
}

function printOptions(listing: Listing, entry: LoadedRule): PrintOptions {
  const { args } = listing.session;
  return {
    facts: listing.facts,
    number: args.verbose > 1 || args.debugDetails ? entry.number : undefined,
    counts: listing.counts,
    serviceNames: args.servicesByName || undefined,
  };
}

/** Where the body to print behind a call lies: always for made-up names, for others with `-a NAME/*`. */
function bodyPath(listing: Listing, path: string, rule: Rule): string | undefined {
  const { anchor } = rule;
  if (rule.action !== 'anchor' || anchor === undefined) return undefined;
  const madeUp = anchor.startsWith('_');
  const name = anchor.replace(/\/?\*$/, '');
  return madeUp || listing.session.args.recursive ? joinAnchor(path, name) : undefined;
}

function printDetails(
  listing: Listing,
  entry: LoadedRule,
  steps: readonly { readonly name: string; readonly to: number | undefined }[],
): void {
  const { session } = listing;
  const { args } = session;
  if (args.debugDetails) {
    const texts = steps.map((step) => `${step.name}=${step.to ?? 'end'}`);
    if (texts.length > 0) session.out(`  [ Skip steps: ${texts.join(' ')} ]`);
    const [queue, priority] = entry.rule.set?.queue ?? [];
    const id = queueId(listing, queue) ?? 0;
    const priorityId = queueId(listing, priority) ?? id;
    session.out(`  [ queue: qname=${queue ?? ''} qid=${id} pqname=${priority ?? ''} pqid=${priorityId} ]`);
  }
  if (args.verbose === 0) return;
  const { evaluations, packets, bytes, states, statesCreated } = entry.counters;
  session.out(
    `  [ Evaluations: ${pad(evaluations, 8)}  Packets: ${pad(packets, 8)}  Bytes: ${pad(bytes, 10)}  States: ${pad(states, 6)}]`,
  );
  if (!args.debugDetails) {
    session.out(`  [ Inserted: uid 0 pid 0 State Creations: ${pad(statesCreated, 6)}]`);
  }
}

function queueId({ queueIds }: Listing, name: string | undefined): number | undefined {
  if (name === undefined) return undefined;
  const id = queueIds.get(name) ?? Math.max(0, ...queueIds.values()) + 1;
  queueIds.set(name, id);
  return id;
}

function pad(value: number, width: number): string {
  return String(value).padEnd(width);
}

/** `LABEL EVAL PACKETS BYTES IN-PKTS IN-BYTES OUT-PKTS OUT-BYTES STATES` for each labelled filter rule. */
export async function showLabels(session: Session): Promise<void> {
  const entries = await rulesOfLists(session, session.args.anchor, ['filter']);
  const labelled = entries.flatMap((entry) => labelsOf(entry.rule).map((label) => ({ label, entry })));
  if (session.args.json) return session.json(labelled.map(({ label, entry }) => labelJson(label, entry)));
  for (const { label, entry } of labelled) {
    const { counters } = entry;
    const { evaluations, packets, bytes, packetsIn = 0, bytesIn = 0, statesCreated } = counters;
    const inbound = `${packetsIn} ${bytesIn}`;
    const outbound = `${packets - packetsIn} ${bytes - bytesIn}`;
    session.out(`${label} ${evaluations} ${packets} ${bytes} ${inbound} ${outbound} ${statesCreated}`);
  }
}
