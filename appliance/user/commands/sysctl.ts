// SPDX-License-Identifier: ISC
//
// sysctl(8): shows and sets the kernel's settings.

import { SYSCTLS, type SysctlName } from '../../abi/system.ts';
import { isSysctlName } from '../config/sysctlConf.ts';
import type { Command, CommandContext } from './command.ts';
import { command, Failure, kernelOf, UsageError } from './failure.ts';

export const sysctl: Command = {
  ...command(
    'sysctl',
    'sysctl [-nq] [--json] [name[=value] ...]',
    'show or set kernel settings',
    async (args, context) => {
      const flags = args.filter((arg) => arg.startsWith('-'));
      const unknown = flags.find((flag) => !/^(-[anqw]+|--json)$/.test(flag));
      if (unknown !== undefined) throw new UsageError(`unknown option ${unknown}`);
      const has = (letter: string) => flags.some((flag) => /^-[a-z]+$/.test(flag) && flag.includes(letter));
      const names = args.filter((arg) => !arg.startsWith('-'));
      if (flags.includes('--json')) return json(names, context);
      if (names.length === 0) return show('', has('n'), context);
      for (const argument of names) {
        const [name, value] = argument.split('=', 2) as [string, string?];
        if (value === undefined) await show(name, has('n'), context);
        else await set(name, value, has('q'), context);
      }
      return 0;
    },
  ),
  values: { name: Object.keys(SYSCTLS) },
};

function known(name: string): SysctlName {
  if (isSysctlName(name)) return name;
  throw new Failure(`second level name in ${name} is invalid`);
}

/** One setting, or all that begin with `prefix`. */
async function show(prefix: string, valueOnly: boolean, context: CommandContext): Promise<number> {
  const all = Object.entries(await kernelOf(context).call('sysctl.get', {}));
  const chosen = all.filter(([name]) => prefix === '' || name === prefix || name.startsWith(`${prefix}.`));
  if (chosen.length === 0) known(prefix);
  for (const [name, value] of chosen) context.stdout(valueOnly ? `${value}\n` : `${name}=${value}\n`);
  return 0;
}

async function set(name: string, text: string, quiet: boolean, context: CommandContext): Promise<void> {
  if (!/^\d+$/.test(text)) throw new Failure(`${name}: ${text} is not a number`);
  const { previous } = await kernelOf(context).call('sysctl.set', { name: known(name), value: Number(text) });
  if (!quiet) context.stdout(`${name}: ${previous} -> ${text}\n`);
}

async function json(names: readonly string[], context: CommandContext): Promise<number> {
  const all = await kernelOf(context).call('sysctl.get', {});
  const chosen = names.length === 0 ? all : Object.fromEntries(names.map((name) => [name, all[known(name)]]));
  context.stdout(`${JSON.stringify(chosen)}\n`);
  return 0;
}
