// SPDX-License-Identifier: ISC
//
// pf's states as relayd looks at them: all, page by page.

import type { Answer, KernelClient } from '../../abi/client.ts';
import type { StateInfo } from '../../abi/pf.ts';

export async function readStates(kernel: KernelClient, see: (state: StateInfo) => void): Promise<void> {
  for (let cursor: number | undefined = 0; cursor !== undefined; ) {
    const page: Answer<'pf.states'> = await kernel.call('pf.states', { cursor });
    page.items.forEach(see);
    cursor = page.next;
  }
}
