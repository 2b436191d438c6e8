// SPDX-License-Identifier: ISC
//
// `pfctl -s info`, `-s timeouts`, `-s memory`, `-s Interfaces`, `-s Anchors`, `-s queue`.

import {
  LIMIT_COUNTER_COUNT,
  LIMIT_COUNTERS,
  LIMITS,
  REASON_COUNT,
  REASONS,
  TIMEOUTS,
} from '../../../abi/names.ts';
import type { PfInterfaceInfo, PfStatus, QueueDefinition } from '../../../abi/pf.ts';
import type { PfsyncInfo } from '../../../abi/pfsync.ts';
import type { Dialect } from '../../../abi/rule.ts';
import { formatRate } from '../../config/pf/build/queues.ts';
import { bootDate, counterBracket } from './format.ts';
import { interfaceJson, statusJson } from './json.ts';
import type { Session } from './session.ts';

export async function showInfo(session: Session): Promise<void> {
  const status = await session.kernel.call('pf.status', {});
  const peers = await syncPeers(session);
  if (session.args.json) return session.json({ ...statusJson(status), ...(peers && { peers }) });
  for (const line of statusLines(status, session.args.verbose > 0)) session.out(line);
  for (const line of peers?.map(peerLine) ?? []) session.out(line);
}

/** Members of the pair that speak pfsync with messages of our own; undefined where there is no pfsync. */
async function syncPeers({ kernel }: Session): Promise<PfsyncInfo['peers'] | undefined> {
  const interfaces = await kernel.call('interface.list', {});
  return interfaces.find((on) => on.pfsync !== undefined)?.pfsync?.peers;
}

function peerLine({ hostId, sameRuleset }: PfsyncInfo['peers'][number]): string {
  const rules = sameRuleset ? 'the same ruleset' : 'ANOTHER RULESET';
  return `pfsync peer 0x${hostId.toString(16).padStart(8, '0')}: ${rules}`;
}

/** The whole listing; `verbose` adds identity, source tracking and limits. */
export function statusLines(status: PfStatus, verbose: boolean): string[] {
  const rate = (value: number) =>
    status.since > 0 ? `${(value / status.since).toFixed(1).padStart(14)}/s` : ''.padStart(14);
  const row = (name: string, value: number, tail = rate(value)) =>
    `  ${name.padEnd(25)} ${String(value).padStart(14)} ${tail}`;
  const { dialect } = status;
  const table = (entries: PfStatus['states'] | PfStatus['sourceNodes']) => [
    row('current entries', entries.current, ''.padStart(14)),
    ...('halfOpen' in entries && dialect === 'openbsd'
      ? [row('half-open tcp', entries.halfOpen, ''.padStart(14))]
      : []),
    row('searches', entries.searches),
    row('inserts', entries.inserts),
    row('removals', entries.removals),
  ];
  const lines = [...headLines(status), '', ...(verbose ? identityLines(status) : [])];
  if (status.logInterface !== undefined) lines.push(...interfaceLines(status.logInterface), '');
  lines.push(`${'State Table'.padEnd(27)} ${'Total'.padStart(14)} ${'Rate'.padStart(16)}`);
  lines.push(...table(status.states));
  if (verbose) lines.push('Source Tracking Table', ...table(status.sourceNodes));
  lines.push('Counters');
  for (const reason of REASONS.slice(0, REASON_COUNT[dialect]))
    lines.push(row(reason, status.reasons[reason] ?? 0));
  if (!verbose) return lines;
  lines.push('Limit Counters');
  for (const name of LIMIT_COUNTERS.slice(0, LIMIT_COUNTER_COUNT[dialect])) {
    lines.push(row(name, status.limitCounters[name] ?? 0));
  }
  if (status.syncookies !== undefined) {
    lines.push('Adaptive Syncookies Watermarks');
    lines.push(row('start', status.syncookies.start, 'states'), row('end', status.syncookies.end, 'states'));
  }
  return lines;
}

function headLines(status: PfStatus): string[] {
  const running = status.enabled ? 'Enabled' : 'Disabled';
  const since = Math.floor(status.since);
  const clock = [Math.floor(since / 3600) % 24, Math.floor(since / 60) % 60, since % 60]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  const duration = since > 0 ? ` for ${Math.floor(since / 86400)} days ${clock}` : '';
  return [`${`Status: ${running}${duration}`.padEnd(44)}${`Debug: ${debugText(status)}`.padStart(15)}`];
}

/** 2008 writes the level with a capital. */
function debugText(status: PfStatus): string {
  const { debug, dialect } = status;
  return dialect === 'openbsd' ? debug : debug.charAt(0).toUpperCase() + debug.slice(1);
}

function identityLines(status: PfStatus): string[] {
  const hostId = (status.hostId >>> 0).toString(16).padStart(8, '0');
  return [`Hostid:   0x${hostId}`, `Checksum: 0x${status.checksum}`, ''];
}

