// SPDX-License-Identifier: ISC
//
// The interfaces as rows: state, addresses, rates with their course, and what went wrong.

import type { CarpHeard, CarpInfo } from '../../../abi/carp.ts';
import type { InterfaceInfo } from '../../../abi/interface.ts';
import { IFF_UP } from '../../../abi/interface.ts';
import { sparkline } from '../glyphs.ts';
import { bitRate, scaled } from '../numbers.ts';
import type { Rates } from '../rates.ts';
import { type Row, row } from '../styled.ts';
import { type Column, table } from '../table.ts';
import type { Look } from '../view.ts';

/** A node of carp as `ifconfig --json` prints it. */
export type ShownNode = Omit<CarpInfo['nodes'][number], 'heard'> & {
  readonly heard?: Omit<CarpHeard, 'from'> & { readonly from: string };
};

/** As `ifconfig --json` prints it. */
export type ShownInterface = Pick<InterfaceInfo, 'name' | 'type' | 'flags' | 'link' | 'mtu' | 'counters'> & {
  readonly addresses: readonly { readonly address: string; readonly length: number }[];
  readonly linkAddress?: string;
  readonly carp?: Omit<CarpInfo, 'nodes' | 'peer'> & { readonly nodes: readonly ShownNode[] };
};

const COUNTED = [
  'inputPackets',
  'inputBytes',
  'outputPackets',
  'outputBytes',
  'inputErrors',
  'outputErrors',
  'inputDrops',
  'outputDrops',
] as const;

/** The counters whose rates are shown, by `vr0 inputBytes`. */
export function countersOf(interfaces: readonly ShownInterface[]): ReadonlyMap<string, number> {
  return new Map(
    interfaces.flatMap(({ name, counters }) =>
      COUNTED.map((counter) => [`${name} ${counter}`, counters[counter]] as const),
    ),
  );
}

function stateOf({ flags, link, carp }: ShownInterface): string {
  if ((flags & IFF_UP) === 0) return 'down';
  return carp?.nodes[0]?.state ?? link ?? 'up';
}

function troubleOf({ counters }: ShownInterface): number {
  const { inputErrors, outputErrors, inputDrops, outputDrops, collisions } = counters;
  return inputErrors + outputErrors + inputDrops + outputDrops + collisions;
}

function rate(rates: Rates, name: string, show: (value: number) => string): string {
  const value = rates.now(name);
  return value === undefined ? '-' : show(value);
}

function columnsOf(rates: Rates, look: Look): readonly Column<ShownInterface>[] {
  const course = Math.max(8, Math.min(60, Math.floor((look.columns - 74) / 2)));
  const direction = (input: boolean): readonly Column<ShownInterface>[] => {
    const side = input ? 'input' : 'output';
    const title = input ? 'In' : 'Out';
    return [
      {
        title,
        align: 'right',
        width: 9,
        text: ({ name }) => rate(rates, `${name} ${side}Bytes`, bitRate),
      },
      {
        title: `${title} pkt/s`,
        align: 'right',
        optional: 3,
        text: ({ name }) => rate(rates, `${name} ${side}Packets`, scaled),
      },
      {
        title: '',
        width: course,
        optional: input ? 1 : 2,
        style: () => 'good',
        text: ({ name }) => sparkline(rates.history(`${name} ${side}Bytes`), course, look.glyphs),
      },
    ];
  };
  return [
    { title: 'Name', width: 7, style: () => 'strong', text: ({ name }) => name },
    {
      title: 'State',
      width: 8,
      text: stateOf,
      style: (on) => (/^(active|up|MASTER)$/.test(stateOf(on)) ? 'good' : 'warn'),
    },
    ...direction(true),
    ...direction(false),
    {
      title: 'Err+Drop',
      align: 'right',
      text: (on) => scaled(troubleOf(on)),
      style: (on) => (troubleOf(on) > 0 ? 'bad' : 'text'),
    },
  ];
}

/** A row for each interface, and everything about the selected one below. */
export function interfacesRows(
  interfaces: readonly ShownInterface[],
  rates: Rates,
  selected: number,
  look: Look,
): readonly Row[] {
  if (interfaces.length === 0) return [row(' no news of the interfaces yet', 'faint')];
  const [heading, ...rows] = table(columnsOf(rates, look), interfaces, look.columns, selected);
  const chosen = interfaces[selected];
  const details = chosen === undefined ? [] : detailRows(chosen);
  const { top, height } = interfacesWindow(interfaces.length, selected, look);
  return [heading!, ...rows.slice(top, top + height), [], ...details];
}

/** Rows about the selected interface, the heading, and the empty row between. */
const BESIDES = 6;

/** Which interfaces are seen, between the heading and what is said of the selected one. */
export function interfacesWindow(
  count: number,
  selected: number,
  { rows }: Look,
): { readonly top: number; readonly height: number } {
  const height = Math.max(1, rows - BESIDES);
  return { top: Math.max(0, Math.min(selected - height + 1, count - height)), height };
}

function detailRows({ name, type, mtu, linkAddress, addresses, counters }: ShownInterface): readonly Row[] {
  const link = linkAddress === undefined ? '' : `  lladdr ${linkAddress}`;
  const own = addresses.map(({ address, length }) => `${address}/${length}`).join('  ');
  const side = (title: string, input: boolean) => {
    const count = (what: string) => counters[`${input ? 'input' : 'output'}${what}` as keyof typeof counters];
    const collisions = input ? '' : `  collisions ${counters.collisions}`;
    return ` ${title} packets ${count('Packets')}  bytes ${count('Bytes')}  errors ${count('Errors')}  drops ${count('Drops')}${collisions}`;
  };
  return [
    row(` ${name}: ${type}  mtu ${mtu}${link}`, 'strong'),
    row(` ${own === '' ? 'no address' : own}`),
    row(side('in: ', true)),
    row(side('out:', false)),
  ];
}
