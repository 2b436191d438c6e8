// SPDX-License-Identifier: ISC
//
// Labs for tests: brought up in a folder of their own and taken down whatever happens; or the reason why there can be none.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readLab } from '../../scripts/lab/definition.ts';
import { missingProgram, noTap, privilege } from '../../scripts/lab/requirements.ts';
import { TapNetwork } from '../../scripts/lab/tapNetwork.ts';

export const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));

/** Why tests with TAPs cannot run here; undefined where they can. */
export function noLab(): string | undefined {
  const missing = missingProgram() ?? noTap();
  if (missing !== undefined) return missing;
  return privilege() === 'enough' ? undefined : 'network namespaces need root here';
}

export interface TestLab {
  readonly network: TapNetwork;
  readonly directory: string;
  down(): Promise<void>;
}

/** Brings a lab of conf/labs up; its folder is removed when it goes down. */
export async function labUp(
  name: string,
  options: { captures: boolean } = { captures: true },
): Promise<TestLab> {
  const directory = mkdtempSync(join(tmpdir(), 'rhine-lab-'));
  try {
    const network = await TapNetwork.up(
      readLab(PROJECT, name),
      { project: PROJECT, directory },
      () => {},
      options,
    );
    return {
      network,
      directory,
      down: async () => {
        await network.down();
        rmSync(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}
