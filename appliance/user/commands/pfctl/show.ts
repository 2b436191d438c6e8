// SPDX-License-Identifier: ISC
//
// `pfctl -s WHAT`.

import type { Dialect } from '../../../abi/rule.ts';
import { listFingerprints } from '../../config/pf/fingerprints/pfOs.ts';
import type { ShowModifier } from './arguments.ts';
import { inPages, type Session } from './session.ts';
import { showAnchors, showInfo, showInterfaces, showMemory, showQueues, showTimeouts } from './showInfo.ts';
import { showLabels, showNat, showRules } from './showRules.ts';
import { showSources, showStates } from './showStates.ts';
import { showTables } from './showTables.ts';

type Shower = (session: Session) => Promise<void>;

const SHOWERS: Readonly<Record<Exclude<ShowModifier, 'all'>, Shower>> = {
  nat: showNat,
  queue: showQueues,
  rules: showRules,
  Anchors: showAnchors,
  Sources: showSources,
  states: showStates,
  info: showInfo,
  Interfaces: showInterfaces,
  labels: showLabels,
  timeouts: showTimeouts,
  memory: showMemory,
  Tables: showTables,
  osfp: async (session) => {
    const list = await session.kernel.call('pf.fingerprints', {});
    if (session.args.json) return session.json(list);
    for (const line of listFingerprints(list)) session.out(line);
  },
  Running: async (session) => {
    const { enabled } = await session.kernel.call('pf.status', {});
    if (session.args.json) return session.json({ enabled });
    session.out(enabled ? 'Enabled' : 'Disabled');
  },
};

/** Sections of `-s all` with their titles; a title without lines below is left out unless it is `always`. */
const SECTIONS: readonly {
  readonly title: string;
  readonly what: Exclude<ShowModifier, 'all'>;
  readonly always?: boolean;
  readonly classic?: boolean;
}[] = [
  { title: 'TRANSLATION RULES:', what: 'nat', always: true, classic: true },
  { title: 'FILTER RULES:', what: 'rules', always: true },
  { title: 'ALTQ:', what: 'queue' },
  { title: 'STATES:', what: 'states' },
  { title: 'SOURCE TRACKING NODES:', what: 'Sources' },
  { title: 'INFO:', what: 'info' },
  { title: 'LABEL COUNTERS:', what: 'labels' },
  { title: 'TIMEOUTS:', what: 'timeouts' },
  { title: 'LIMITS:', what: 'memory' },
  { title: 'TABLES:', what: 'Tables' },
];

export async function show(session: Session, what: ShowModifier): Promise<void> {
  if (what !== 'all') return SHOWERS[what](session);
  const dialect = await session.loadedDialect();
  if (session.args.json) return showAllJson(session, dialect);
  let first = true;
  for (const section of SECTIONS) {
    if (section.classic && dialect === 'openbsd') continue;
    const lines: string[] = [];
    await SHOWERS[section.what](collecting(session, lines));
    if (lines.length === 0 && !section.always) continue;
    if (!first) session.out('');
    first = false;
    session.out(dialect === 'openbsd' && section.what === 'queue' ? 'QUEUES:' : section.title);
    await session.lines(inPages(lines));
  }
  const { length } = await session.kernel.call('pf.fingerprints', {});
  session.out('');
  session.out('OS FINGERPRINTS:');
  session.out(`${length} fingerprints loaded`);
}

/** Everything in one object, by the names of `-s`. */
async function showAllJson(session: Session, dialect: Dialect): Promise<void> {
  const all: Record<string, unknown> = {};
  for (const { what, classic } of SECTIONS) {
    if (classic && dialect === 'openbsd') continue;
    const copy: Session = Object.create(session);
    copy.json = (value) => {
      all[what] = value;
    };
    copy.jsonList = async (pages) => {
      const items: unknown[] = [];
      for await (const page of pages) items.push(...page);
      all[what] = items;
    };
    await SHOWERS[what](copy);
  }
  const { length } = await session.kernel.call('pf.fingerprints', {});
  session.json({ ...all, fingerprints: length });
}

/** The same session, whose lines are kept. */
function collecting(session: Session, lines: string[]): Session {
  const copy: Session = Object.create(session);
  copy.out = (line) => void lines.push(line);
  return copy;
}
