// SPDX-License-Identifier: ISC
//
// What the article says of Direct Server Return, checked against capture files: text for people.

import type { Capture, Station } from './network.ts';
import { describeCapture, type Flow, type Frame, familyOf, type Hop, traceFlow } from './trace.ts';

export interface FlowReport {
  /** The host that answered, by the Ethernet address that the replies come from; undefined when none was seen. */
  readonly answeredBy: string | undefined;
  /** Whether requests went through `balancer` untouched and replies did not go through it. */
  readonly directServerReturn: boolean;
  readonly lines: readonly string[];
}

/** Follows one connection through the captures. `balancer` is the host that must see requests only. */
export function reportFlow(
  flow: Flow,
  balancer: string,
  captures: readonly Capture[],
  stations: readonly Station[],
): FlowReport {
  const hops = traceFlow(flow, captures, stations);
  const replies = hops.filter((hop) => hop.direction === 'reply');
  const lines = [
    `IPv${familyOf(flow)}: ${endpoint(flow.client)} > ${endpoint(flow.server)}`,
    ...hops.flatMap(describeHop),
  ];
  const into = hops.find((hop) => hop.direction === 'request' && hop.to.host === balancer);
  const outOf = hops.find((hop) => hop.direction === 'request' && hop.from.host === balancer);
  const untouched = into !== undefined && outOf !== undefined && sameFrames(into.frames, outOf.frames);
  lines.push(`  ${describeBalancer(balancer, into, outOf, untouched)}`);
  const back = replies.filter((hop) => hop.from.host === balancer || hop.to.host === balancer);
  const backFrames = back.reduce((sum, hop) => sum + hop.frames.length, 0);
  lines.push(`  replies through ${balancer}: ${backFrames} frames`);
  return {
    answeredBy: replies[0]?.from.host,
    directServerReturn: untouched && replies.length > 0 && backFrames === 0,
    lines,
  };
}

function describeHop(hop: Hop): string[] {
  const first = hop.frames[0]!;
  const seen = hop.seenBy.map(describeCapture).join(', ');
  const path = `${hop.from.host} ${hop.from.interface} -> ${hop.to.host} ${hop.to.interface}`;
  return [
    `  ${hop.direction.padEnd(7)}  ${path.padEnd(24)}  ${hop.frames.length} frames in the capture of ${seen}`,
    `           ${first.from} > ${first.to}  ${endpoint(first.source)} > ${endpoint(first.destination)}  ${hopLimits(hop.frames)}`,
  ];
}

function hopLimits(frames: readonly Frame[]): string {
  const values = [...new Set(frames.map((frame) => frame.hops))];
  return `ttl ${values.join(', ')}`;
}

function describeBalancer(balancer: string, into?: Hop, outOf?: Hop, untouched = false): string {
  if (into === undefined || outOf === undefined) return `no request passed ${balancer}`;
  if (untouched) {
    return `${balancer} sent on all ${into.frames.length} packets as they came: the same bytes from the IP header on`;
  }
  return `${balancer} received ${into.frames.length} packets and sent on ${outOf.frames.length}, not all as they came`;
}

function sameFrames(a: readonly Frame[], b: readonly Frame[]): boolean {
  return a.length === b.length && a.every((frame, i) => Buffer.compare(frame.packet, b[i]!.packet) === 0);
}

function endpoint(end: { readonly address: string; readonly port: number }): string {
  return `${end.address}.${end.port}`;
}
