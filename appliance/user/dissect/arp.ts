// SPDX-License-Identifier: ISC
//
// Prints ARP. Hardware addresses appear where they are not those of the frame.

import * as arp from '../../wire/arp.ts';
import { equal } from '../../wire/bytes.ts';
import * as ethernet from '../../wire/ethernet.ts';
import { address4, captured, etherAddress, type Frame } from './frame.ts';

export function printArp(frame: Frame, at: number, length: number): string {
  if (!captured(frame, at, arp.PACKET_LENGTH)) return '[|arp]';
  if (length < arp.PACKET_LENGTH) return 'truncated-arp';
  frame.options.found?.('arp', at, length, -1);
  return arp.addressesValid(frame.bytes, at) ? printMessage(frame, at) : printOther(frame, at);
}

function printMessage(frame: Frame, at: number): string {
  const hardware = arp.hardwareType(frame.bytes, at);
  const suffix = hardware === arp.HARDWARE_ETHERNET ? '' : ` hardware #${hardware}`;
  return printOperation(frame, at) + suffix;
}

function printOperation(frame: Frame, at: number): string {
  const sender = address4(frame, arp.senderAt(at));
  const target = address4(frame, arp.targetAt(at));
  const senderHardware = etherAddress(frame, arp.senderHardwareAt(at));
  const targetHardware = etherAddress(frame, arp.targetHardwareAt(at));
  const operation = arp.operation(frame.bytes, at);
  switch (operation) {
    case arp.REQUEST:
      return `arp who-has ${target}${known(frame, at)} tell ${sender}${otherSender(frame, at)}`;
    case arp.REPLY:
      return `arp reply ${sender}${otherSender(frame, at)} is-at ${senderHardware}${otherTarget(frame, at)}`;
    case arp.REVERSE_REQUEST:
      return `rarp who-is ${targetHardware} tell ${senderHardware}`;
    case arp.REVERSE_REPLY:
      return `rarp reply ${targetHardware} at ${target}`;
    default:
      return `arp-#${operation}`;
  }
}

/** The target's hardware address in a request, where the asker filled it in. */
function known(frame: Frame, at: number): string {
  const zero = arp.targetHigh(frame.bytes, at) === 0 && arp.targetLow(frame.bytes, at) === 0;
  return zero ? '' : ` (${etherAddress(frame, arp.targetHardwareAt(at))})`;
}

function otherSender(frame: Frame, at: number): string {
  return unlike(frame, arp.senderHardwareAt(at), ethernet.sourceAt(frame.link));
}

function otherTarget(frame: Frame, at: number): string {
  return unlike(frame, arp.targetHardwareAt(at), ethernet.destinationAt(frame.link));
}

function unlike(frame: Frame, address: number, expected: number): string {
  const same = equal(frame.bytes, address, frame.bytes, expected, ethernet.ADDRESS_LENGTH);
  return same ? '' : ` (${etherAddress(frame, address)})`;
}

function printOther(frame: Frame, at: number): string {
  const { bytes } = frame;
  const protocol = `proto #${arp.protocolType(bytes, at)} (${arp.protocolLength(bytes, at)})`;
  const hardware = `hardware #${arp.hardwareType(bytes, at)} (${arp.hardwareLength(bytes, at)})`;
  return `arp-#${arp.operation(bytes, at)} for ${protocol} ${hardware}`;
}
