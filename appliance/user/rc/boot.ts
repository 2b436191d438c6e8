// SPDX-License-Identifier: ISC
//
// rc(8) and netstart(8): sets the machine up from its files. What is wrong is said with file, line and reason; the boot goes on.

import { INET6 } from '../../abi/address.ts';
import type { KernelClient } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import type { Files } from '../commands/command.ts';
import { type HostnameLine, parseHostnameIf } from '../config/hostnameIf.ts';
import { ConfigError } from '../config/lines.ts';
import { parseMygate } from '../config/mygate.ts';
import { parseRcConf, RcConf } from '../config/rcConf.ts';
import { parseSysctlConf } from '../config/sysctlConf.ts';

/** The filter until pf.conf is loaded, and for good when pf.conf is wrong: nobody gets in, the machine finds its way. */
export const BOOT_RULESET = `block all
pass on lo0
pass out proto { tcp, udp } from any to any port domain
pass out inet proto icmp all icmp-type echoreq
pass out inet6 proto icmp6 all icmp6-type echoreq
pass inet6 proto icmp6 all icmp6-type { neighbrsol, neighbradv, routersol, routeradv }
pass proto carp
pass proto pfsync
`;

export interface BootParts {
  readonly kernel: KernelClient;
  readonly files: Files;
  /** A line of the boot log. */
  readonly say: (line: string) => void;
  readonly complain: (line: string) => void;
  /** Runs a rhine command; answers its exit status. What it prints is shown. */
  readonly command: (args: readonly string[], stdin?: string) => Promise<number>;
  readonly wait: (milliseconds: number) => Promise<void>;
  /** Starts a daemon; rejects with a sentence when it cannot. */
  readonly daemon: (name: string, flags: string) => Promise<void>;
  /** Takes back the states that were saved when the machine was last ended; absent where none can be. */
  readonly restoreStates?: () => Promise<void>;
  /** Milliseconds of a clock; absent: nobody asks how long the steps take. */
  readonly now?: () => number;
}

/** Duplicate address detection takes a second; addresses that are not through by then are left to it, as netstart(8) does. */
const DETECTION_STEP = 100;
const DETECTION_STEPS = 40;

/** How much a machine that boots is demoted. */
const BOOTING = 128;

/** Daemons in the order they are started. */
export const DAEMONS = ['pflogd', 'relayd'];

/** Boots from the files of `etc/`. Resolves when every daemon runs (or has said why not). */
export async function boot(parts: BootParts): Promise<void> {
  const rcConf = await readRcConf(parts);
  const filter = rcConf.isOn('pf') && (await parts.files.exists('/etc/pf.conf'));
  const steps = new Steps(parts.now);
  if (filter) await startFilter(parts);
  await setSysctls(parts);
  steps.end('settings');
  parts.say('starting network');
  // Nobody is to make this machine master before it can do the work.
  await demote(parts, BOOTING);
  await startNetwork(parts);
  steps.end('network');
  if (filter) {
    await loadFilter(parts);
    if (rcConf.isOn('savestates')) await parts.restoreStates?.();
    // As rc(8) does for pflogd(8), which writes what `log` rules see.
    await ensureExists(parts, 'pflog0');
    steps.end('pf');
  }
  // Packets are forwarded from here on; only what speaks for itself needs addresses that are through.
  await untilDetected(parts);
  steps.end('address detection');
  await startDaemons(parts, rcConf, filter);
  await demote(parts, -BOOTING);
  steps.end('daemons');
  if (steps.text !== '') parts.say(`rc: ${steps.text}`);
}

/** How long the steps of a boot take. */
class Steps {
  /** `network 31 ms, pf 24 ms`. */
  text = '';
  private readonly now: BootParts['now'];
  private begun = 0;

  constructor(now: BootParts['now']) {
    this.now = now;
    this.begun = now?.() ?? 0;
  }

  /** What went on since the last step ended was this. */
  end(name: string): void {
    if (this.now === undefined) return;
    const now = this.now();
    this.text += `${this.text === '' ? '' : ', '}${name} ${Math.round(now - this.begun)} ms`;
    this.begun = now;
  }
}

/** As rc(8): `ifconfig -g carp carpdemote 128` while it boots. */
async function demote(parts: BootParts, amount: number): Promise<void> {
  await parts.kernel.call('group.demote', { group: 'carp', amount });
}

async function readRcConf(parts: BootParts): Promise<RcConf> {
  const file = '/etc/rc.conf.local';
  if (!(await parts.files.exists(file))) return new RcConf({});
  try {
    return parseRcConf(await parts.files.read(file), file);
  } catch (error) {
    complain(parts, error);
    return new RcConf({});
  }
}

/** The boot ruleset first, then pf on: there is no moment without a filter. */
async function startFilter(parts: BootParts): Promise<void> {
  if ((await parts.command(['pfctl', '-f', '-'], BOOT_RULESET)) !== 0) {
    parts.complain('pf: the boot ruleset could not be loaded');
  }
  if ((await parts.command(['pfctl', '-q', '-e'])) === 0) parts.say('pf enabled');
}

async function loadFilter(parts: BootParts): Promise<void> {
  if ((await parts.command(['pfctl', '--hints', '-f', '/etc/pf.conf'])) === 0) return;
  parts.complain('pf: /etc/pf.conf is wrong; the boot ruleset stays (mend it, then: pfctl -f /etc/pf.conf)');
}

