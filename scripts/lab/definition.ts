// SPDX-License-Identifier: ISC
//
// conf/labs/NAME.json: which hosts a lab has, and which segment each of their interfaces is on.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** An appliance of ours, or a plain host: Linux's own TCP/IP in the TAP lab, our stack in the in-process one. */
export type HostKind = 'appliance' | 'host';

export interface HostDefinition {
  readonly name: string;
  readonly kind: HostKind;
  /** Machine directory with `machine.json` and `etc/`, relative to the project. */
  readonly machine: string;
  /** Interface name to segment. */
  readonly interfaces: Readonly<Record<string, string>>;
  /** Runs a web server on port 80. */
  readonly serves: boolean;
}

export interface LabDefinition {
  readonly name: string;
  readonly description: string;
  readonly segments: readonly string[];
  readonly hosts: readonly HostDefinition[];
}

/** Names of the labs there are. */
export function labNames(project: string): string[] {
  return readdirSync(join(project, 'conf/labs'))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length));
}

/** Reads a lab; throws with a sentence for the user when there is none of that name or it contradicts itself. */
export function readLab(project: string, name: string): LabDefinition {
  const file = join(project, 'conf/labs', `${name}.json`);
  if (!/^[\w-]+$/.test(name) || !existsSync(file)) {
    throw new Error(`There is no lab '${name}'. Labs: ${labNames(project).join(', ')}.`);
  }
  const json = JSON.parse(readFileSync(file, 'utf8')) as {
    description: string;
    segments: string[];
    hosts: Record<string, Omit<HostDefinition, 'name' | 'serves'> & { serves?: boolean }>;
  };
  const hosts = Object.entries(json.hosts).map(([host, definition]) => ({
    ...definition,
    name: host,
    serves: definition.serves ?? false,
  }));
  for (const host of hosts) {
    for (const [vr, segment] of Object.entries(host.interfaces)) {
      if (!json.segments.includes(segment)) {
        throw new Error(
          `${file}: ${host.name} ${vr} is on segment '${segment}', which the lab does not have.`,
        );
      }
    }
  }
  return { name, description: json.description, segments: json.segments, hosts };
}
