// SPDX-License-Identifier: ISC
//
// Defects, planted from outside by putting another method in a class's place: that runs find them shows that they would find others.

import { CarpInterface } from '../../appliance/kernel/carp/carpInterface.ts';
import { Receiver as CarpReceiver } from '../../appliance/kernel/carp/receiver.ts';
import type { Packet } from '../../appliance/kernel/packet.ts';
import type { PfParts } from '../../appliance/kernel/pf/parts.ts';
import { DESTINATION, PEER_STATE, SOURCE } from '../../appliance/kernel/pf/stateRecord.ts';
import { Acquaintance } from '../../appliance/kernel/pfsync/acquaintance.ts';
import { BulkRequest } from '../../appliance/kernel/pfsync/bulkRequest.ts';
import { Codec } from '../../appliance/kernel/pfsync/codec.ts';
import { Inbox } from '../../appliance/kernel/pfsync/inbox.ts';
import { Outbox } from '../../appliance/kernel/pfsync/outbox.ts';
import { ReplayWindow } from '../../appliance/kernel/pfsync/replayWindow.ts';
import { Rows } from '../../appliance/kernel/pfsync/rows.ts';
import { Seal } from '../../appliance/kernel/pfsync/seal.ts';
import { Tombstones } from '../../appliance/kernel/pfsync/tombstones.ts';
import { setI32 } from '../../appliance/wire/bytes.ts';
import * as carp from '../../appliance/wire/carp.ts';
import * as pfsync from '../../appliance/wire/pfsync.ts';
import * as wireState from '../../appliance/wire/pfsyncState.ts';

export interface Defect {
  readonly name: string;
  /** Plants it; the answer takes it out again. */
  readonly plant: () => () => void;
}

/** A class whose methods can be exchanged, private ones too. */
interface Class {
  readonly prototype: object;
}

type Method = (this: never, ...values: never[]) => unknown;

/** Another method in the place of one; `make` is handed the original. */
function exchange(of: Class, name: string, make: (original: Method) => Method): () => void {
  const prototype = of.prototype as Record<string, Method>;
  const original = prototype[name];
  if (original === undefined) throw new Error(`no method ${name}`);
  prototype[name] = make(original);
  return () => {
    prototype[name] = original;
  };
}

const nothing = () => () => undefined;

/** Nothing that is told of this state can be older than what is known of it. */
function forgetPeers(inbox: Inbox, state: number): void {
  const { states } = (inbox as unknown as { readonly parts: { readonly pf: PfParts } }).parts.pf;
  const records = states.records(state);
  for (const peer of [SOURCE, DESTINATION]) {
    const at = states.at(state) + peer;
    records[at + PEER_STATE] = 0;
  }
}

export const DEFECTS: readonly Defect[] = [
  {
    name: 'a stale update is accepted',
    plant: () =>
      exchange(
        Inbox,
        'merge',
        (original) =>
          function (this: Inbox, ...values: unknown[]) {
            forgetPeers(this, values[0] as number);
            return (original as (...all: unknown[]) => unknown).call(this, ...values);
          } as Method,
      ),
  },
  { name: 'what was deleted is taken back', plant: () => exchange(Tombstones, 'has', () => () => false) },
  { name: 'deletions are not told', plant: () => exchange(Outbox, 'delete', nothing) },
  { name: 'deletions are not obeyed', plant: () => exchange(Inbox, 'clear', nothing) },
  { name: 'what is unknown is not asked for', plant: () => exchange(Outbox, 'request', nothing) },
  { name: 'updates are not told', plant: () => exchange(Outbox, 'update', () => () => 0) },
  { name: 'the end of a bulk update is not heard', plant: () => exchange(BulkRequest, 'ended', nothing) },
  {
    name: 'a bulk update is not answered',
    plant: () => exchange(Outbox, 'sendBulk', () => ((_from: number, end: number) => end + 1) as Method),
  },
  {
    name: 'a state is translated otherwise',
    plant: () =>
      exchange(
        Codec,
        'read',
        (original) =>
          function (this: Codec, ...values: unknown[]) {
            const [bytes, at] = values as [Uint8Array, number];
            setI32(bytes, wireState.addressAt(at, 0, 0), 0x0a020101);
            return (original as (...all: unknown[]) => unknown).call(this, ...values);
          } as Method,
      ),
  },
  {
    name: 'a bow-out is ignored',
    plant: () =>
      exchange(
        CarpReceiver,
        'elect',
        (original) =>
          function (this: CarpReceiver, ...values: unknown[]) {
            const [packet] = values as [Packet];
            if (carp.advbase(packet.bytes, packet.transport) === carp.BOW_OUT) return undefined;
            return (original as (...all: unknown[]) => unknown).call(this, ...values);
          } as Method,
      ),
  },
  { name: 'the HMAC is not checked', plant: () => exchange(CarpReceiver, 'isAuthentic', () => () => true) },
  { name: 'a master never gives way', plant: () => exchange(CarpInterface, 'giveWay', nothing) },
  {
    name: 'authentication of states is not checked',
    plant: () =>
      exchange(
        Seal,
        'open',
        (original) =>
          function (this: Seal, ...values: unknown[]) {
            const [{ bytes, transport }] = values as [Packet];
            if (bytes[transport] === pfsync.VERSION) return true;
            return (original as (...all: unknown[]) => unknown).call(this, ...values);
          } as Method,
      ),
  },
  { name: 'the replay window is not kept', plant: () => exchange(ReplayWindow, 'isNew', () => () => true) },
  {
    name: 'streams of before are believed',
    plant: () =>
      exchange(
        Acquaintance,
        'believes',
        (original) =>
          function (this: Acquaintance, ...values: unknown[]) {
            (original as (...all: unknown[]) => unknown).call(this, ...values);
            return true;
          } as Method,
      ),
  },
  { name: 'states are found under a wrong id', plant: () => exchange(Rows, 'find', () => () => -1) },
];
