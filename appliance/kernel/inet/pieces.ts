// SPDX-License-Identifier: ISC
//
// The pieces of one IPv4 datagram, in order and without overlap (pf_fillup_fragment, ip_reass): of two that overlap the later one
// keeps its tail. What stands in front of a new piece wins over its head, the new piece wins over the heads of those behind it.

/** The newcomer is in its place, what of it was not there yet. */
export const PLACED = 0;
/** All of it is there already. */
export const COVERED = 1;
/** It may not be kept: there are too many. */
export const TOO_MANY = 2;

/** Pieces that may begin within one stretch of a datagram (PF_FRAG_ENTRY_LIMIT): no honest sender's are smaller than 64 bytes. */
const PER_STRETCH = 64;
const STRETCH_SHIFT = 12;

interface Piece {
  offset: number;
  data: Uint8Array;
}

export class Pieces {
  /** By offset. */
  private readonly pieces: Piece[] = [];
  private readonly perStretch = new Uint8Array(1 << (16 - STRETCH_SHIFT));
  /** Bytes in all of them. */
  bytes = 0;

  get count(): number {
    return this.pieces.length;
  }

  /** First byte behind all of them. */
  get end(): number {
    const last = this.pieces[this.pieces.length - 1];
    return last === undefined ? 0 : last.offset + last.data.length;
  }

  /** What begins the datagram, if it has come. */
  get first(): Uint8Array | undefined {
    const [piece] = this.pieces;
    return piece?.offset === 0 ? piece.data : undefined;
  }

  /** Puts a piece in its place; `data` becomes ours. After TOO_MANY the datagram is of no more use. */
  place(offset: number, data: Uint8Array): number {
    let at = this.pieces.length;
    while (at > 0 && this.pieces[at - 1]!.offset > offset) at--;
    const before = at > 0 ? this.pieces[at - 1]! : undefined;
    const known = before === undefined ? 0 : Math.max(before.offset + before.data.length - offset, 0);
    if (known >= data.length) return COVERED;
    if (!this.cutBehind(at, offset + data.length)) return TOO_MANY;
    const piece = { offset: offset + known, data: known > 0 ? data.subarray(known) : data };
    if (!this.enter(piece.offset)) return TOO_MANY;
    this.pieces.splice(at, 0, piece);
    this.bytes += piece.data.length;
    return PLACED;
  }

  /** Takes what lies before `end` from the pieces from `at` on. */
  private cutBehind(at: number, end: number): boolean {
    const { pieces } = this;
    while (at < pieces.length && pieces[at]!.offset < end) {
      const piece = pieces[at]!;
      const cut = Math.min(end - piece.offset, piece.data.length);
      this.bytes -= cut;
      this.leave(piece.offset);
      if (cut === piece.data.length) {
        pieces.splice(at, 1);
        continue;
      }
      piece.offset += cut;
      piece.data = piece.data.subarray(cut);
      return this.enter(piece.offset);
    }
    return true;
  }

  private enter(offset: number): boolean {
    const stretch = offset >>> STRETCH_SHIFT;
    if (this.perStretch[stretch]! >= PER_STRETCH) return false;
    this.perStretch[stretch] = this.perStretch[stretch]! + 1;
    return true;
  }

  private leave(offset: number): void {
    const stretch = offset >>> STRETCH_SHIFT;
    this.perStretch[stretch] = this.perStretch[stretch]! - 1;
  }

  /** Copies them to where the datagram's payload begins. */
  copyInto(bytes: Uint8Array, start: number): void {
    for (const { offset, data } of this.pieces) bytes.set(data, start + offset);
  }
}
