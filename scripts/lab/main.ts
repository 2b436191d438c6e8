// SPDX-License-Identifier: ISC
//
// npm run lab -- NAME [up | down | exec HOST COMMAND…], and npm start (lab dsr, report, prompt).

import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LabDefinition, readLab } from './definition.ts';
import { demonstrate } from './demo.ts';
import { InProcessNetwork } from './inProcessNetwork.ts';
import type { Network } from './network.ts';
import { IN_USER_NAMESPACE, missingProgram, NO_PRIVILEGE, noTap, privilege } from './requirements.ts';
import { identify, isAlive, type LabRecord, LabStore } from './store.ts';
import { TapNetwork } from './tapNetwork.ts';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const USAGE = `usage: npm run lab -- NAME [up]
       npm run lab -- NAME exec HOST COMMAND [ARGUMENT ...]
       npm run lab -- NAME down
       npm start [-- --in-process]
`;

const store = new LabStore(PROJECT);
const say = (line: string) => process.stdout.write(`${line}\n`);

/** Something the user can mend; its message is all that is shown. */
class Complaint extends Error {}

async function main(args: readonly string[]): Promise<number> {
  const [name, verb = 'up', ...rest] = args;
  if (name === undefined) throw new Complaint(USAGE);
  switch (verb) {
    case 'up':
      return up(readLab(PROJECT, name));
    case 'keep':
      return keep(readLab(PROJECT, name));
    case 'exec':
      return execute(name, rest);
    case 'down':
      return down(name);
    case 'demo':
      return demo(readLab(PROJECT, name), rest.includes('--in-process'));
    default:
      throw new Complaint(USAGE);
  }
}

/** Runs this program again inside a user namespace of its own, as its root; signals go on to it, and it ends with us. */
function inUserNamespace(): Promise<number> {
  const dies = ['setpriv', '--pdeathsig', 'KILL', '--'];
  const again = [process.execPath, ...process.argv.slice(1)];
  const child = spawn('unshare', ['--user', '--map-root-user', '--net', '--', ...dies, ...again], {
    stdio: 'inherit',
    detached: false,
    env: { ...process.env, [IN_USER_NAMESPACE]: '1' },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 128));
  });
}

/** Checks that a lab on TAPs can be had; answers how, or complains in a sentence that says what to do. */
function requireTaps(): 'enough' | 'with user namespace' {
  const missing = missingProgram() ?? noTap();
  if (missing !== undefined) throw new Complaint(missing);
  const found = privilege();
  if (found === 'none') throw new Complaint(NO_PRIVILEGE);
  return found;
}

/** Starts a keeper in the background and waits until the lab is up. */
async function up(lab: LabDefinition): Promise<number> {
  requireTaps();
  const script = process.argv[1]!;
  const out = join(PROJECT, '.lab');
  const child = spawn(process.execPath, [script, lab.name, 'keep'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr!.pipe(process.stderr);
  let printed = '';
  child.stdout!.setEncoding('utf8');
  const isUp = await new Promise<boolean>((resolve) => {
    child.stdout!.on('data', (text: string) => {
      process.stdout.write(text.replace(/^LAB UP\n/m, ''));
      printed += text;
      if (printed.includes('LAB UP\n')) resolve(true);
    });
    child.once('exit', () => resolve(false));
  });
  if (!isUp) return 1;
  child.stdout!.destroy();
  child.stderr!.destroy();
  child.unref();
  say(`lab ${lab.name} is up; its folder is below ${out}`);
  say(`  npm run lab -- ${lab.name} exec ${lab.hosts[0]!.name} ip address`);
  say(`  npm run lab -- ${lab.name} down`);
  return 0;
}

/** Holds a lab up until SIGTERM; runs in the background. */
async function keep(lab: LabDefinition): Promise<number> {
  if (requireTaps() === 'with user namespace') return inUserNamespace();
  const directory = store.create(lab.name);
  const ended = untilSignal();
  // The one who started us may go away; what is printed afterwards is nobody's.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  try {
    const network = await TapNetwork.up(lab, { project: PROJECT, directory }, say);
    store.write(directory, record(lab, network));
    say('LAB UP');
    await ended;
    await network.down();
  } finally {
    store.remove(directory);
  }
  return 0;
}

function record(lab: LabDefinition, network: TapNetwork): LabRecord {
  return {
    name: lab.name,
    keeper: identify(process.pid)!,
    userNamespace: process.env[IN_USER_NAMESPACE] === '1',
    ...network.describe(),
  } as LabRecord;
}

function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => resolve(signal));
  });
}

