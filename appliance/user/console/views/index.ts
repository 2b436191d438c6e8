// SPDX-License-Identifier: ISC
//
// The views beside the shell, in the order of their keys.

import type { View, ViewHost } from '../view.ts';
import { InterfacesView } from './interfaces.ts';

export function makeViews(host: ViewHost): readonly View[] {
  return [new InterfacesView(host)];
}
