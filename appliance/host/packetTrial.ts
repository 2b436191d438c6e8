// SPDX-License-Identifier: ISC
//
// A kernel to try packets in: its interfaces lead nowhere, and its time is the caller's.

import type { Judgement, MakePacketTrial, PacketDirection, PacketTrial } from '../abi/judgement.ts';
import type { DirectClient } from './directClient.ts';
import { rehearsalKernel } from './rehearsalKernel.ts';

class Trial implements PacketTrial {
  readonly kernel: DirectClient;

  constructor(interfaces: readonly string[]) {
    this.kernel = rehearsalKernel(
      interfaces.map((name, i) => ({ name, linkAddress: [2, 0, 0, 0, 0, i + 1], mtu: 1500 })),
    );
  }

  advance(now: number): void {
    this.kernel.kernel.advance(now);
  }

  judge(packet: Uint8Array, interfaceName: string, direction: PacketDirection): Judgement | undefined {
    return this.kernel.kernel.judge(packet, interfaceName, direction);
  }
}

export const makePacketTrial: MakePacketTrial = (interfaces) => new Trial(interfaces);