function only(name: string): LabRecord {
  const found = store.find(name);
  if (found.length === 0) throw new Complaint(`No lab '${name}' is up (npm run lab -- ${name}).`);
  return found.at(-1)!;
}

/** On a host: a program in its namespace. On an appliance: one of its commands. */
function execute(name: string, args: readonly string[]): number {
  const [hostName, ...command] = args;
  const lab = only(name);
  const host = lab.hosts[hostName ?? ''];
  if (host === undefined || command.length === 0) {
    throw new Complaint(`${USAGE}hosts of ${name}: ${Object.keys(lab.hosts).join(', ')}`);
  }
  const outside = lab.userNamespace ? ['--user', '--preserve-credentials'] : [];
  const words =
    host.machine === undefined
      ? ['nsenter', '--target', String(host.pid), ...outside, '--net', '--', ...command]
      : [join(PROJECT, 'scripts/rhine'), '-M', host.machine, ...command];
  const result = spawnSync(words[0]!, words.slice(1), { stdio: 'inherit' });
  return result.status ?? 128;
}

async function down(name: string): Promise<number> {
  const labs = store.find(name);
  if (labs.length === 0) throw new Complaint(`No lab '${name}' is up.`);
  for (const lab of labs) {
    process.kill(lab.keeper.pid, 'SIGTERM');
    for (let waited = 0; isAlive(lab.keeper) && waited < 200; waited++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    if (isAlive(lab.keeper)) process.kill(lab.keeper.pid, 'SIGKILL');
    say(`lab ${lab.name}-${lab.keeper.pid} is down`);
  }
  return 0;
}

/** npm start: the lab, its report, and on a terminal a prompt. */
async function demo(lab: LabDefinition, inProcess: boolean): Promise<number> {
  let reason = inProcess ? 'as asked for' : undefined;
  if (!inProcess) {
    const missing = missingProgram();
    if (missing !== undefined) {
      throw new Complaint(
        `${missing}\nWithout it: npm start -- --in-process runs the same network inside one process.`,
      );
    }
    reason = noTap();
    if (reason === undefined) {
      const found = privilege();
      if (found === 'with user namespace') return inUserNamespace();
      if (found === 'none') reason = NO_PRIVILEGE;
    }
  }
  const directory = store.create(lab.name);
  let network: Network | undefined;
  const finish = async (): Promise<void> => {
    await network?.down();
    store.remove(directory);
  };
  const interrupted = untilSignal().then((signal) => ({ signal }));
  const work = async (): Promise<number> => {
    if (reason === undefined) {
      const taps = await TapNetwork.up(lab, { project: PROJECT, directory }, say);
      network = taps;
      store.write(directory, record(lab, taps));
      return demonstrate(taps, lab, say);
    }
    say(`in-process network: ${reason}`);
    const inside = await InProcessNetwork.up(lab, { project: PROJECT, directory }, say);
    network = inside;
    return demonstrate(inside, lab, say);
  };
  try {
    const result = await Promise.race([work(), interrupted]);
    if (typeof result === 'number') return result;
    say(`\n${result.signal}: taking the lab down`);
    return 128 + (result.signal === 'SIGINT' ? 2 : 15);
  } finally {
    await finish();
  }
}

main(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error: Error) => {
    process.stderr.write(`${error instanceof Complaint ? error.message : (error.stack ?? error.message)}\n`);
    process.exit(1);
  },
);
