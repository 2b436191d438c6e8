// SPDX-License-Identifier: ISC
//
// From the text of a relayd.conf(5) to a configuration, with the files that it includes and the names that the machine
// knows; or every mistake in it. relayd reads its file this way, and `relayd -n` checks one.

import type { KernelClient } from '../../abi/client.ts';
import { parseHosts } from '../config/hosts.ts';
import { Diagnostics, explainDiagnostic } from '../config/pf/diagnostics.ts';
import { bareFacts, type Facts, factsOfInterfaces } from '../config/pf/facts.ts';
import { buildConfiguration, type Configuration } from '../config/relayd/configuration.ts';
import { loadRelaydConf } from '../config/relayd/relaydConf.ts';
import { missingCertificates } from './certificates.ts';

/** What is wrong with a file: lines of `file:line: reason`. */
export class ConfigurationError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigurationError';
    this.problems = problems;
  }
}

export interface LoadParts {
  readonly text: string;
  /** What messages call it. */
  readonly file: string;
  /** Reads what the file includes, and /etc/hosts. */
  readonly readFile: (path: string) => Promise<string>;
  /** Whose interfaces names may stand for; absent: a bare machine. */
  readonly kernel?: KernelClient;
  readonly macros?: Readonly<Record<string, string>>;
}

export interface LoadedConfiguration {
  readonly conf: Configuration;
  /** What does not prevent the use of the file. */
  readonly warnings: readonly string[];
  readonly unusedMacros: readonly string[];
}

const HOSTS_FILE = '/etc/hosts';

/** Rejects with ConfigurationError for a file that is wrong. */
export async function loadConfiguration(parts: LoadParts): Promise<LoadedConfiguration> {
  const facts = await factsOf(parts);
  const { text, file, macros } = parts;
  const parsed = await loadRelaydConf(text, file, parts.readFile, { facts, ...(macros && { macros }) });
  const problems = parsed.diagnostics.filter((one) => !one.warning).map(explainDiagnostic);
  if (parsed.errors > 0) throw new ConfigurationError(problems);
  const diagnostics = new Diagnostics();
  const conf = buildConfiguration(parsed.conf, facts, diagnostics);
  if (diagnostics.errors > 0) {
    throw new ConfigurationError(
      diagnostics.list.map((one) => (one.place ? explainDiagnostic(one) : `${file}: ${one.text}`)),
    );
  }
  const warnings = await missingCertificates(parsed.conf, parts.readFile);
  return { conf, warnings, unusedMacros: parsed.unusedMacros };
}

async function factsOf({ kernel, readFile }: LoadParts): Promise<Facts> {
  const facts =
    kernel === undefined ? bareFacts() : factsOfInterfaces(await kernel.call('interface.list', {}));
  const text = await readFile(HOSTS_FILE).catch((error: { code?: string }) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return { ...facts, hosts: new Map([...facts.hosts, ...parseHosts(text)]) };
}
