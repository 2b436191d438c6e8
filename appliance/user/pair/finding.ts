// SPDX-License-Identifier: ISC
//
// What keeps two machines from being a pair.

export interface Finding {
  /** A file below /etc, an interface, or a machine. */
  readonly about: string;
  /** A sentence without its full stop, which says what is wrong and what comes of it. */
  readonly text: string;
}
