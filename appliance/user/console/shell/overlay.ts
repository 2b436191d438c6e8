// SPDX-License-Identifier: ISC
//
// What covers the shell meanwhile: a pager, an editor. It says itself when it is to be closed.

import type { Key } from '../keys.ts';
import type { Place } from '../screen.ts';
import type { Row } from '../styled.ts';
import type { KeyHelp, Look } from '../view.ts';

export interface Overlay {
  readonly keys: readonly KeyHelp[];
  rows(look: Look): readonly Row[];
  cursor?(look: Look): Place | undefined;
  press(key: Key): void;
}
