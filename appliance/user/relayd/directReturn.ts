// SPDX-License-Identifier: ISC
//
// What of a way of Direct Server Return works (`relayctl dsr`). The load balancer sees no reply to a client, so each leg needs evidence of
// its own: the neighbour cache, a connection to the host's own address, an echo to the service address that is sent to the host's Ethernet
// address, and connections of which pf has seen that the client went on.

import { type Address, INET, sameAddress } from '../../abi/address.ts';
import { formatAddress, formatLinkAddress } from '../../abi/addressText.ts';
import type { KernelClient } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import { PROTOCOLS } from '../../abi/names.ts';
import type { StateInfo } from '../../abi/pf.ts';
import type { Vip } from '../config/relayd/configuration.ts';
import type { LegView, PathView } from './control.ts';
import type { Host } from './host.ts';
import type { Network } from './network.ts';
import type { Redirect } from './objects.ts';
import { readStates } from './states.ts';

/** What a probe may take, milliseconds. */
const PATIENCE = 1_000;

/** A client that has not gone on for so many seconds has not heard from its server. */
const HALF_OPEN = 3;

/** pf's states of a TCP peer (tcp_fsm.h): the client has acknowledged what the server said; it was reset. */
const TCPS_ESTABLISHED = 4;
const TCPS_TIME_WAIT = 10;

export interface Path {
  readonly redirect: Redirect;
  readonly host: Host;
  readonly vip: Vip;
  /** Of the host's service. */
  readonly port: number;
}

/** Ways of a redirection that routes to one of these hosts, one for each address it listens on in the host's family. */
export function pathsOf(redirect: Redirect, hosts: readonly Host[]): readonly Path[] {
  if (redirect.conf.kind !== 'route') return [];
  return redirect.tables.flatMap((table) =>
    table.hosts
      .filter((host) => hosts.includes(host))
      .flatMap((host) =>
        redirect.conf.vips
          .filter((vip) => vip.address.family === host.conf.address.family)
          .map((vip) => ({ redirect, host, vip, port: vip.port.low })),
      ),
  );
}

/** Why there is no way to any of these hosts, in words. */
export function whyNone(redirects: readonly Redirect[], hosts: readonly Host[]): string {
  const [host] = hosts;
  if (host === undefined) return 'no such host';
  const mine = redirects.filter(({ tables }) =>
    tables.some((table) => hosts.some((one) => table.hosts.includes(one))),
  );
  const routing = mine.find(({ conf }) => conf.kind === 'route');
  if (routing !== undefined) {
    return `redirection ${routing.conf.name} listens on no address of the family of host ${host.conf.name}`;
  }
  const [forwarding] = mine;
  const reason =
    forwarding === undefined
      ? 'it is in none at all'
      : `${forwarding.conf.name} forwards to it, so that answers pass here`;
  return `no redirection routes to host ${host.conf.name}: ${reason}`;
}

export async function provePath(path: Path, kernel: KernelClient, network: Network): Promise<PathView> {
  const { host, redirect, vip, port } = path;
  const [listener, address] = await Promise.all([proveListener(path, network), proveAddress(path, network)]);
  const answers = isAnswer(listener) || isAnswer(address);
  const neighbor = await proveNeighbor(host.conf.address, kernel, network, answers);
  const before = [neighbor, ...[listener, address].map((one) => legOf(one, neighbor))];
  const returning = provePassage(await routedStates(path, kernel), before);
  return {
    host: host.conf.name,
    redirect: redirect.conf.name,
    address: formatAddress(vip.address),
    port,
    legs: [...before, returning],
  };
}

/** A leg, and the error that its probe ended with. */
interface Probed extends LegView {
  readonly error?: Error;
}

/** What cannot be reached has not been tried. */
function legOf({ leg, state, evidence }: Probed, neighbor: LegView): LegView {
  if (neighbor.state === 'ok') return { leg, state, evidence };
  return { leg, state: 'not proven', evidence: 'nothing reaches the host' };
}

/** Whether the host has said anything, be it no. */
function isAnswer({ state, error }: Probed): boolean {
  return state === 'ok' || codeOf(error) === 'ECONNREFUSED';
}

function codeOf(error: Error | undefined): string | undefined {
  return error instanceof CallError ? error.code : undefined;
}

