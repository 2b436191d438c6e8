// SPDX-License-Identifier: ISC
//
// machine.json: the hardware of a machine, so to speak: its name, its interfaces and what is behind them.

import type { LinkAddress } from '../../abi/address.ts';
import { parseLinkAddress } from '../../abi/addressText.ts';
import { DIALECTS, type Dialect } from '../../abi/rule.ts';

export type PfDialectSetting = 'auto' | Dialect;

export interface MachineInterface {
  readonly name: string;
  readonly tap: string;
  readonly linkAddress: LinkAddress;
  readonly bridge?: string;
  readonly mtu: number;
  readonly driver: 'tap' | 'tuntap2' | 'memory';
}

export interface Machine {
  readonly name: string;
  readonly pf: PfDialectSetting;
  readonly interfaces: readonly MachineInterface[];
}

/** Linux names an interface with at most 15 characters (IFNAMSIZ). */
const TAP_LENGTH = 15;

export class MachineError extends Error {}

/** Reads machine.json. Throws MachineError with `file: reason`; unknown keys are errors. */
export function parseMachineJson(text: string, file: string): Machine {
  const fail = (reason: string): never => {
    throw new MachineError(`${file}: ${reason}`);
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return fail((error as Error).message);
  }
  const top = objectOf(json, 'the file', ['name', 'interfaces', 'pf'], fail);
  const name = textOf(top.name, 'name', fail) ?? fail('name is missing');
  if (!/^[A-Za-z0-9][\w.-]{0,62}$/.test(name)) fail(`name '${name}' is no host name`);
  const pf = textOf(top.pf, 'pf', fail) ?? 'auto';
  if (!isDialect(pf)) return fail(`pf '${pf}' is not one of ${['auto', ...DIALECTS].join(', ')}`);
  const entries = Object.entries(objectOf(top.interfaces ?? {}, 'interfaces', undefined, fail));
  const interfaces = entries.map(([vr, value]) => parseInterface(name, vr, value, fail));
  return { name, pf, interfaces };
}

type Fail = (reason: string) => never;

function parseInterface(machine: string, name: string, value: unknown, fail: Fail): MachineInterface {
  if (!/^vr\d{1,3}$/.test(name)) fail(`interface '${name}' is not vr0, vr1, …`);
  const keys = ['tap', 'lladdr', 'bridge', 'mtu', 'driver'];
  const given = objectOf(value, name, keys, fail);
  const tap = textOf(given.tap, `${name}.tap`, fail) ?? `${machine}-${name}`;
  if (tap.length > TAP_LENGTH) {
    fail(`${name}: the TAP's name '${tap}' has more than ${TAP_LENGTH} characters; choose one with "tap"`);
  }
  if (!/^[\w.-]+$/.test(tap)) fail(`${name}.tap: '${tap}' is no interface name`);
  const lladdr = textOf(given.lladdr, `${name}.lladdr`, fail);
  const linkAddress = lladdr === undefined ? stableLinkAddress(machine, name) : parseLinkAddress(lladdr);
  if (linkAddress === undefined || (linkAddress[0]! & 1) !== 0) {
    return fail(`${name}.lladdr: '${lladdr}' is no unicast Ethernet address`);
  }
  const mtu = given.mtu ?? 1500;
  if (typeof mtu !== 'number' || !Number.isInteger(mtu) || mtu < 68 || mtu > 9216) {
    return fail(`${name}.mtu: a number from 68 to 9216 is needed`);
  }
  const driver = textOf(given.driver, `${name}.driver`, fail) ?? 'tap';
  if (driver !== 'tap' && driver !== 'tuntap2' && driver !== 'memory') {
    return fail(`${name}.driver '${driver}' is not one of tap, tuntap2, memory`);
  }
  const bridge = textOf(given.bridge, `${name}.bridge`, fail);
  return { name, tap, linkAddress, mtu, driver, ...(bridge === undefined ? {} : { bridge }) };
}

function isDialect(text: string): text is PfDialectSetting {
  return text === 'auto' || DIALECTS.some((dialect) => dialect === text);
}

function objectOf(
  value: unknown,
  what: string,
  keys: readonly string[] | undefined,
  fail: Fail,
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return fail(`${what} must be an object`);
  const unknown = Object.keys(value).find((key) => keys !== undefined && !keys.includes(key));
  if (unknown !== undefined) fail(`${what}: unknown key "${unknown}" (known: ${keys!.join(', ')})`);
  return value as Record<string, unknown>;
}

function textOf(value: unknown, what: string, fail: Fail): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  return fail(`${what} must be a string`);
}

/** A locally administered address that depends on the names alone (FNV-1a over both). */
function stableLinkAddress(machine: string, name: string): LinkAddress {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  for (const character of `${machine}/${name}`) {
    low = Math.imul(low ^ character.charCodeAt(0), 0x01000193);
    high = Math.imul(high ^ low, 0x01000193);
  }
  return [0x02, high & 255, low >>> 24, (low >>> 16) & 255, (low >>> 8) & 255, low & 255];
}
