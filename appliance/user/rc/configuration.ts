// SPDX-License-Identifier: ISC
//
// The configuration of a machine that runs: what its files would change, applying them, going back by hand or by itself.

import type { KernelClient } from '../../abi/client.ts';
import type { Files, MachineInfo } from '../commands/command.ts';
import type { RelaydView } from '../relayd/control.ts';
import { type ApplyParts, apply, type Change } from './apply.ts';
import { type Rehearsal, type RehearsalKernel, type RunCommand, rehearse } from './rehearse.ts';
import { type CommandOutput, describeChange, type Snapshot, takeSnapshot } from './snapshot.ts';
import { sameTexts, type Texts, type Version, Versions } from './versions.ts';

export interface ConfigurationParts extends Omit<ApplyParts, 'snapshot'> {
  readonly kernel: KernelClient;
  readonly files: Files;
  readonly dialect: MachineInfo['dialect'];
  readonly rehearsalKernel: RehearsalKernel;
  readonly run: RunCommand;
  /** Runs a command of the machine and answers what it prints. */
  readonly output: CommandOutput;
  /** What a running relayd has; undefined when it does not run. */
  readonly relayd: () => RelaydView | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Calls back after so many milliseconds; the answer prevents it. */
  readonly after: (milliseconds: number, fire: () => void) => () => void;
}

/** What an apply would do. */
export interface Plan {
  /** Anything here forbids it. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly change: Change;
  /** The change, for people; empty when nothing of the machine changes. */
  readonly lines: readonly string[];
}

/** It cannot be done now; the message says why. */
export class ConfigurationBusy extends Error {}

interface Pending {
  readonly back: Version;
  readonly cancel: () => void;
}

export class Configuration {
  readonly versions: Versions;
  private readonly parts: ConfigurationParts;
  private applied: Texts = {};
  private pending: Pending | undefined;
  private working = false;

  constructor(parts: ConfigurationParts) {
    this.parts = parts;
    this.versions = new Versions(parts.files, parts.now);
  }

  /** Before the boot: a machine that went down unconfirmed comes up with the version before. */
  async prepareBoot(): Promise<void> {
    const back = await this.versions.unconfirmed();
    if (back === undefined) return;
    await this.versions.restore(back);
    await this.versions.confirmed();
    this.parts.say(`the last apply was not confirmed: back to version ${back.number}`);
  }

  /** After the boot: what it read is a version. */
  async booted(): Promise<void> {
    this.applied = (await this.versions.record('boot')).files;
  }

  /** Whether an apply waits for its confirm. */
  get waitsForConfirm(): boolean {
    return this.pending !== undefined;
  }

  /** What boot would complain of. */
  rehearse(): Promise<Rehearsal> {
    const { files, dialect, rehearsalKernel, run } = this.parts;
    return rehearse({ kernel: rehearsalKernel(), files, dialect, run });
  }

  async plan(): Promise<Plan> {
    const { problems, warnings, snapshot: wanted } = await this.rehearse();
    const running = await this.snapshot();
    const change = { running, wanted, before: this.applied, after: await this.versions.present() };
    return { problems, warnings, change, lines: describeChange(running, wanted) };
  }

  /** Whether etc/ holds something else than what was applied last. */
  async isEdited(): Promise<boolean> {
    return !sameTexts(this.applied, await this.versions.present());
  }

  /**
   * Makes the change of a plan, and a version of it. With `seconds` it is taken back after so long unless `confirm` is called. Rejects
   * with ApplyError when a step fails, with ConfigurationBusy when another apply is under way or waits for its confirm.
   */
  async apply(plan: Plan, by: string, seconds?: number): Promise<Version> {
    if (this.pending !== undefined) throw new ConfigurationBusy(WAITING);
    return this.exclusively(async () => {
      const back = await this.versions.latest();
      // What cannot be kept is not applied. What was tried is kept even if it fails, so that nothing typed is lost.
      const version = await this.versions.record(by);
      if (seconds !== undefined && back !== undefined) await this.wait(back, seconds);
      this.applied = plan.change.after;
      await apply(this.applyParts(), plan.change);
      return version;
    });
  }

  /** Keeps what was applied; false when nothing waits for it. */
  async confirm(): Promise<boolean> {
    const { pending } = this;
    if (pending === undefined) return false;
    pending.cancel();
    this.pending = undefined;
    await this.versions.confirmed();
    this.parts.say('configuration confirmed');
    return true;
  }

  /** Puts the files of a version in place and plans what that changes. What etc/ held is kept as a version of its own. */
  async prepareRollback(version: Version): Promise<Plan> {
    await this.versions.record('edited');
    await this.versions.restore(version);
    return this.plan();
  }

  /** Goes back to the version before the apply that waits, at once. Resolves to it; undefined when none waits. */
  async takeBack(): Promise<Version | undefined> {
    const { pending } = this;
    if (pending === undefined) return undefined;
    pending.cancel();
    this.pending = undefined;
    await this.goBack(pending.back);
    return pending.back;
  }

  /** No timer stays behind; what was not confirmed is taken back by the next boot. */
  stop(): void {
    this.pending?.cancel();
  }

  private async wait(back: Version, seconds: number): Promise<void> {
    await this.versions.expectConfirm(back.number);
    const cancel = this.parts.after(seconds * 1_000, () => {
      this.parts.say(`not confirmed within ${seconds} seconds: going back to version ${back.number}`);
      this.pending = undefined;
      this.goBack(back).catch((error: Error) => this.parts.complain(`going back failed: ${error.message}`));
    });
    this.pending = { back, cancel };
  }

  private async goBack(back: Version): Promise<void> {
    await this.exclusively(async () => {
      await this.versions.restore(back);
      const plan = await this.plan();
      await apply(this.applyParts(), plan.change);
      this.applied = plan.change.after;
      await this.versions.record(`rollback to ${back.number}`);
      await this.versions.confirmed();
    });
    this.parts.say(`configuration is back to version ${back.number}`);
  }

  private snapshot(): Promise<Snapshot> {
    const { kernel, output, relayd } = this.parts;
    return takeSnapshot(kernel, output, relayd());
  }

  private applyParts(): ApplyParts {
    return { ...this.parts, snapshot: () => this.snapshot() };
  }

  private async exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.working) throw new ConfigurationBusy('a configuration is being applied just now');
    this.working = true;
    try {
      return await work();
    } finally {
      this.working = false;
    }
  }
}

const WAITING = 'the last apply waits for its confirm: confirm keeps it, rollback takes it back';