/** What the cache has of a host that answers nothing may be old: it is asked for anew, unless somebody has set it. */
async function proveNeighbor(
  address: Address,
  kernel: KernelClient,
  network: Network,
  answers: boolean,
): Promise<LegView> {
  const find = async () => {
    const neighbors = await kernel.call('neighbor.list', { family: address.family });
    return neighbors.find((one) => sameAddress(one.address, address));
  };
  let known = await find();
  if (!answers && known?.linkAddress !== undefined && known.state !== 'permanent') {
    await kernel.call('neighbor.delete', { address });
    await network.echo({ address, timeout: PATIENCE }).catch(() => undefined);
    known = await find();
  }
  const leg = 'neighbor';
  if (known?.linkAddress === undefined) {
    const asked = address.family === INET ? 'ARP' : 'neighbor solicitations';
    return { leg, state: 'broken', evidence: `nobody answers ${asked} for ${formatAddress(address)}` };
  }
  return { leg, state: 'ok', evidence: `at ${formatLinkAddress(known.linkAddress)} on ${known.interface}` };
}

async function proveListener({ host, vip, port }: Path, network: Network): Promise<Probed> {
  const leg = 'listener';
  if (vip.protocol !== PROTOCOLS.tcp) return { leg, state: 'not proven', evidence: 'not TCP' };
  const { address } = host.conf;
  const where = `${formatAddress(address)} port ${port}`;
  try {
    const stream = await network.connect({ address, port, timeout: PATIENCE });
    // It has served its purpose; what it says while it goes tells nothing.
    stream.on('error', () => undefined);
    stream.destroy();
    return { leg, state: 'ok', evidence: `${where} accepts connections` };
  } catch (thrown) {
    const error = thrown as Error;
    const evidence =
      codeOf(error) === 'ECONNREFUSED'
        ? `nobody listens on ${where}: connection refused`
        : `no connection to ${where}: ${error.message}`;
    return { leg, state: 'broken', evidence, error };
  }
}

async function proveAddress({ host, vip }: Path, network: Network): Promise<Probed> {
  const leg = 'address';
  const service = formatAddress(vip.address);
  try {
    await network.echo({ address: vip.address, nextHop: host.conf.address, timeout: PATIENCE });
    return { leg, state: 'ok', evidence: `answers an echo to ${service}` };
  } catch (thrown) {
    const error = thrown as Error;
    const evidence = `${service} is not on the host's loopback, or it answers no echo: ${error.message}`;
    return { leg, state: 'broken', evidence, error };
  }
}

/** What the youngest connections say: of clients that do not go on though everything before works, the answers are lost. */
function provePassage(states: readonly StateInfo[], before: readonly LegView[]): LegView {
  const leg = 'return path';
  const passed = states.filter(({ source }) => isPassed(source.state));
  const since = Math.min(...passed.map((state) => state.age));
  const waiting = states.filter(({ source, age }) => {
    return source.state < TCPS_ESTABLISHED && age >= HALF_OPEN && age < since;
  });
  if (waiting.length > 0) {
    const evidence = `the last ${waiting.length} clients had no answer for ${HALF_OPEN} seconds`;
    return { leg, state: before.every((one) => one.state === 'ok') ? 'broken' : 'not proven', evidence };
  }
  if (passed.length > 0) {
    return {
      leg,
      state: 'ok',
      evidence: `a client acknowledged what the host said, ${since} seconds ago at most`,
    };
  }
  return {
    leg,
    state: 'not proven',
    evidence: 'no connection of a client to tell by; open one and ask again',
  };
}

function isPassed(state: number): boolean {
  return state >= TCPS_ESTABLISHED && state < TCPS_TIME_WAIT;
}

/** TCP connections to the service address that pf routes to the host. */
async function routedStates({ host, vip }: Path, kernel: KernelClient): Promise<readonly StateInfo[]> {
  const found: StateInfo[] = [];
  await readStates(kernel, (state) => {
    if (state.protocol !== PROTOCOLS.tcp || state.route === undefined) return;
    if (!sameAddress(state.route.address, host.conf.address)) return;
    if (state.wire.addresses.some((one) => sameAddress(one, vip.address))) found.push(state);
  });
  return found;
}
