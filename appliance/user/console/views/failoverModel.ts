// SPDX-License-Identifier: ISC
//
// The pair as rows: virtual hosts, demotion, advertisements, the states' way to the peer.

import type { PfsyncInfo } from '../../../abi/pfsync.ts';
import { scaled } from '../numbers.ts';
import type { Rates } from '../rates.ts';
import { type Row, row, type Style, span } from '../styled.ts';
import { type Column, table } from '../table.ts';
import type { Look } from '../view.ts';
import type { ShownInterface, ShownNode } from './interfacesModel.ts';

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

/** One member of the pair, as one virtual host has it. */
interface Member {
  readonly name: string;
  readonly vhid: string;
  readonly who: 'this' | 'peer';
  readonly state: string;
  readonly every: string;
  readonly demotion: string;
  readonly remark: string;
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

/** This member and, below it, what the other one says of itself. */
function members(data: FailoverData): readonly Member[] {
  return data.interfaces.flatMap(({ name, carp, addresses }) =>
    (carp?.nodes ?? []).flatMap((node): readonly Member[] => {
      const own = interval(carp?.advbase ?? 1, node.advskew);
      return [
        {
          name,
          vhid: String(node.vhid),
          who: 'this',
          state: node.state,
          every: `${own.toFixed(2)}s`,
          demotion: String(carp?.demotion ?? 0),
          remark: [
            `on ${carp?.parent ?? 'none'}`,
            ...addresses.map(({ address, length }) => `${address}/${length}`),
          ].join(' '),
        },
        { name: '', vhid: '', who: 'peer', ...peerOf(node, own, syncOf(data)) },
      ];
    }),
  );
}

function interval(advbase: number, advskew: number): number {
  return advbase + advskew / 256;
}

/** carp's master is missed after so many of one's own intervals. */
const MISSED = 3;
/** An advskew that says that its sender goes. */
const BOWS_OUT = 255;
/** Seconds within which a peer that is there says something by pfsync: every ten it says who it is. */
const SYNC_SILENCE = 12;

/** Only masters advertise: of a backup carp knows nothing, and pfsync tells whether it is there. */
function peerOf(
  { heard, state }: ShownNode,
  own: number,
  sync: PfsyncInfo | undefined,
): Pick<Member, 'state' | 'every' | 'demotion' | 'remark'> {
  const nothing = { every: '', demotion: '' };
  if (heard !== undefined && heard.advskew !== BOWS_OUT && heard.ago <= MISSED * own) {
    const says = {
      every: `${interval(heard.advbase, heard.advskew).toFixed(2)}s`,
      demotion: String(heard.demotion),
    };
    const remark = `heard ${seconds(heard.ago)} ago from ${heard.from}`;
    return { state: state === 'MASTER' ? 'MASTER TOO' : 'MASTER', ...says, remark };
  }
  const last = heard === undefined ? 'no advertisement yet' : `last advertisement ${seconds(heard.ago)} ago`;
  const left = heard?.advskew === BOWS_OUT ? ', with which it bowed out' : '';
  const isThere = (sync?.lag?.heardAgo ?? Number.POSITIVE_INFINITY) <= SYNC_SILENCE;
  return { state: isThere ? 'BACKUP' : 'SILENT', ...nothing, remark: `${last}${left}` };
}

function seconds(value: number): string {
  return value < 10 ? `${value.toFixed(1)}s` : `${Math.round(value)}s`;
}

const STYLES: Readonly<Record<string, Style>> = {
  MASTER: 'good',
  BACKUP: 'warn',
  INIT: 'bad',
  SILENT: 'bad',
  'MASTER TOO': 'bad',
};

const COLUMNS: readonly Column<Member>[] = [
  { title: 'Name', width: 7, text: ({ name }) => name, style: () => 'strong' },
  { title: 'vhid', align: 'right', text: ({ vhid }) => vhid },
  { title: 'Who', width: 4, text: ({ who }) => who },
  { title: 'State', width: 7, text: ({ state }) => state, style: ({ state }) => STYLES[state] ?? 'text' },
  { title: 'Every', align: 'right', text: ({ every }) => every },
  { title: 'Demoted', align: 'right', text: ({ demotion }) => demotion },
  { title: 'Addresses, news of the peer', grows: true, text: ({ remark }) => remark },
];

function syncOf({ interfaces }: FailoverData): PfsyncInfo | undefined {
  return interfaces.find(({ pfsync }) => pfsync !== undefined)?.pfsync;
}

export function failoverRows(data: FailoverData | undefined, rates: Rates, look: Look): readonly Row[] {
  if (data === undefined) return [row(' no news of carp yet', 'faint')];
  const hosts = members(data);
  const sync = syncOf(data);
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

function syncRows(sync: PfsyncInfo, { states }: FailoverData): readonly Row[] {
  const { syncDevice, bulk, peers, defer } = sync;
  const over = syncDevice === undefined ? 'no sync device' : `over ${syncDevice}`;
  const own = `${over}, bulk update: ${bulk}${defer ? ', defer' : ''}, ${states} states here`;
  const others = peers.map(({ hostId, sameRuleset, ago }): Row => {
    const id = (hostId >>> 0).toString(16).padStart(8, '0');
    const rules = sameRuleset ? 'the same rules' : 'OTHER RULES: its states find none of ours';
    return [
      span(`   peer ${id}: `),
      span(`${rules}, said ${seconds(ago)} ago`, sameRuleset ? 'good' : 'bad'),
    ];
  });
  return [
    [span(' pfsync: ', 'strong'), span(own, syncDevice === undefined ? 'bad' : 'text')],
    lagRow(sync),
    ...(others.length === 0 ? [row('   no peer heard that says who it is', 'warn')] : others),
  ];
}

/** pfsync gathers what it tells for a second at most; whoever waits longer is behind. */
const LATE = 1.5;

function lagRow({ lag, syncDevice = 'vrN' }: PfsyncInfo): Row {
  const title = span(' lag: ', 'strong');
  if (lag === undefined)
    return [title, span(`no states are exchanged before ifconfig pfsync0 syncdev ${syncDevice} up`, 'bad')];
  const { waiting, oldest, heardAgo } = lag;
  const out =
    waiting === 0 ? 'the peer was told everything' : `${waiting} untold, the oldest for ${seconds(oldest)}`;
  const heard = heardAgo === undefined ? 'nothing heard of it yet' : `its last word ${seconds(heardAgo)} ago`;
  const isThere = heardAgo !== undefined && heardAgo <= SYNC_SILENCE;
  return [
    title,
    span(out, oldest > LATE ? 'bad' : 'good'),
    span(', '),
    span(heard, isThere ? 'good' : 'bad'),
  ];
}
