// SPDX-License-Identifier: ISC
//
// The `pfi` recordings: what an interface's name means as pfctl expands it when it reads a rule, and in parentheses, as the kernel does while it runs.

import { INET, INET6, network } from '../../appliance/abi/address.ts';
import { formatPrefix } from '../../appliance/abi/addressText.ts';
import type { Rule } from '../../appliance/abi/rule.ts';
import { InterfaceAddress } from '../../appliance/kernel/link/interface.ts';
import { Interfaces } from '../../appliance/kernel/link/interfaces.ts';
import { Dynamic } from '../../appliance/kernel/pf/dynamic.ts';
import { Kifs } from '../../appliance/kernel/pf/kifs.ts';
import type { Facts } from '../../appliance/user/config/pf/facts.ts';
import { parsePfConf } from '../../appliance/user/config/pf/pfConf.ts';

/** What the recording of this script says: two lines for each name, or with `-q` in front one that compares them. */
export function expandNames(script: string, facts: Facts): string {
  const words = script.split(/\s+/).filter(Boolean);
  const onlyCompares = words[0] === '-q';
  return words
    .slice(onlyCompares ? 1 : 0)
    .map((name) => {
      const inKernel = name.replace(/^([^/]*)/, '($1)');
      const expanded = byPfctl(name, facts).join(' ');
      const kept = byKernel(inKernel, facts).join(' ');
      if (!onlyCompares) return `${name}: ${expanded}\n${inKernel}: ${kept}\n`;
      return expanded === kept
        ? `${name} and ${inKernel} match.\n`
        : `${name} is ${expanded}, ${inKernel} is ${kept}\n`;
    })
    .join('');
}

function byPfctl(name: string, facts: Facts): string[] {
  const prefixes = rulesFrom(name, facts).flatMap(({ source: { address } }) =>
    address.kind === 'prefix' ? [formatPrefix(address.prefix)] : [],
  );
  return [...new Set(prefixes)].sort();
}

function byKernel(name: string, facts: Facts): string[] {
  const [rule] = rulesFrom(name, facts);
  if (rule?.source.address.kind !== 'dynamic') return [`no dynamic address: ${name}`];
  const interfaces = new Interfaces();
  const dynamic = new Dynamic(rule.source.address, interfaces, new Kifs(interfaces));
  attachAll(interfaces, facts);
  const prefixes = ([INET, INET6] as const).flatMap((family) =>
    dynamic
      .entries(family)
      .map(({ words, length }) => formatPrefix(network({ family, words: [...words], length }))),
  );
  return [...new Set(prefixes)].sort();
}

function rulesFrom(name: string, facts: Facts): readonly Rule[] {
  const { rulesets } = parsePfConf(`pass in from ${name}\n`, 'pf.conf', {
    facts,
    dialect: 'openbsd-2008',
    optimization: 'none',
  });
  return rulesets.get('')?.rules ?? [];
}

function attachAll(interfaces: Interfaces, facts: Facts): void {
  for (const [name, { loopback, groups, addresses }] of facts.interfaces) {
    const on = interfaces.attach(name, loopback ? 'loopback' : 'ethernet', { output: () => 0 });
    for (const group of groups) interfaces.setGroup(on, group, true);
    for (const { prefix } of addresses) {
      interfaces.addAddress(on, new InterfaceAddress(prefix.family, [...prefix.words], prefix.length));
    }
  }
}
