// SPDX-License-Identifier: ISC
//
// States on their way to a file and back, as wire/savedStates.ts lays them out.

export interface SavedStateCalls {
  /** Records of the states from `cursor` on; those behind them begin at `next`. */
  'pf.saveStates': [
    { readonly cursor: number },
    { readonly bytes: Uint8Array; readonly count: number; readonly next?: number },
  ];
  /**
   * Makes states of whole records, `elapsed` seconds after they were written. Those that have run out, whose interface is missing or
   * whose place is taken are left out. EINVAL when a record is cut.
   */
  'pf.restoreStates': [
    { readonly bytes: Uint8Array; readonly elapsed: number },
    { readonly restored: number; readonly left: number },
  ];
}
