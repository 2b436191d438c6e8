// SPDX-License-Identifier: ISC
//
// A lab host on Linux's own TCP/IP, configured from the same files as an appliance: hostname.IF, mygate.

import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatAddress, formatPrefix } from '../../appliance/abi/addressText.ts';
import { parseHostnameIf } from '../../appliance/user/config/hostnameIf.ts';
import { parseMygate } from '../../appliance/user/config/mygate.ts';
import type { Namespace } from './namespace.ts';

const WEB_SERVER = fileURLToPath(new URL('webServer.js', import.meta.url));

/**
 * A service address on lo0 must be silent: Linux would answer ARP for any of its addresses on any interface, and would
 * use the service address as sender of its own ARP requests.
 */
const SETTINGS: Readonly<Record<string, number>> = {
  'net/ipv4/conf/all/arp_ignore': 1,
  'net/ipv4/conf/all/arp_announce': 2,
  'net/ipv4/conf/all/rp_filter': 0,
  'net/ipv6/conf/all/accept_ra': 0,
  'net/ipv6/conf/default/accept_ra': 0,
  'net/ipv6/conf/all/accept_dad': 0,
  'net/ipv6/conf/default/accept_dad': 0,
};

/** Sets addresses and default routes as the files of the machine directory say. */
export async function configureHost(namespace: Namespace, machine: string): Promise<void> {
  const etc = join(machine, 'etc');
  const settings = Object.entries(SETTINGS).map(([name, value]) => `echo ${value} > /proc/sys/${name}`);
  await namespace.must(['sh', '-e', '-c', settings.join('\n')]);
  const batch: string[] = [];
  for (const file of readdirSync(etc).filter((name) => name.startsWith('hostname.'))) {
    const vr = file.slice('hostname.'.length);
    batch.push(`link set ${vr} up`);
    batch.push(...addressCommands(vr, readFileSync(join(etc, file), 'utf8'), join(etc, file)));
  }
  const mygate = join(etc, 'mygate');
  if (existsSync(mygate)) {
    for (const { address, zone } of parseMygate(readFileSync(mygate, 'utf8'), mygate)) {
      const on = zone === undefined ? '' : ` dev ${zone}`;
      batch.push(`route add default via ${formatAddress(address)}${on}`);
    }
  }
  await namespace.must(['ip', '-batch', '-'], `${batch.join('\n')}\n`);
}

/** hostname.if as ip(8) commands; `!ifconfig lo0 alias …` lines give the loopback its service addresses. */
function addressCommands(vr: string, text: string, file: string): string[] {
  const commands: string[] = [];
  const { lines, errors } = parseHostnameIf(text, file);
  if (errors[0] !== undefined) throw errors[0];
  for (const line of lines) {
    if (line.kind === 'address') {
      commands.push(`address add ${formatPrefix(line.address)} dev ${vr}`);
    } else if (line.kind === 'command') {
      const loopback = /^ifconfig lo0 (?:inet6? )?alias (\S+)$/.exec(line.command);
      if (loopback === null) throw new Error(`${file}: a Linux host of a lab cannot run '!${line.command}'.`);
      commands.push(`address add ${loopback[1]} dev lo`);
    }
  }
  return commands;
}

/** nginx where it is installed, else our own small server; the page is the host's name. Answers when it listens. */
export async function startWebServer(
  namespace: Namespace,
  host: string,
  directory: string,
): Promise<ChildProcess> {
  const nginx = (await namespace.run(['sh', '-c', 'command -v nginx'])).stdout.trim();
  if (nginx === '') {
    const server = namespace.start([process.execPath, WEB_SERVER, '80', `${host}\n`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise<void>((resolve, reject) => {
      server.stdout!.once('data', () => resolve());
      server.once('exit', (code) => reject(new Error(`the web server of ${host} ended with ${code}`)));
    });
    return server;
  }
  mkdirSync(join(directory, 'www'), { recursive: true });
  mkdirSync(join(directory, 'tmp'), { recursive: true });
  writeFileSync(join(directory, 'www/index.html'), `${host}\n`);
  writeFileSync(join(directory, 'nginx.conf'), nginxConfiguration(directory));
  const server = namespace.start(
    [nginx, '-e', 'stderr', '-p', directory, '-c', join(directory, 'nginx.conf')],
    {
      stdio: ['ignore', 'ignore', 'ignore'],
    },
  );
  await untilListening(namespace, server, host);
  return server;
}

async function untilListening(namespace: Namespace, server: ChildProcess, host: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (server.exitCode !== null) throw new Error(`nginx of ${host} ended with status ${server.exitCode}`);
    const sockets = await namespace.must(['ss', '-Hltn', 'sport = :80']);
    if (sockets !== '') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nginx of ${host} does not listen on port 80`);
}

function nginxConfiguration(directory: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${directory}/tmp/${name};`)
    .join('\n');
  // Root here may be root of a user namespace only, which knows no other user to give files to.
  return `user root;
daemon off;
master_process off;
worker_rlimit_nofile 4096;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events { worker_connections 2048; }
http {
  access_log ${directory}/access.log;
  # A connection ends when its client ends it.
  keepalive_requests 1000000000;
  keepalive_timeout 1d;
${temporary}
  server {
    listen 80;
    listen [::]:80;
    root ${directory}/www;
  }
}
`;
}
