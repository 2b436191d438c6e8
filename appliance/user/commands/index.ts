// SPDX-License-Identifier: ISC
//
// The table of commands, loaded when they are first used.

import type { Command, CommandContext } from './command.ts';
import { adviceFor } from './elsewhere.ts';

type Loader = () => Promise<Command>;

/** Commands by name, in the order `help` lists them. */
const COMMANDS: Readonly<Record<string, Loader>> = {
  apply: async () => (await import('./configuration.ts')).apply,
  arp: async () => (await import('./arp.ts')).arp,
  check: async () => (await import('./configuration.ts')).check,
  confirm: async () => (await import('./configuration.ts')).confirm,
  date: async () => (await import('./system.ts')).date,
  diff: async () => (await import('./configuration.ts')).diff,
  dmesg: async () => (await import('./system.ts')).dmesg,
  halt: async () => (await import('./system.ts')).halt,
  help: async () => (await import('./help.ts')).makeHelp(COMMAND_NAMES, findCommand),
  history: async () => (await import('./configuration.ts')).history,
  hostname: async () => (await import('./system.ts')).hostname,
  ifconfig: async () => (await import('./ifconfig.ts')).ifconfig,
  man: async () => (await import('./man.ts')).man,
  ndp: async () => (await import('./ndp.ts')).ndp,
  netstat: async () => (await import('./netstat.ts')).netstat,
  passwd: async () => (await import('./passwd.ts')).passwd,
  pfctl: async () => (await import('./pfctl.ts')).pfctl,
  pftop: async () => (await import('./pftop.ts')).pftop,
  ping: async () => (await import('./ping.ts')).ping,
  ping6: async () => (await import('./ping.ts')).ping6,
  reboot: async () => (await import('./system.ts')).reboot,
  relayctl: async () => (await import('./relayctl.ts')).relayctl,
  relayd: async () => (await import('./relayd.ts')).relayd,
  rollback: async () => (await import('./configuration.ts')).rollback,
  replay: async () => (await import('./replay.ts')).replay,
  route: async () => (await import('./route.ts')).route,
  sysctl: async () => (await import('./sysctl.ts')).sysctl,
  tcpdump: async () => (await import('./tcpdump.ts')).tcpdump,
  traceroute: async () => (await import('./traceroute.ts')).traceroute,
  traceroute6: async () => (await import('./traceroute.ts')).traceroute6,
  uptime: async () => (await import('./system.ts')).uptime,
};

export const COMMAND_NAMES: readonly string[] = Object.keys(COMMANDS);

/** The command of that name; undefined when there is none. */
export function findCommand(name: string): Promise<Command> | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name]!() : undefined;
}

/** Runs `args[0]` with the rest; 127 when there is no such command, as a shell answers. */
export async function runCommand(args: readonly string[], context: CommandContext): Promise<number> {
  const [name = '', ...rest] = args;
  const command = findCommand(name);
  if (command === undefined) {
    context.stderr(`${name}: not found: ${adviceFor(name, COMMAND_NAMES)}\n`);
    return 127;
  }
  return (await command).run(rest, context);
}
