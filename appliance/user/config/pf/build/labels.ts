// SPDX-License-Identifier: ISC
//
// `$if`, `$srcaddr`, `$dstport` and their kin in labels and tags, replaced for each rule that a statement expands to
// (pf.conf(5), "label").

import { addressBits, type Family, isUnspecified } from '../../../../abi/address.ts';
import { formatAddress } from '../../../../abi/addressText.ts';
import type { NumberMatch, RuleAddress } from '../../../../abi/rule.ts';
import type { Facts } from '../facts.ts';

export interface LabelValues {
  readonly interface: string | undefined;
  readonly family: Family | undefined;
  readonly source: { readonly address: RuleAddress; readonly negated: boolean };
  readonly sourcePort: NumberMatch | undefined;
  readonly destination: { readonly address: RuleAddress; readonly negated: boolean };
  readonly destinationPort: NumberMatch | undefined;
  readonly protocol: number | undefined;
  readonly facts: Facts;
}

/** The text with everything replaced but `$nr`. */
export function expandLabel(text: string, values: LabelValues): string {
  if (!text.includes('$')) return text;
  return text
    .replaceAll('$if', () => values.interface ?? 'any')
    .replaceAll('$srcaddr', () => hostText(values.source, values.family))
    .replaceAll('$dstaddr', () => hostText(values.destination, values.family))
    .replaceAll('$srcport', () => portText(values.sourcePort))
    .replaceAll('$dstport', () => portText(values.destinationPort))
    .replaceAll('$proto', () => protocolText(values.protocol, values.facts));
}

/** The text with `$nr` replaced. */
export function expandRuleNumber(text: string, number: number): string {
  return text.replaceAll('$nr', String(number));
}

function hostText(host: LabelValues['source'], family: Family | undefined): string {
  return `${host.negated ? '! ' : ''}${addressText(host.address, family)}`;
}

function addressText(address: RuleAddress, family: Family | undefined): string {
  switch (address.kind) {
    case 'dynamic':
      return `(${address.interface})`;
    case 'table':
      return `<${address.name}>`;
    case 'no-route':
    case 'urpf-failed':
      return address.kind;
    case 'any':
      return 'any';
    case 'prefix': {
      const { prefix } = address;
      if (family === undefined || (prefix.length === 0 && isUnspecified(prefix))) return 'any';
      const length = prefix.length < addressBits(prefix.family) ? `/${prefix.length}` : '';
      return formatAddress(prefix) + length;
    }
    default:
      return '?';
  }
}

function portText(match: NumberMatch | undefined): string {
  if (match === undefined || match.operator === ':') return '';
  switch (match.operator) {
    case '=':
      return String(match.low);
    case '><':
    case '<>':
      return `${match.low}${match.operator}${match.high}`;
    default:
      return `${match.operator}${match.low}`;
  }
}

function protocolText(protocol: number | undefined, facts: Facts): string {
  if (protocol === undefined) return 'ip';
  return facts.protocols.name(protocol) ?? String(protocol);
}