function interfaceLines(info: NonNullable<PfStatus['logInterface']>): string[] {
  const wide = (name: string, four: number, six: number) =>
    `  ${name.padEnd(25)} ${String(four).padStart(14)} ${String(six).padStart(16)}`;
  const inner = (name: string, direction: 0 | 1, verdict: 0 | 1) => {
    const [four, six] = [0, 1].map((family) => info.packets[family]?.[direction]?.[verdict] ?? 0);
    return `    ${name.padEnd(23)} ${String(four).padStart(14)} ${String(six).padStart(16)}`;
  };
  const bytes = (family: number, direction: 0 | 1) => {
    const [pass, block] = info.bytes[family]?.[direction] ?? [0, 0];
    return pass + block;
  };
  return [
    `Interface Stats for ${info.name.padEnd(16)} ${'IPv4'.padStart(5)} ${'IPv6'.padStart(16)}`,
    wide('Bytes In', bytes(0, 0), bytes(1, 0)),
    wide('Bytes Out', bytes(0, 1), bytes(1, 1)),
    '  Packets In',
    inner('Passed', 0, 0),
    inner('Blocked', 0, 1),
    '  Packets Out',
    inner('Passed', 1, 0),
    inner('Blocked', 1, 1),
  ];
}

export async function showTimeouts(session: Session): Promise<void> {
  const { timeouts } = await session.kernel.call('pf.options', {});
  if (session.args.json) return session.json(timeouts);
  const dialect = await session.loadedDialect();
  for (const { name, unit, defaults } of TIMEOUTS) {
    session.out(`${name.padEnd(20)} ${String(timeouts[name] ?? defaults[dialect]).padStart(10)}${unit}`);
  }
}

export async function showMemory(session: Session): Promise<void> {
  const { limits } = await session.kernel.call('pf.options', {});
  if (session.args.json) return session.json(limits);
  const dialect = await session.loadedDialect();
  for (const { name, defaults } of LIMITS) {
    const limit = limits[name] ?? defaults[dialect];
    if (defaults[dialect] === undefined || limit === undefined) continue;
    const text = Number.isFinite(limit) ? String(limit).padStart(8) : 'unlimited';
    session.out(`${name.padEnd(13)} hard limit ${text}`);
  }
}

export async function showInterfaces(session: Session): Promise<void> {
  const interfaces = await session.kernel.call('pf.interfaces', { name: session.args.interface });
  if (session.args.json) return session.json(interfaces.map(interfaceJson));
  const boot = await bootDate(session);
  const sorted = [...interfaces].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of sorted) {
    session.out(entry.name + (session.args.verbose > 0 && entry.skip ? ' (skip)' : ''));
    if (session.args.verbose > 1) for (const line of interfaceDetails(entry, boot)) session.out(line);
  }
}

const COUNTERS = ['In4', 'Out4', 'In6', 'Out6'] as const;

function interfaceDetails(entry: PfInterfaceInfo, boot: (seconds: number) => string): string[] {
  const references = `[ States:  ${String(entry.states).padEnd(18)} Rules: ${String(entry.rules).padEnd(18)} ]`;
  const counters = COUNTERS.flatMap((name, i) => {
    const [family, direction] = [i >> 1, i & 1];
    return ['Pass', 'Block'].map((verdict, v) => {
      const packets = entry.packets[family]?.[direction]?.[v] ?? 0;
      const bytes = entry.bytes[family]?.[direction]?.[v] ?? 0;
      return `\t${`${name}/${verdict}:`.padEnd(12)} ${counterBracket(packets, bytes)}`;
    });
  });
  return [`\tCleared:     ${boot(entry.cleared)}`, `\tReferences:  ${references}`, ...counters];
}

/** The children of the anchor, or with -v all below. */
export async function showAnchors(session: Session): Promise<void> {
  const { anchor, verbose, json } = session.args;
  const paths = await session.kernel.call('pf.anchors', { anchor, recursive: verbose > 0 });
  const visible = paths.filter(
    (path) => verbose > 0 || !path.slice(path.lastIndexOf('/') + 1).startsWith('_'),
  );
  if (json) return session.json(visible);
  for (const path of visible) session.out(`  ${path}`);
}

export async function showQueues(session: Session): Promise<void> {
  const queues = await session.kernel.call('pf.queues', {});
  if (session.args.json) return session.json(queues);
  const dialect = await session.loadedDialect();
  const { interface: only } = session.args;
  for (const queue of queues) {
    if (only !== undefined && queue.interface !== only) continue;
    session.out(queueLine(queue, queues, dialect));
    if (session.args.debugDetails) {
      const rate = formatRate(queue.interfaceBandwidth);
      session.out(`  [ qid=${queue.id} ifname=${queue.interface} ifbandwidth=${rate} ]`);
    }
  }
  if (queues.length > 0 && session.args.verbose > 0) session.say('queueing is not enforced');
}

function queueLine(queue: QueueDefinition, all: readonly QueueDefinition[], dialect: Dialect): string {
  if (dialect === 'openbsd') return queue.text;
  const children = all
    .filter((other) => other.parent === queue.name && other.interface === queue.interface)
    .map((other) => other.name);
  const tail = children.length > 0 ? `{${children.join(', ')}}` : '';
  return `queue ${' '.repeat(queue.depth)}${queue.text}${tail}`;
}
