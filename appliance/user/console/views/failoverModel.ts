// SPDX-License-Identifier: ISC
//
// The pair as rows: virtual hosts, demotion, advertisements, the states' way to the peer.

import type { PfsyncInfo } from '../../../abi/pfsync.ts';
import { scaled } from '../numbers.ts';
import type { Rates } from '../rates.ts';
import { type Row, row, type Style, span } from '../styled.ts';
import { type Column, table } from '../table.ts';
import type { Look } from '../view.ts';
import type { ShownInterface } from './interfacesModel.ts';

type Counters = Readonly<Record<string, number>>;

export interface FailoverData {
  readonly interfaces: readonly (ShownInterface & { readonly pfsync?: PfsyncInfo })[];
  /** Demotion of the group carp. */
  readonly demotion: number;
  /** Of `netstat -s`. */
  readonly carp: Counters;
  readonly pfsync: Counters;
  readonly states: number;
}

interface VirtualHost {
  readonly name: string;
  readonly vhid: number;
  readonly state: string;
  readonly parent: string;
  readonly interval: string;
  readonly addresses: string;
}

/** Counters whose rates are shown. */
export function failoverCounters({ carp, pfsync }: FailoverData): ReadonlyMap<string, number> {
  const sum = (counters: Counters, ...names: readonly string[]) =>
    names.reduce((total, name) => total + (counters[name] ?? 0), 0);
  return new Map([
    ['advertisements sent', sum(carp, 'sent4', 'sent6')],
    ['advertisements received', sum(carp, 'received4', 'received6')],
    ['updates sent', sum(pfsync, 'sent', 'sent6')],
    ['updates received', sum(pfsync, 'received', 'received6')],
  ]);
}

/** What carp and pfsync threw away, by reason. */
function refused(counters: Counters): string {
  const reasons = Object.entries(counters).filter(
    ([name, count]) => count > 0 && /^(bad|too|stale|noMemory|sendErrors|sendFailed)/.test(name),
  );
  return reasons.map(([name, count]) => `${name} ${count}`).join('  ');
}

function virtualHosts({ interfaces }: FailoverData): readonly VirtualHost[] {
  return interfaces.flatMap(({ name, carp, addresses }) =>
    (carp?.nodes ?? []).map(({ vhid, advskew, state }) => ({
      name,
      vhid,
      state,
      parent: carp?.parent ?? 'none',
      interval: `${((carp?.advbase ?? 1) + advskew / 256).toFixed(2)}s`,
      addresses: addresses.map(({ address, length }) => `${address}/${length}`).join(' '),
    })),
  );
}

const STYLES: Readonly<Record<string, Style>> = { MASTER: 'good', BACKUP: 'warn', INIT: 'bad' };

const COLUMNS: readonly Column<VirtualHost>[] = [
  { title: 'Name', width: 7, text: ({ name }) => name, style: () => 'strong' },
  { title: 'vhid', align: 'right', text: ({ vhid }) => String(vhid) },
  { title: 'State', width: 7, text: ({ state }) => state, style: ({ state }) => STYLES[state] ?? 'text' },
  { title: 'On', width: 5, text: ({ parent }) => parent },
  { title: 'Every', align: 'right', text: ({ interval }) => interval },
  { title: 'Addresses', grows: true, text: ({ addresses }) => addresses },
];

export function failoverRows(data: FailoverData | undefined, rates: Rates, look: Look): readonly Row[] {
  if (data === undefined) return [row(' no news of carp yet', 'faint')];
  const hosts = virtualHosts(data);
  const sync = data.interfaces.find(({ pfsync }) => pfsync !== undefined)?.pfsync;
  if (hosts.length === 0 && sync === undefined) {
    return [row(' this machine has no carp and no pfsync interface: it is no member of a pair', 'faint')];
  }
  return [
    ...(hosts.length === 0 ? [row(' no carp interface', 'faint')] : table(COLUMNS, hosts, look.columns)),
    [],
    demotionRow(data.demotion),
    flowRow('advertisements', rates),
    ...troubleRow('carp refused: ', refused(data.carp)),
    [],
    ...(sync === undefined ? [row(' no pfsync interface: states stay here', 'faint')] : syncRows(sync, data)),
    ...(sync === undefined
      ? []
      : [flowRow('updates', rates), ...troubleRow('pfsync refused: ', refused(data.pfsync))]),
  ];
}

function demotionRow(demotion: number): Row {
  const meaning = demotion === 0 ? ' (this member may be master)' : ' (the peer is to be master)';
  return [span(' demotion: ', 'strong'), span(`${demotion}${meaning}`, demotion === 0 ? 'good' : 'warn')];
}

function flowRow(what: string, rates: Rates): Row {
  const rate = (direction: string) => {
    const value = rates.now(`${what} ${direction}`);
    return value === undefined ? '-' : `${scaled(value)}/s`;
  };
  return [span(` ${what}: `, 'strong'), span(`${rate('sent')} sent, ${rate('received')} received`)];
}

function troubleRow(title: string, text: string): readonly Row[] {
  return text === '' ? [] : [[span(` ${title}`, 'strong'), span(text, 'bad')]];
}

function syncRows({ syncDevice, bulk, peers, defer }: PfsyncInfo, { states }: FailoverData): readonly Row[] {
  const over = syncDevice === undefined ? 'no sync device' : `over ${syncDevice}`;
  const own = `${over}, bulk update: ${bulk}${defer ? ', defer' : ''}, ${states} states here`;
  const others = peers.map(({ hostId, sameRuleset }): Row => {
    const id = (hostId >>> 0).toString(16).padStart(8, '0');
    const rules = sameRuleset ? 'the same rules' : 'OTHER RULES: its states find none of ours';
    return [span(`   peer ${id}: `), span(rules, sameRuleset ? 'good' : 'bad')];
  });
  return [
    [span(' pfsync: ', 'strong'), span(own, syncDevice === undefined ? 'bad' : 'text')],
    ...(others.length === 0 ? [row('   no peer heard that says who it is', 'warn')] : others),
  ];
}
