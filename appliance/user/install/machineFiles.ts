// SPDX-License-Identifier: ISC
//
// The files of a new machine, from the installer's answers.

import { addressBits, contains, INET, type Prefix, sameAddress } from '../../abi/address.ts';
import { formatAddress } from '../../abi/addressText.ts';
import { formatUsers } from '../users/masterPasswd.ts';
import type { Answers, BalancerAnswers, InterfaceAnswers, PairAnswers, RouterAnswers } from './answers.ts';

/** Paths below the machine's directory, and their texts. `hash` is that of root's password; absent: nobody logs in. */
export function machineFiles(answers: Answers, hash: string | undefined): Readonly<Record<string, string>> {
  const { name, interfaces, gateways, role } = answers;
  const files: Record<string, string> = {
    'machine.json': machineJson(name, interfaces),
    'etc/myname': `${name}\n`,
    'etc/pf.conf': pfConf(answers),
    'etc/sysctl.conf': sysctlConf(role.kind),
  };
  for (const one of interfaces) files[`etc/hostname.${one.name}`] = hostnameIf(one) + serviceAlias(role, one);
  if (gateways.length > 0) files['etc/mygate'] = gateways.map((one) => `${formatAddress(one)}\n`).join('');
  if (role.kind === 'load balancer') {
    files['etc/relayd.conf'] = relaydConf(role);
    files['etc/rc.conf.local'] = 'relayd_flags=""\n';
  }
  if (role.kind === 'pair member') {
    files['etc/hostname.carp0'] = hostnameCarp(role);
    files['etc/hostname.pfsync0'] = `up syncdev ${role.sync}\n`;
  }
  if (hash !== undefined) files['etc/master.passwd'] = formatUsers(new Map([['root', hash]]));
  return files;
}

function machineJson(name: string, interfaces: readonly InterfaceAnswers[]): string {
  const entries = interfaces.map(({ name: vr, bridge }) => [vr, bridge === undefined ? {} : { bridge }]);
  return `${JSON.stringify({ name, interfaces: Object.fromEntries(entries) }, undefined, 2)}\n`;
}

function hostnameIf({ addresses }: InterfaceAnswers): string {
  return addresses.length === 0 ? 'up\n' : addresses.map((one) => `${addressLine(one)}\n`).join('');
}

/** The service's address, where it is one of this interface's network that nobody has yet: without it nobody would answer for it. */
function serviceAlias(role: Answers['role'], { addresses }: InterfaceAnswers): string {
  if (role.kind !== 'load balancer') return '';
  const { service } = role;
  const isOwn = addresses.some((one) => sameAddress(one, service));
  if (isOwn || !addresses.some((one) => contains(one, service))) return '';
  const family = service.family === INET ? 'inet' : 'inet6';
  return `${family} alias ${formatAddress(service)}/${addressBits(service.family)}\n`;
}

function addressLine(prefix: Prefix): string {
  const family = prefix.family === INET ? 'inet' : 'inet6';
  // Always with its length: without one it would be that of the address's class.
  return `${family} ${formatAddress(prefix)}/${prefix.length}`;
}

function hostnameCarp({ shared, vhid, on, passphrase, master }: PairAnswers): string {
  const skew = master ? 0 : 100;
  return `${addressLine(shared)} vhid ${vhid} carpdev ${on} pass ${passphrase} advskew ${skew}\n`;
}

function sysctlConf(kind: Answers['role']['kind']): string {
  const preempt = kind === 'pair member' ? 'net.inet.carp.preempt=1\n' : '';
  return `net.inet.ip.forwarding=1\nnet.inet6.ip6.forwarding=1\n${preempt}`;
}

/** What every template lets through: IPv6 does not work without neighbor discovery. */
const COMMON = `pass inet proto icmp icmp-type { echoreq, unreach }
pass inet6 proto icmp6 icmp6-type { echoreq, unreach, toobig, neighbrsol, neighbradv, routersol, routeradv }
`;

function pfConf({ role }: Answers): string {
  const head = `# Packet filter: see pf.conf(5). Check with "check", load with "apply confirm".\n\nset skip on lo0\n`;
  if (role.kind === 'router') return head + routerRules(role);
  return head + (role.kind === 'pair member' ? pairRules(role) : balancerRules(role));
}

function routerRules({ outside, translate }: RouterAnswers): string {
  const hide = translate
    ? `match out on $outside inet from !($outside:network) to any nat-to ($outside)\n`
    : '';
  return `outside = "${outside}"

${hide}block
pass out
pass in on ! $outside
${COMMON}`;
}

function balancerRules({ inside, direct }: BalancerAnswers): string {
  const note = direct ? '# The servers answer directly: only half of each connection comes by here.\n' : '';
  return `inside = "${inside}"

${note}anchor "relayd/*"
block
pass out
pass in on $inside
${COMMON}`;
}

function pairRules({ sync }: PairAnswers): string {
  return `set skip on ${sync}

# Both halves of a connection may pass either machine; the states of one are known to the other.
pass
pass proto carp keep state (no-sync)
`;
}

function relaydConf({ service, port, servers, direct, inside }: BalancerAnswers): string {
  const forward = direct
    ? `route to <servers> port ${port} check tcp interface ${inside}`
    : `forward to <servers> port ${port} check tcp`;
  return `table <servers> { ${servers.map(formatAddress).join(' ')} }

redirect "service" {
	listen on ${formatAddress(service)} port ${port}
	${forward}
}
`;
}