async function setSysctls(parts: BootParts): Promise<void> {
  const file = '/etc/sysctl.conf';
  if (!(await parts.files.exists(file))) return;
  const { settings, errors } = parseSysctlConf(await parts.files.read(file), file);
  for (const error of errors) complain(parts, error);
  for (const { name, value, line } of settings) {
    try {
      const { previous } = await parts.kernel.call('sysctl.set', { name, value });
      parts.say(`${name}: ${previous} -> ${value}`);
    } catch (error) {
      complain(parts, error, `${file}:${line}`);
    }
  }
}

/** Interfaces in the order of netstart(8): lo0 first, Ethernet next, what stands on others last; then the default routes. */
async function startNetwork(parts: BootParts): Promise<void> {
  const names = (await parts.files.list('/etc'))
    .flatMap((file) => (file.startsWith('hostname.') ? [file.slice('hostname.'.length)] : []))
    .sort((a, b) => orderOf(a) - orderOf(b) || a.localeCompare(b, 'en', { numeric: true }));
  for (const name of names) await startInterface(parts, name);
  await setGateways(parts);
}

/** Daemons need addresses that they can use: waits for those that are tentative, on links that are there (RFC 4862 5.4). */
export async function untilDetected(parts: BootParts): Promise<void> {
  for (let step = 0; step < DETECTION_STEPS; step++) {
    const interfaces = await parts.kernel.call('interface.list', {});
    const usable = interfaces.filter((on) => on.link !== 'no carrier');
    if (!usable.some((on) => on.addresses.some((address) => address.state === 'tentative'))) return;
    await parts.wait(DETECTION_STEP);
  }
}

export function orderOf(name: string): number {
  if (name === 'lo0') return 0;
  return /^(vlan|carp|pfsync|pflog|lo)\d/.test(name) ? 2 : 1;
}

async function startInterface(parts: BootParts, name: string): Promise<void> {
  const file = `/etc/hostname.${name}`;
  try {
    await ensureExists(parts, name);
    await setSyncKey(parts, name);
    const { lines, errors } = parseHostnameIf(await parts.files.read(file), file);
    for (const error of errors) complain(parts, error);
    for (const line of lines) {
      try {
        await applyLine(parts, name, line);
      } catch (error) {
        complain(parts, error, `${file}:${line.line}`);
      }
    }
  } catch (error) {
    complain(parts, error, file);
  }
}

const SYNC_KEY = '/etc/pfsync.key';

/** pfsync is sealed where there is a key. Throws when it is unfit: states are not told in the clear then. */
export async function setSyncKey(
  { files, command }: Pick<BootParts, 'files' | 'command'>,
  name: string,
): Promise<void> {
  if (!name.startsWith('pfsync')) return;
  const words = (await files.exists(SYNC_KEY)) ? ['synckey', SYNC_KEY] : ['-synckey'];
  if ((await command(['ifconfig', name, ...words])) === 0) return;
  throw new ConfigError(SYNC_KEY, 0, `${name} stays down without its key`);
}

/** Makes a cloned interface that is not there yet; one without a device is a mistake in the file's name. */
export async function ensureExists(parts: BootParts, name: string): Promise<void> {
  const interfaces = await parts.kernel.call('interface.list', {});
  if (interfaces.some((on) => on.name === name)) return;
  await parts.kernel.call('interface.create', { name });
}

async function applyLine(parts: BootParts, name: string, line: HostnameLine): Promise<void> {
  switch (line.kind) {
    case 'address':
      // The address last, as ifconfig(8) does: a carp interface needs its parent first.
      if (line.rest.length > 0) await parts.command(['ifconfig', name, ...line.rest]);
      await parts.kernel.call('interface.addAddress', {
        name,
        address: line.address,
        alias: line.alias || line.address.family === INET6,
      });
      return;
    case 'options':
      await parts.command(['ifconfig', name, ...line.words]);
      return;
    case 'command':
      await parts.command(line.command.replaceAll('\\$if', name).split(/\s+/));
      return;
  }
}

async function setGateways(parts: BootParts): Promise<void> {
  const file = '/etc/mygate';
  if (!(await parts.files.exists(file))) return;
  try {
    for (const { address: gateway, zone } of parseMygate(await parts.files.read(file), file)) {
      const destination = { family: gateway.family, words: gateway.words.map(() => 0), length: 0 };
      await parts.kernel.call('route.add', {
        destination,
        gateway,
        ...(zone === undefined ? {} : { interface: zone }),
      });
    }
  } catch (error) {
    complain(parts, error, file);
  }
}

/** The flags a daemon is started with; undefined when it is not: pflogd(8) has nothing to do without a filter. */
export function daemonFlags(name: string, rcConf: RcConf, filter: boolean): string | undefined {
  return name === 'pflogd' && !filter ? undefined : rcConf.flags(name);
}

async function startDaemons(parts: BootParts, rcConf: RcConf, filter: boolean): Promise<void> {
  const started: string[] = [];
  for (const name of DAEMONS) {
    const flags = daemonFlags(name, rcConf, filter);
    if (flags === undefined) continue;
    try {
      await parts.daemon(name, flags);
      started.push(name);
    } catch (error) {
      parts.complain(`${name}: ${(error as Error).message}`);
    }
  }
  if (started.length > 0) parts.say(`starting network daemons: ${started.join(' ')}.`);
}

/** Says a mistake with its place. What is neither a mistake of the user's nor a refusal of the kernel's is a defect of ours. */
function complain(parts: BootParts, error: unknown, place?: string): void {
  if (error instanceof ConfigError) return parts.complain(error.message);
  if (error instanceof CallError)
    return parts.complain(place === undefined ? error.message : `${place}: ${error.message}`);
  throw error;
}
