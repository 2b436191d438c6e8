// SPDX-License-Identifier: ISC
//
// The devices behind a machine's interfaces, opened before the kernel starts.

import { openTap, TapError } from '../../drivers/tap.ts';
import type { LinkAddress } from '../abi/address.ts';
import type { TapInterface } from './messages.ts';

/** What is asked for; `driver` as machine.json names it. */
export interface WantedInterface {
  readonly name: string;
  readonly tap: string;
  readonly linkAddress: LinkAddress;
  readonly bridge?: string;
  readonly mtu: number;
  readonly driver: string;
}

/** A device that cannot be had; the message says what is missing and how to get it. */
export class HardwareError extends Error {}

/** Opens every device, or throws HardwareError; those already open are closed when the process ends. */
export function openHardware(wanted: readonly WantedInterface[]): TapInterface[] {
  return wanted.map((one) => {
    if (one.driver !== 'tap') {
      throw new HardwareError(
        `${one.name}: driver "${one.driver}" is not available here; leave it out of machine.json for "tap".`,
      );
    }
    try {
      const tap = openTap(one.tap, {
        mtu: one.mtu,
        ...(one.bridge === undefined ? {} : { bridge: one.bridge }),
      });
      return { name: one.name, linkAddress: one.linkAddress, mtu: one.mtu, tap };
    } catch (error) {
      if (error instanceof TapError) throw new HardwareError(error.message);
      throw error;
    }
  });
}
