// SPDX-License-Identifier: ISC
//
// The devices behind a machine's interfaces, opened before the kernel starts.

import { openTap, TapError } from '../../drivers/tap.ts';
import { Tuntap2 } from '../../drivers/tuntap2.ts';
import type { LinkAddress } from '../abi/address.ts';
import { formatLinkAddress } from '../abi/addressText.ts';
import type { DeviceDescription, HardwareInterface } from './messages.ts';

/** What is asked for, as machine.json has it. */
export interface WantedInterface {
  readonly name: string;
  readonly tap: string;
  readonly linkAddress: LinkAddress;
  readonly bridge?: string;
  readonly mtu: number;
  readonly driver: 'tap' | 'tuntap2' | 'memory';
}

/** A device that the main thread drives for the kernel. */
export interface RelayedDevice {
  receiver: ((frame: Uint8Array) => void) | undefined;
  send(frame: Uint8Array): void;
  close(): void;
}

export interface OpenInterface extends HardwareInterface {
  /** How the boot log tells of it. */
  readonly attachLine: string;
  readonly relayed?: RelayedDevice;
}

/** A device that cannot be had; the message says what is missing and how to get it. */
export class HardwareError extends Error {}

/** Opens every device, or throws HardwareError; those already open are closed when the process ends. */
export async function openHardware(wanted: readonly WantedInterface[]): Promise<OpenInterface[]> {
  const open: OpenInterface[] = [];
  for (const one of wanted) {
    try {
      open.push(await openDevice(one));
    } catch (error) {
      if (error instanceof TapError) throw new HardwareError(`${one.name}: ${error.message}`);
      throw error;
    }
  }
  return open;
}

async function openDevice(wanted: WantedInterface): Promise<OpenInterface> {
  const { name, linkAddress, mtu, bridge } = wanted;
  const attached = (device: DeviceDescription, what: string, relayed?: RelayedDevice): OpenInterface => ({
    name,
    linkAddress,
    mtu,
    device,
    attachLine: `${name} at mainbus0 ${what}, address ${formatLinkAddress(linkAddress)}`,
    ...(relayed === undefined ? {} : { relayed }),
  });
  switch (wanted.driver) {
    case 'tap': {
      const tap = openTap(wanted.tap, { mtu, ...(bridge === undefined ? {} : { bridge }) });
      const offloads = `checksum, TSO${tap.uso ? ', USO' : ''}`;
      return attached({ kind: 'tap', ...tap }, `tap "${tap.name}": ${offloads}`);
    }
    case 'memory': {
      const segment = bridge ?? name;
      return attached({ kind: 'memory', segment }, `memory "${segment}"`);
    }
    case 'tuntap2': {
      if (bridge !== undefined) throw new TapError('the driver tuntap2 joins no bridge; leave "bridge" out.');
      const tap = await Tuntap2.open({ mtu });
      return attached({ kind: 'relayed' }, `tuntap2 "${tap.name}"`, tap);
    }
  }
}
