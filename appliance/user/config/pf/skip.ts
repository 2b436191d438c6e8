// SPDX-License-Identifier: ISC
//
// Skip steps: how far evaluation can jump when a rule fails at one of its fields. The kernel works them out for itself;
// here they are shown (`pfctl -g -s rules`), and the optimizer sorts rules to make them long.

import { addressBits, type Family, INET, INET6, isUnspecified } from '../../../abi/address.ts';
import type { NumberMatch, Rule, RuleAddress, RuleHost } from '../../../abi/rule.ts';
import type { Traits } from './dialect.ts';

/** A field with a skip step: its letter in listings and its value as text. */
export interface SkipField {
  readonly name: string;
  /** Rules whose texts are equal fail alike at this field. */
  readonly value: (rule: Rule) => string;
  /** For sorting: as `value`, but undefined where the rule does not restrict the field. */
  readonly restriction: (rule: Rule) => string | undefined;
}

const INTERFACE: SkipField = {
  name: 'i',
  value: (rule) => interfaceText(rule) ?? '',
  restriction: interfaceText,
};
const DIRECTION: SkipField = field('d', (rule) => rule.direction);
const ROUTING_DOMAIN: SkipField = field('r', (rule) => rule.routingDomain?.toString());
const FAMILY: SkipField = field('f', (rule) => rule.family?.toString());
const PROTOCOL: SkipField = field('p', (rule) => rule.protocol?.toString());
const SOURCE: SkipField = addressField('sa', (rule) => rule.source);
const SOURCE_PORT: SkipField = field('sp', (rule) => portText(rule.source.port));
const DESTINATION: SkipField = addressField('da', (rule) => rule.destination);
const DESTINATION_PORT: SkipField = field('dp', (rule) => portText(rule.destination.port));

const CLASSIC: readonly SkipField[] = [
  INTERFACE,
  DIRECTION,
  FAMILY,
  PROTOCOL,
  SOURCE,
  SOURCE_PORT,
  DESTINATION,
  DESTINATION_PORT,
];

const TODAY: readonly SkipField[] = [
  INTERFACE,
  DIRECTION,
  ROUTING_DOMAIN,
  FAMILY,
  PROTOCOL,
  SOURCE,
  DESTINATION,
  SOURCE_PORT,
  DESTINATION_PORT,
];

/** The fields in the order of evaluation. */
export function skipFields(traits: Traits): readonly SkipField[] {
  return traits.routingDomains ? TODAY : CLASSIC;
}

function field(name: string, restriction: (rule: Rule) => string | undefined): SkipField {
  return { name, restriction, value: (rule) => restriction(rule) ?? '' };
}

function interfaceText(rule: Rule): string | undefined {
  if (rule.onAny) return 'any';
  return rule.interface && `${rule.interface.negated ? '!' : ''}${rule.interface.name}`;
}

function portText(port: NumberMatch | undefined): string | undefined {
  return port && `${port.operator} ${port.low} ${port.high}`;
}

function addressField(name: string, side: (rule: Rule) => RuleHost): SkipField {
  return {
    name,
    value: (rule) => hostText(side(rule), rule.family),
    restriction: (rule) => {
      const host = side(rule);
      return isZero(host.address) ? undefined : hostText(host, undefined);
    },
  };
}

function hostText(host: RuleHost, family: Family | undefined): string {
  return `${host.negated ? '!' : ''}${addressText(host.address, family)}`;
}

/** The address as a text that is equal for equal addresses. */
export function addressText(address: RuleAddress, family: Family | undefined): string {
  switch (address.kind) {
    case 'any':
      return 'any';
    case 'prefix':
      return isZero(address) && address.prefix.length === 0
        ? 'any'
        : `${address.prefix.words.join('.')}/${address.prefix.length}`;
    case 'range':
      return `${address.from.words.join('.')}-${address.to.words.join('.')}`;
    case 'dynamic': {
      const { network, broadcast, peer, noAlias, length } = address;
      const flags = [network, broadcast, peer, noAlias].map(Number).join('');
      // The kernel keeps one table for all families; a full length is no restriction.
      const whole = length === undefined || length === addressBits(family === INET ? INET : INET6);
      return `(${address.interface}:${flags}/${whole ? '' : length})`;
    }
    case 'table':
      return `<${address.name}>`;
    case 'route':
      return `route ${address.label}`;
    default:
      return address.kind;
  }
}

function isZero(address: RuleAddress): boolean {
  return address.kind === 'any' || (address.kind === 'prefix' && isUnspecified(address.prefix));
}

/** For each rule the fields that skip more than the next rule: `to` is a rule's number, undefined the end. */
export function skipSteps(
  rules: readonly Rule[],
  traits: Traits,
): readonly (readonly { readonly name: string; readonly to: number | undefined }[])[] {
  const fields = skipFields(traits);
  const targets = fields.map((skip) => fieldTargets(rules.map(skip.value)));
  return rules.map((_, i) =>
    fields.flatMap((skip, f) => {
      const to = targets[f]![i];
      return to === i + 1 ? [] : [{ name: skip.name, to }];
    }),
  );
}

/** For each value the place of the first one behind it that differs. */
function fieldTargets(values: readonly string[]): readonly (number | undefined)[] {
  const targets: (number | undefined)[] = [];
  for (let i = values.length - 1; i >= 0; i--) {
    targets[i] = i + 1 === values.length ? undefined : values[i] === values[i + 1] ? targets[i + 1] : i + 1;
  }
  return targets;
}
