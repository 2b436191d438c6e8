// SPDX-License-Identifier: ISC
//
// `pfctl -F`, `-k`, `-K`: what clears and kills.

import { addressBits, type Prefix } from '../../../abi/address.ts';
import { parseAddress } from '../../../abi/addressText.ts';
import { DEFAULT_DEBUG, LIMITS, TIMEOUTS } from '../../../abi/names.ts';
import type { StateFilter } from '../../../abi/pf.ts';
import type { RuleList } from '../../../abi/rule.ts';
import { rulesetChecksum } from '../../config/pf/checksum.ts';
import { Diagnostics } from '../../config/pf/diagnostics.ts';
import { resolveHost } from '../../config/pf/resolve.ts';
import { type FlushModifier, UsageError } from './arguments.ts';
import { allPages, Failure, type Session } from './session.ts';

const TRANSLATION: readonly RuleList[] = ['nat', 'rdr', 'binat'];

type Flusher = (session: Session) => Promise<void>;

const FLUSHERS: Readonly<Record<Exclude<FlushModifier, 'all'>, Flusher>> = {
  nat: flushNat,
  queue: flushQueues,
  rules: flushRules,
  Sources: async (session) => {
    await session.kernel.call('pf.killSourceNodes', {});
    session.say('source tracking entries cleared');
  },
  states: async (session) => {
    const killed = await killMatching(session, { interface: session.args.interface });
    session.say(`${killed} states cleared`);
  },
  info: async (session) => {
    await session.kernel.call('pf.clearCounters', { what: 'info' });
    const on = session.args.interface;
    session.say(`pf: statistics cleared${on === undefined ? '' : ` for interface ${on}`}`);
  },
  Tables: flushTables,
  osfp: async (session) => {
    const dialect = await session.loadedDialect();
    await session.kernel.call('pf.load', { dialect, anchors: [], tables: [], fingerprints: [] });
    session.say('OS fingerprints cleared');
  },
  Reset: resetOptions,
};

export async function flush(session: Session, what: FlushModifier): Promise<void> {
  if (what !== 'all') return FLUSHERS[what](session);
  const dialect = await session.loadedDialect();
  if (dialect === 'openbsd' && session.args.interface !== undefined) {
    throw new UsageError("don't specify an interface with -Fall");
  }
  await flushRules(session);
  if (dialect !== 'openbsd') {
    await flushNat(session);
    await flushQueues(session);
  }
  await flushTables(session);
  if (session.args.anchor !== '') return;
  for (const part of ['states', 'Sources', 'info'] as const) await FLUSHERS[part](session);
  await FLUSHERS[dialect === 'openbsd' ? 'Reset' : 'osfp'](session);
}

async function flushRules(session: Session): Promise<void> {
  await keepLists(session, (list) => TRANSLATION.includes(list));
  session.say('rules cleared');
}

async function flushNat(session: Session): Promise<void> {
  await keepLists(session, (list) => !TRANSLATION.includes(list));
  session.say('nat cleared');
}

/** Reloads the anchor (with `-a NAME/*` all below it too) with the rules of some lists only. */
async function keepLists(session: Session, keep: (list: RuleList) => boolean): Promise<void> {
  const { kernel, args } = session;
  const below = await kernel.call('pf.anchors', { anchor: args.anchor, recursive: true });
  const madeUp = below.filter((path) => path.split('/').some((part) => part.startsWith('_')));
  const paths = [args.anchor, ...(args.recursive ? below : madeUp)];
  const anchors = await Promise.all(
    paths.map(async (path) => {
      const loaded = await allPages((cursor) => kernel.call('pf.rules', { cursor, anchor: path }));
      return { path, rules: loaded.map((entry) => entry.rule).filter((rule) => keep(rule.list)) };
    }),
  );
  const dialect = await session.loadedDialect();
  const main = anchors.find(({ path }) => path === '');
  // The checksum that peers compare is that of what is left.
  const checksum = main && rulesetChecksum(main.rules, dialect);
  await kernel.call('pf.load', { dialect, anchors, tables: [], checksum });
}

async function flushQueues(session: Session): Promise<void> {
  const dialect = await session.loadedDialect();
  await session.kernel.call('pf.load', { dialect, anchors: [], tables: [], queues: [] });
  session.say('altq cleared');
}

async function flushTables(session: Session): Promise<void> {
  const { kernel, args } = session;
  const tables = await kernel.call('pf.tables', { anchor: args.anchor });
  const active = tables.filter((table) => table.active);
  for (const { anchor, name } of active) {
    await kernel.call('pf.changeTable', { anchor, name, change: 'kill', entries: [] });
  }
  session.say(`${active.length} tables deleted.`);
}

/** Options back to what the dialect has by default. */
async function resetOptions(session: Session): Promise<void> {
  const dialect = await session.loadedDialect();
  const limits = LIMITS.flatMap(({ name, defaults }) => {
    const value = defaults[dialect];
    return value === undefined ? [] : [[name, value] as const];
  });
  await session.kernel.call('pf.setOptions', {
    timeouts: Object.fromEntries(TIMEOUTS.map(({ name, defaults }) => [name, defaults[dialect]])),
    limits: Object.fromEntries(limits),
    debug: DEFAULT_DEBUG[dialect],
    skip: [],
  });
  session.say('pf: interface flags reset');
}

