// SPDX-License-Identifier: ISC
//
// The views beside the shell, in the order of their keys.

import type { View, ViewHost } from '../view.ts';
import { BalancingView } from './balancing.ts';
import { FailoverView } from './failover.ts';
import { InterfacesView } from './interfaces.ts';
import { LogView } from './log.ts';
import { PacketsView } from './packets.ts';
import { RulesView } from './rules.ts';
import { StatesView } from './states.ts';

/** F2 to F8. */
export function makeViews(host: ViewHost): readonly View[] {
  return [
    new InterfacesView(host),
    new StatesView(host),
    new RulesView(host),
    new BalancingView(host),
    new FailoverView(host),
    new PacketsView(host),
    new LogView(host),
  ];
}
