// SPDX-License-Identifier: ISC
//
// How ifconfig(8) shows an interface.

import { INET, maskWord } from '../../../abi/address.ts';
import { formatAddress, formatLinkAddress } from '../../../abi/addressText.ts';
import {
  IFF_LOOPBACK,
  INTERFACE_FLAGS,
  type InterfaceAddress,
  type InterfaceInfo,
} from '../../../abi/interface.ts';
import { carpLines, carpStatus } from './carp.ts';
import { pfsyncLines } from './pfsync.ts';

/** One interface, as `ifconfig vr0` prints it. */
export function formatInterface(on: InterfaceInfo, aliases: boolean): string {
  const flags = INTERFACE_FLAGS.filter(([bit]) => (on.flags & bit) !== 0).map(([, word]) => word);
  const lines = [`${on.name}: flags=${on.flags.toString(16)}<${flags.join(',')}> mtu ${on.mtu}`];
  if (on.linkAddress !== undefined) lines.push(`\tlladdr ${formatLinkAddress(on.linkAddress)}`);
  if (on.description !== undefined) lines.push(`\tdescription: ${on.description}`);
  lines.push(`\tindex ${on.index} priority ${on.priority} llprio 3`);
  if (on.vlan !== undefined) lines.push(`\tencap: vnetid ${on.vlan.tag} parent ${on.vlan.parent}`);
  if (on.carp !== undefined) lines.push(...carpLines(on.carp));
  if (on.pfsync !== undefined) lines.push(...pfsyncLines(on.pfsync));
  if (on.groups.length > 0) lines.push(`\tgroups: ${on.groups.join(' ')}`);
  if (on.carp !== undefined) {
    lines.push(`\tstatus: ${carpStatus(on.carp)}`);
  } else if (on.link !== undefined) {
    lines.push('\tmedia: Ethernet autoselect (100baseTX full-duplex)');
    lines.push(`\tstatus: ${on.link}`);
  }
  const seen = new Set<number>();
  for (const address of on.addresses) {
    const isAlias = address.family === INET && seen.has(INET);
    seen.add(address.family);
    if (!isAlias || aliases) lines.push(`\t${formatInterfaceAddress(on, address)}`);
  }
  return `${lines.join('\n')}\n`;
}

function formatInterfaceAddress(on: InterfaceInfo, address: InterfaceAddress): string {
  const text = formatAddress(address);
  if (address.family === INET) {
    const mask = (maskWord(address.length, 0) >>> 0).toString(16).padStart(8, '0');
    const peer = address.peer === undefined ? '' : ` --> ${formatAddress(address.peer)}`;
    const broadcast = address.broadcast === undefined ? '' : ` broadcast ${formatAddress(address.broadcast)}`;
    return `inet ${text}${peer} netmask 0x${mask}${broadcast}`;
  }
  const scoped = (address.words[0]! & 0xffc00000) === (0xfe800000 | 0);
  const state = address.state === 'preferred' || address.state === undefined ? '' : ` ${address.state}`;
  const anycast = address.anycast ? ' anycast' : '';
  const scope = scoped ? ` scopeid 0x${on.index.toString(16)}` : '';
  const zone = scoped || (on.flags & IFF_LOOPBACK && text === 'fe80::1') ? `%${on.name}` : '';
  return `inet6 ${text}${zone} prefixlen ${address.length}${anycast}${state}${scope}`;
}
