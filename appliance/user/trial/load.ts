// SPDX-License-Identifier: ISC
//
// Loads a pf.conf from a file into a trial, whatever was loaded there.

import type { PacketTrial } from '../../abi/judgement.ts';
import type { Dialect } from '../../abi/rule.ts';
import type { Files } from '../commands/command.ts';
import { formatDiagnostic } from '../config/pf/diagnostics.ts';
import { refusedEtherRule } from '../config/pf/etherRule.ts';
import { fileProblem, loadPfConf } from '../config/pf/loadPfConf.ts';
import { type ParseOptions, pfLoadOf } from '../config/pf/pfConf.ts';

/** A ruleset that cannot be loaded: every mistake of the file, `file:line: reason`. */
export class RulesetError extends Error {}

/** Answers the dialect it was read in; rejects with a RulesetError. */
export async function loadTrial(
  trial: PacketTrial,
  file: string,
  files: Files,
  options: ParseOptions,
): Promise<Dialect> {
  const text = await files.read(file).catch((error: unknown) => {
    throw new RulesetError(`${file}: ${fileProblem(error)}`);
  });
  const { configurations, problem } = await loadPfConf(text, file, (path) => files.read(path), options);
  const mistakes = configurations.filter((one) => one.errors > 0).flatMap((one) => one.diagnostics);
  if (problem !== undefined) throw new RulesetError(problem);
  if (mistakes.length > 0) throw new RulesetError(mistakes.map(formatDiagnostic).join('\n'));
  const refused = refusedEtherRule(configurations);
  if (refused !== undefined) throw new RulesetError(refused);
  const { kernel } = trial;
  await kernel.call('pf.load', pfLoadOf(configurations, true));
  if (!(await kernel.call('pf.status', {})).enabled) await kernel.call('pf.enable', {});
  return configurations[0]!.dialect;
}
