// SPDX-License-Identifier: ISC
//
// ARP for IPv4 over Ethernet (RFC 826): 28 bytes behind the Ethernet header.

import { i32, setI32, setU16, u16 } from './bytes.ts';
import * as ethernet from './ethernet.ts';

export const PACKET_LENGTH = 28;

export const HARDWARE_ETHERNET = 1;
export const REQUEST = 1;
export const REPLY = 2;
export const REVERSE_REQUEST = 3;
export const REVERSE_REPLY = 4;

const HARDWARE_TYPE = 0;
const PROTOCOL_TYPE = 2;
const HARDWARE_LENGTH = 4;
const PROTOCOL_LENGTH = 5;
const OPERATION = 6;
const SENDER_HARDWARE = 8;
const SENDER = 14;
const TARGET_HARDWARE = 18;
const TARGET = 24;

/** Long enough, and IPv4 addresses over Ethernet ones; the operation may be any. */
export function valid(bytes: Uint8Array, offset: number, end: number): boolean {
  return (
    end - offset >= PACKET_LENGTH &&
    hardwareType(bytes, offset) === HARDWARE_ETHERNET &&
    addressesValid(bytes, offset)
  );
}

/** IPv4 addresses and six bytes of hardware address, of whatever hardware: the fields are where they are expected. */
export function addressesValid(bytes: Uint8Array, offset: number): boolean {
  return (
    protocolType(bytes, offset) === ethernet.TYPE_IPV4 &&
    hardwareLength(bytes, offset) === 6 &&
    protocolLength(bytes, offset) === 4
  );
}

export function hardwareType(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + HARDWARE_TYPE);
}

export function protocolType(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + PROTOCOL_TYPE);
}

export function hardwareLength(bytes: Uint8Array, offset: number): number {
  return bytes[offset + HARDWARE_LENGTH]!;
}

export function protocolLength(bytes: Uint8Array, offset: number): number {
  return bytes[offset + PROTOCOL_LENGTH]!;
}

export function operation(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + OPERATION);
}

export function senderHigh(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + SENDER_HARDWARE);
}

export function senderLow(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + SENDER_HARDWARE + 2);
}

export function sender(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + SENDER);
}

export function targetHigh(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + TARGET_HARDWARE);
}

export function targetLow(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + TARGET_HARDWARE + 2);
}

export function target(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + TARGET);
}

/** Positions of the four addresses in the packet at `offset`. */
export function senderHardwareAt(offset: number): number {
  return offset + SENDER_HARDWARE;
}

export function senderAt(offset: number): number {
  return offset + SENDER;
}

export function targetHardwareAt(offset: number): number {
  return offset + TARGET_HARDWARE;
}

export function targetAt(offset: number): number {
  return offset + TARGET;
}

export function setOperation(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + OPERATION, value);
}

/** The sender's Ethernet address and IPv4 address. */
export function setSender(
  bytes: Uint8Array,
  offset: number,
  high: number,
  low: number,
  address: number,
): void {
  ethernet.setAddress(bytes, offset + SENDER_HARDWARE, high, low);
  setI32(bytes, offset + SENDER, address);
}

/** The target's Ethernet address (zero in a request) and IPv4 address. */
export function setTarget(
  bytes: Uint8Array,
  offset: number,
  high: number,
  low: number,
  address: number,
): void {
  ethernet.setAddress(bytes, offset + TARGET_HARDWARE, high, low);
  setI32(bytes, offset + TARGET, address);
}

export function write(
  bytes: Uint8Array,
  offset: number,
  op: number,
  fromHigh: number,
  fromLow: number,
  from: number,
  toHigh: number,
  toLow: number,
  to: number,
): void {
  setU16(bytes, offset + HARDWARE_TYPE, HARDWARE_ETHERNET);
  setU16(bytes, offset + PROTOCOL_TYPE, ethernet.TYPE_IPV4);
  bytes[offset + HARDWARE_LENGTH] = 6;
  bytes[offset + PROTOCOL_LENGTH] = 4;
  setOperation(bytes, offset, op);
  setSender(bytes, offset, fromHigh, fromLow, from);
  setTarget(bytes, offset, toHigh, toLow, to);
}
