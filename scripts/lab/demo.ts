// SPDX-License-Identifier: ISC
//
// npm start: shows Direct Server Return on a lab that is up. Fetches, a report from the capture files, a prompt.

import { createInterface } from 'node:readline/promises';
import type { HostDefinition, LabDefinition } from './definition.ts';
import type { Network } from './network.ts';
import { reportFlow } from './report.ts';

/** Seconds that the web servers may take to come into service; a check that comes too early is made good by the next round. */
const CHECK_LIMIT = 25;

/** Answers the exit status: 0 when everything that the article says was seen. */
export async function demonstrate(
  network: Network,
  lab: LabDefinition,
  say: (line: string) => void,
): Promise<number> {
  const balancer = hostThatBalances(lab);
  say(`waiting for relayd on ${balancer.name} to check the web servers`);
  await untilChecked(network, balancer.name);
  const ok = await report(network, lab, balancer.name, say);
  if (process.stdin.isTTY && process.stdout.isTTY) await prompt(network, balancer.name, say);
  return ok ? 0 : 1;
}

/** The appliance whose name is that of a load balancer's machine: the last one a client's packets reach. */
function hostThatBalances(lab: LabDefinition): HostDefinition {
  const balancer = lab.hosts.find((host) => host.name === 'lb');
  if (balancer === undefined) throw new Error(`Lab ${lab.name} has no host 'lb' to show.`);
  return balancer;
}

interface HostStatus {
  readonly name: string;
  readonly status: string;
}

interface RedirectStatus {
  readonly name: string;
  readonly active: boolean;
  readonly listen: readonly { readonly address: string; readonly port: number }[];
  readonly hosts: readonly HostStatus[];
}

/** relayd's view, from `relayctl show redirects --json`. */
async function redirects(network: Network, balancer: string): Promise<RedirectStatus[]> {
  const result = await network.command(balancer, ['relayctl', 'show', 'redirects', '--json']);
  if (result.status !== 0) throw new Error(`relayctl: ${result.stderr.trim() || result.stdout.trim()}`);
  return (JSON.parse(result.stdout) as { redirects: RedirectStatus[] }).redirects;
}

/** Waits until every host is up and every redirect active, or the time is over: a web server may really be down. */
async function untilChecked(network: Network, balancer: string): Promise<void> {
  for (let second = 0; second < CHECK_LIMIT; second++) {
    const known = await redirects(network, balancer);
    if (known.every((redirect) => redirect.active && redirect.hosts.every((host) => host.status === 'up')))
      return;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

async function report(
  network: Network,
  lab: LabDefinition,
  balancer: string,
  say: (line: string) => void,
): Promise<boolean> {
  const client = lab.hosts.find((host) => host.kind === 'host' && !host.serves)!;
  const heading = (text: string) => say(`\n${text}\n${'-'.repeat(text.length)}`);
  let ok = true;

  heading(`${lab.description}, on ${network.carrier}`);
  await show(network, balancer, ['relayctl', 'show', 'hosts'], say);

  for (const redirect of await redirects(network, balancer)) {
    for (const { address, port } of redirect.listen) {
      const url = `http://${address.includes(':') ? `[${address}]` : address}${port === 80 ? '' : `:${port}`}/`;
      heading(`${client.name} fetches ${url}`);
      ok = (await fetchAndTrace(network, client.name, balancer, url, say)) && ok;
    }
  }

  heading(`states of ${balancer}`);
  await show(network, balancer, ['pfctl', '-ss', '-v'], say);

  heading('capture files');
  for (const capture of network.captures) say(`${capture.host} ${capture.interface}: ${capture.file}`);
  return ok;
}

/** A fetch, and what the captures say of it. False when it failed or was not Direct Server Return. */
async function fetchAndTrace(
  network: Network,
  client: string,
  balancer: string,
  url: string,
  say: (line: string) => void,
): Promise<boolean> {
  const fetched = await network.fetch(client, url).catch((error: Error) => error);
  await network.flushCaptures();
  if (fetched instanceof Error) {
    say(`no answer: ${fetched.message}`);
    return false;
  }
  const flow = { client: fetched.local, server: fetched.remote };
  const traced = reportFlow(flow, balancer, network.captures, network.stations);
  say(`status ${fetched.status}, answered by ${traced.answeredBy ?? 'nobody seen'}`);
  for (const line of traced.lines) say(line);
  say(traced.directServerReturn ? '  Direct Server Return: yes' : '  Direct Server Return: NO');
  return traced.directServerReturn && fetched.status === 200;
}

async function show(
  network: Network,
  host: string,
  args: readonly string[],
  say: (line: string) => void,
): Promise<void> {
  const result = await network.command(host, args);
  say(`${host}# ${args.join(' ')}`);
  say(`${result.stdout}${result.stderr}`.trimEnd());
}

/** A plain prompt at the load balancer; ends with `exit` or Ctrl-D. */
async function prompt(network: Network, host: string, say: (line: string) => void): Promise<void> {
  say(`\nA prompt at ${host}; 'help' lists the commands, 'exit' takes the lab down.`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const closed = new Promise<undefined>((resolve) => terminal.once('close', () => resolve(undefined)));
  for (;;) {
    const line = await Promise.race([terminal.question(`${host}# `).catch(() => undefined), closed]);
    if (line === undefined || line.trim() === 'exit') break;
    const words = line.trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) continue;
    const result = await network.command(host, words);
    process.stdout.write(result.stdout);
    process.stderr.write(result.stderr);
  }
  terminal.close();
}