/** `-k`: by host, label, id or key. */
export async function killStates(session: Session): Promise<void> {
  const [first, second] = session.args.killStates;
  const wanted = session.args.interface;
  if (first === 'label' || first === 'id' || first === 'key') {
    if (!second) throw new UsageError(`no ${first} specified`);
    const filter = { interface: wanted, ...namedFilter(first, second) };
    const killed = await killMatching(session, filter);
    session.say(`killed ${killed} states`);
    return;
  }
  const sources = await killTargets(session, first!);
  const destinations = second === undefined ? [undefined] : await killTargets(session, second);
  let total = 0;
  for (const source of sources) {
    for (const destination of destinations) {
      if (destination !== undefined && destination.family !== source.family) continue;
      const filter: StateFilter = {
        interface: wanted,
        family: isEverything(source) ? undefined : source.family,
        source: isEverything(source) ? undefined : { prefix: source },
        destination: destination && { prefix: destination },
      };
      total += await killMatching(session, filter);
    }
  }
  session.say(killedText(total, 'states', sources.length, second === undefined ? 0 : destinations.length));
}

/** Kills page by page; answers how many there were. */
async function killMatching(session: Session, filter: StateFilter): Promise<number> {
  let total = 0;
  for (let cursor: number | undefined = 0; cursor !== undefined; ) {
    const page: { killed: number; next?: number } = await session.kernel.call('pf.killStates', {
      cursor,
      filter,
    });
    total += page.killed;
    cursor = page.next;
  }
  return total;
}

function killedText(count: number, what: string, sources: number, destinations: number): string {
  return `killed ${count} ${what} from ${sources} sources and ${destinations} destinations`;
}

function isEverything(prefix: Prefix): boolean {
  return prefix.length === 0;
}

function namedFilter(kind: 'label' | 'id' | 'key', text: string): StateFilter {
  if (kind === 'label') return { label: text };
  if (kind === 'key') return keyFilter(text);
  const [id, creator] = text.split('/');
  if (!/^[0-9a-fA-F]{1,16}$/.test(id!) || (creator && !/^[0-9a-fA-F]{1,8}$/.test(creator))) {
    throw new UsageError('wrong id format specified');
  }
  if (/^0+$/.test(id!)) throw new UsageError('cannot kill id 0');
  const creatorId = creator === undefined ? undefined : Number.parseInt(creator, 16);
  return { id: id!.toLowerCase().padStart(16, '0'), creatorId };
}

const KEY_PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, icmp: 1, 'ipv6-icmp': 58 };

/** `PROTO HOST:PORT <- HOST:PORT`, or with `->`. */
function keyFilter(text: string): StateFilter {
  const match = /^(\S+)\s+(\S+)\s+(<-|->)\s+(\S+)$/.exec(text.trim());
  const protocol = match === null ? undefined : (KEY_PROTOCOLS[match[1]!] ?? Number(match[1]));
  if (match === null || Number.isNaN(protocol)) throw new Failure('invalid state key');
  const left = keyEnd(match[2]!);
  const right = keyEnd(match[4]!);
  const [source, destination] = match[3] === '->' ? [left, right] : [right, left];
  return { protocol, family: source.prefix.family, source, destination };
}

function keyEnd(text: string): { readonly prefix: Prefix; readonly port?: number } {
  const match = /^(.*)\[(\d+)\]$/.exec(text) ?? /^([^:]+):(\d+)$/.exec(text);
  const address = parseAddress(match?.[1] ?? text);
  if (address === undefined) throw new Failure('invalid state key');
  const port = match === null ? undefined : Number(match[2]);
  return { prefix: { ...address, length: addressBits(address.family) }, port };
}

/** Networks are given by numbers; names stand for all their addresses. */
async function killTargets(session: Session, text: string): Promise<readonly Prefix[]> {
  const [host = '', bits] = text.split('/');
  if (bits !== undefined) checkBits(host, bits);
  const diagnostics = new Diagnostics();
  const hosts = resolveHost(text, await session.facts(), diagnostics);
  const prefixes = (hosts ?? []).flatMap(({ address }) =>
    address.kind === 'prefix' ? [address.prefix] : [],
  );
  if (prefixes.length > 0) return prefixes;
  throw new Failure('getaddrinfo: no address associated with name');
}

function checkBits(host: string, bits: string): void {
  if (!/^\d+$/.test(bits)) throw new Failure(`prefix is invalid: ${bits}`);
  if (Number(bits) > 128) throw new Failure(`prefix is too large: ${bits}`);
  const address = parseAddress(host);
  if (address !== undefined && Number(bits) > addressBits(address.family)) {
    throw new Failure('prefix too long for AF_INET');
  }
}

/** `-K`: source tracking nodes by host. */
export async function killNodes(session: Session): Promise<void> {
  const [first, second] = session.args.killNodes;
  const sources = await killTargets(session, first!);
  const destinations = second === undefined ? [undefined] : await killTargets(session, second);
  let total = 0;
  for (const source of sources) {
    for (const destination of destinations) {
      total += (await session.kernel.call('pf.killSourceNodes', { source, destination })).killed;
    }
  }
  session.say(killedText(total, 'src nodes', sources.length, second === undefined ? 0 : destinations.length));
}
