// SPDX-License-Identifier: ISC
//
// The installer's questions, in their order, and what they come to.

import { type Address, type Family, INET, INET6, type Prefix } from '../../abi/address.ts';
import { formatAddress } from '../../abi/addressText.ts';
import {
  address,
  addresses,
  bridgeName,
  gateway,
  hostName,
  numberIn,
  oneOf,
  optional,
  ownAddress,
  password,
  prefixLength,
  secret,
  yesOrNo,
} from './checks.ts';
import type { Dialogue } from './dialogue.ts';

export interface InterfaceAnswers {
  readonly name: string;
  readonly addresses: readonly Prefix[];
  readonly bridge: string | undefined;
}

export interface RouterAnswers {
  readonly kind: 'router';
  readonly outside: string;
  readonly translate: boolean;
}

export interface BalancerAnswers {
  readonly kind: 'load balancer';
  readonly service: Address;
  readonly port: number;
  readonly servers: readonly Address[];
  /** The servers answer clients themselves. */
  readonly direct: boolean;
  /** Where the servers are. */
  readonly inside: string;
}

export interface PairAnswers {
  readonly kind: 'pair member';
  readonly shared: Prefix;
  readonly on: string;
  readonly vhid: number;
  readonly passphrase: string;
  readonly master: boolean;
  readonly sync: string;
}

export interface Answers {
  readonly name: string;
  readonly interfaces: readonly InterfaceAnswers[];
  readonly gateways: readonly Address[];
  readonly role: RouterAnswers | BalancerAnswers | PairAnswers;
  /** Empty: nobody logs in. */
  readonly password: string;
}

export async function askAll(dialogue: Dialogue): Promise<Answers> {
  const name = await dialogue.ask({ text: 'System hostname', check: hostName });
  const count = await dialogue.ask({
    text: 'Number of network interfaces',
    otherwise: '2',
    check: numberIn(1, 32),
  });
  const interfaces: InterfaceAnswers[] = [];
  for (let i = 0; i < count; i++) interfaces.push(await askInterface(dialogue, `vr${i}`));
  const gateways = await askGateways(dialogue, interfaces);
  const role = await askRole(dialogue, interfaces);
  const rootPassword = await dialogue.askSecret({
    text: 'Password for root (empty: no login)',
    otherwise: '',
    check: password,
  });
  return { name, interfaces, gateways, role, password: rootPassword };
}

async function askInterface(dialogue: Dialogue, name: string): Promise<InterfaceAnswers> {
  const found: Prefix[] = [];
  for (const family of [INET, INET6] as const) {
    const own = await dialogue.ask({
      text: `IPv${family} address for ${name}`,
      otherwise: 'none',
      check: optional(ownAddress(family)),
    });
    if (own !== undefined) found.push(await withLength(dialogue, family, own, name));
  }
  const bridge = await dialogue.ask({
    text: `Linux bridge for ${name} to join`,
    otherwise: 'none',
    check: optional(bridgeName),
  });
  return { name, addresses: found, bridge };
}

/** The address with its network's length, which is asked for where it did not come along. */
async function withLength(
  dialogue: Dialogue,
  family: Family,
  own: Address | Prefix,
  name: string,
): Promise<Prefix> {
  if ('length' in own) return own;
  const length = await dialogue.ask({
    text: family === INET ? `Netmask for ${name}` : `IPv6 prefix length for ${name}`,
    otherwise: family === INET ? '255.255.255.0' : '64',
    check: prefixLength(family),
  });
  return { ...own, length };
}

async function askGateways(
  dialogue: Dialogue,
  interfaces: readonly InterfaceAnswers[],
): Promise<readonly Address[]> {
  const own = interfaces.flatMap((one) => one.addresses);
  const gateways: Address[] = [];
  for (const family of [INET, INET6] as const) {
    if (!own.some((prefix) => prefix.family === family)) continue;
    const via = await dialogue.ask({
      text: `Default IPv${family} route`,
      otherwise: 'none',
      check: optional(gateway(family, own)),
    });
    if (via !== undefined) gateways.push(via);
  }
  return gateways;
}

const KINDS = ['router', 'load balancer', 'pair member'] as const;

async function askRole(
  dialogue: Dialogue,
  interfaces: readonly InterfaceAnswers[],
): Promise<Answers['role']> {
  const kind = await dialogue.ask({
    text: 'What is this machine to be (router, load balancer, pair member)',
    otherwise: 'router',
    check: oneOf(KINDS),
  });
  const names = interfaces.map((one) => one.name);
  if (kind === 'router') return askRouter(dialogue, names);
  return kind === 'pair member' ? askPair(dialogue, names) : askBalancer(dialogue, interfaces);
}

async function askRouter(dialogue: Dialogue, names: readonly string[]): Promise<RouterAnswers> {
  const outside = await dialogue.ask({
    text: 'Which interface is on the outside',
    otherwise: names[0]!,
    check: oneOf(names),
  });
  const translate = await dialogue.ask({
    text: 'Hide the inside behind its IPv4 address (NAT)',
    otherwise: 'yes',
    check: yesOrNo,
  });
  return { kind: 'router', outside, translate };
}

async function askBalancer(
  dialogue: Dialogue,
  interfaces: readonly InterfaceAnswers[],
): Promise<BalancerAnswers> {
  const [own] = interfaces.flatMap((one) => one.addresses);
  const service = await dialogue.ask({
    text: 'Address of the service',
    ...(own && { otherwise: formatAddress(own) }),
    check: address,
  });
  const port = await dialogue.ask({
    text: 'Port of the service',
    otherwise: '80',
    check: numberIn(1, 65535),
  });
  const servers = await dialogue.ask({ text: 'Addresses of the servers', check: addresses });
  const direct = await dialogue.ask({
    text: 'Do the servers answer the clients directly (DSR)',
    otherwise: 'no',
    check: yesOrNo,
  });
  const names = interfaces.map((one) => one.name);
  const inside = await dialogue.ask({
    text: 'Which interface are the servers on',
    otherwise: names.at(-1)!,
    check: oneOf(names),
  });
  return { kind: 'load balancer', service, port, servers, direct, inside };
}

async function askPair(dialogue: Dialogue, names: readonly string[]): Promise<PairAnswers> {
  const on = await dialogue.ask({
    text: 'Which interface has the shared address',
    otherwise: names[0]!,
    check: oneOf(names),
  });
  const given = await dialogue.ask({ text: 'Shared IPv4 address', check: ownAddress(INET) });
  const shared = await withLength(dialogue, INET, given, 'the shared address');
  const vhid = await dialogue.ask({ text: 'Its number (vhid)', otherwise: '1', check: numberIn(1, 255) });
  const passphrase = await dialogue.askSecret({
    text: 'Passphrase that both machines have',
    check: secret,
  });
  const master = await dialogue.ask({
    text: 'Is this machine the one that has it normally',
    otherwise: 'yes',
    check: yesOrNo,
  });
  const sync = await dialogue.ask({
    text: 'Which interface leads to the other machine (pfsync)',
    otherwise: names.at(-1)!,
    check: oneOf(names),
  });
  return { kind: 'pair member', shared, on, vhid, passphrase, master, sync };
}
