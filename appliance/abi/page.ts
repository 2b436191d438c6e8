// SPDX-License-Identifier: ISC
//
// Long listings travel in pages, so that no listing holds the kernel for long (DESIGN section 4).

/** Where a listing goes on: 0 at first, then `next` of the last answer; absent `next` ends it. */
export interface PageRequest {
  readonly cursor: number;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: number;
}
