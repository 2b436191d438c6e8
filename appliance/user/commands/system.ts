// SPDX-License-Identifier: ISC
//
// Commands about the machine itself: date(1), dmesg(8), halt(8), reboot(8), hostname(1), uptime(1).

import type { Command, CommandContext, MachineInfo } from './command.ts';
import { command, Failure, kernelOf, UsageError } from './failure.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function machineOf(context: CommandContext): MachineInfo {
  if (context.machine === undefined) throw new Failure('no running machine (name one with -M DIR)');
  return context.machine;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}

/** `Mon Nov 23 08:00:00 UTC 2026`. */
export function formatDate(milliseconds: number): string {
  const time = new Date(milliseconds);
  const clock = `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`;
  const day = String(time.getUTCDate()).padStart(2);
  return `${DAYS[time.getUTCDay()]} ${MONTHS[time.getUTCMonth()]} ${day} ${clock} UTC ${time.getUTCFullYear()}`;
}

export const date: Command = command('date', 'date', 'print the date and time', async (_args, context) => {
  context.stdout(`${formatDate(context.clock.now())}\n`);
  return 0;
});

export const dmesg: Command = command(
  'dmesg',
  'dmesg',
  'print the messages of the boot and since',
  async (_args, context) => {
    context.stdout(
      machineOf(context)
        .messages()
        .map((line) => `${line}\n`)
        .join(''),
    );
    return 0;
  },
);

export const hostname: Command = command(
  'hostname',
  'hostname',
  'print the name of the machine',
  async (_args, context) => {
    context.stdout(`${machineOf(context).name}\n`);
    return 0;
  },
);

export const uptime: Command = command(
  'uptime',
  'uptime',
  'print how long the machine has been up',
  async (_args, context) => {
    const { uptime: seconds } = await kernelOf(context).call('system.time', {});
    const time = new Date(context.clock.now());
    const days = Math.floor(seconds / 86_400);
    const hours = Math.floor(seconds / 3600) % 24;
    const minutes = Math.floor(seconds / 60) % 60;
    const dayText = days === 0 ? '' : `${days} day${days === 1 ? '' : 's'}, `;
    const clock =
      hours === 0
        ? `${minutes} min${minutes === 1 ? '' : 's'}`
        : `${String(hours).padStart(2)}:${two(minutes)}`;
    context.stdout(` ${two(time.getUTCHours())}:${two(time.getUTCMinutes())}  up ${dayText}${clock}\n`);
    return 0;
  },
);

function ending(name: string, summary: string, isReboot: boolean): Command {
  return command(name, name, summary, async (args, context) => {
    if (args.length > 0) throw new UsageError('');
    const machine = machineOf(context);
    if (isReboot && !(await mayReboot(machine, context))) return 1;
    machine.halt(isReboot);
    return 0;
  });
}

/** A boot takes what etc/ holds: whoever has edited it and can be asked is told first. */
async function mayReboot({ configuration }: MachineInfo, { ask, stderr }: CommandContext): Promise<boolean> {
  if (ask === undefined || configuration === undefined || !(await configuration.isEdited())) return true;
  const { problems } = await configuration.plan();
  for (const line of problems) stderr(`${line}\n`);
  stderr(
    'etc/ has changes that were never applied, and the machine boots with them: apply -n shows what they do\n',
  );
  const answer = await ask('reboot all the same? [no] ');
  if (/^y(es)?$/i.test(answer?.trim() ?? '')) return true;
  stderr('not rebooted\n');
  return false;
}

export const halt: Command = ending('halt', 'end the machine in order', false);
export const reboot: Command = ending('reboot', 'end the machine in order and boot it again', true);
