// SPDX-License-Identifier: ISC
//
// What ifconfig(8) sets and shows of pfsync0.

import type { Handlers } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import { PFSYNC_MAXIMUM_UPDATES, type PfsyncCalls, type PfsyncInfo } from '../../abi/pfsync.ts';
import { i32 } from '../../wire/bytes.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { GROUP } from '../../wire/pfsync.ts';
import { KEY_LENGTH, STREAM_LENGTH } from '../../wire/pfsyncSealed.ts';
import type { Interface } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { Pfsync } from './pfsync.ts';
import { type MakeCipher, Seal } from './seal.ts';

type Change = PfsyncCalls['pfsync.set'][0];

export class PfsyncHandlers {
  readonly calls: Handlers<PfsyncCalls>;
  private readonly pfsync: Pfsync;
  private readonly interfaces: Interfaces;
  private readonly makeCipher: MakeCipher;

  constructor(pfsync: Pfsync, interfaces: Interfaces, makeCipher: MakeCipher) {
    this.makeCipher = makeCipher;
    this.pfsync = pfsync;
    this.interfaces = interfaces;
    this.calls = {
      'pfsync.set': (change) => {
        this.set(change);
        return null;
      },
    };
  }

  /** Everything is checked before anything is changed. */
  private set(change: Change): void {
    const { pfsync } = this;
    const { settings } = pfsync;
    const on = this.interfaces.get(change.name);
    if (!pfsync.isPfsync(on)) throw new CallError('EINVAL', `${on.name}: not a pfsync interface`);
    const syncdev = this.syncdevOf(change);
    const peer = this.peerOf(change);
    const isMoved = syncdev !== settings.syncdev || peer !== settings.peer;
    if (isMoved && pfsync.isUp)
      throw new CallError('EBUSY', `set ${on.name} down before its syncdev or syncpeer is changed`);
    const { maxUpdates } = change;
    if (maxUpdates !== undefined && !isCount(maxUpdates)) {
      throw new CallError('EINVAL', `maxupd is a number from 0 to ${PFSYNC_MAXIMUM_UPDATES}`);
    }
    const seal = this.sealOf(change);
    if (seal !== settings.seal) this.exchange(seal);
    settings.syncdev = syncdev;
    settings.peer = peer;
    settings.maxUpdates = maxUpdates ?? settings.maxUpdates;
    settings.defer = change.defer ?? settings.defer;
    pfsync.update();
  }

  private exchange(seal: Seal | undefined): void {
    const { settings, isUp } = this.pfsync;
    settings.seal?.stop();
    settings.seal = seal;
    if (isUp) seal?.start();
  }

  private sealOf({ key }: Change): Seal | undefined {
    if (key === null) return undefined;
    if (key === undefined) return this.pfsync.settings.seal;
    const { secret, stream } = key;
    if (secret.length !== KEY_LENGTH || stream.length !== STREAM_LENGTH) {
      throw new CallError('EINVAL', `a key has ${KEY_LENGTH} bytes, its stream ${STREAM_LENGTH}`);
    }
    return new Seal(this.makeCipher(secret), i32(stream, 0), i32(stream, 4), this.pfsync.acquaintanceParts);
  }

  private syncdevOf({ syncDevice: syncdev }: Change): Interface | undefined {
    if (syncdev === null) return undefined;
    if (syncdev === undefined) return this.pfsync.settings.syncdev;
    const on = this.interfaces.get(syncdev);
    if (on.type !== 'ethernet' && on.type !== 'vlan') {
      throw new CallError('EINVAL', `${on.name}: not an Ethernet interface`);
    }
    return on;
  }

  /** 0.0.0.0, none and the group's address mean the group. */
  private peerOf({ peer }: Change): number {
    if (peer === null) return 0;
    if (peer === undefined) return this.pfsync.settings.peer;
    if (peer.family !== 4) throw new CallError('EAFNOSUPPORT', 'a syncpeer is an IPv4 address');
    const word = peer.words[0]!;
    if (word === GROUP) return 0;
    if (ipv4.isMulticast(word) || word === ipv4.BROADCAST) {
      throw new CallError('EDESTADDRREQ', 'a syncpeer is the address of one machine');
    }
    return word;
  }

  /** For `interface.list`. */
  describe(on: Interface): PfsyncInfo | undefined {
    if (!this.pfsync.isPfsync(on)) return undefined;
    const { syncdev, peer, maxUpdates, defer, seal } = this.pfsync.settings;
    const { lag } = this.pfsync;
    return {
      ...(syncdev === undefined ? {} : { syncDevice: syncdev.name }),
      ...(peer === 0 ? {} : { peer: { family: 4, words: [peer] } }),
      maxUpdates,
      defer,
      sealed: seal !== undefined,
      bulk: this.pfsync.bulkRequest.phase,
      peers: this.pfsync.peers.list(),
      ...(lag && { lag }),
    };
  }
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= PFSYNC_MAXIMUM_UPDATES;
}
