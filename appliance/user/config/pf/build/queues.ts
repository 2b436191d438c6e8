// SPDX-License-Identifier: ISC
//
// Queues as they are defined, in either language: ALTQ of 2008 (altq(9)) and the queues of today. They are checked,
// printed and remembered for `pfctl -s queue`; shaping itself is not done.

import type { QueueDefinition } from '../../../../abi/pf.ts';

export type Scheduler = 'cbq' | 'priq' | 'hfsc' | 'fairq';

/** A bandwidth: absolute in bits per second, or a share of the parent in percent. */
export interface Bandwidth {
  readonly absolute: number;
  readonly percent: number;
}

/** A service curve of hfsc: `m1` for `d` milliseconds, then `m2`. */
export interface Curve {
  readonly m1?: Bandwidth;
  readonly d: number;
  readonly m2: Bandwidth;
}

/** `cbq(default red)`, `hfsc(linkshare 1Mb)`: the scheduler with what stands in its parentheses. */
export interface SchedulerNode {
  readonly kind: Scheduler;
  readonly flags: readonly string[];
  readonly curves: Readonly<Partial<Record<CurveName, Curve>>>;
  /** fairq: a bandwidth beyond which a flow is one of many. */
  readonly hogs?: Bandwidth;
  /** fairq: queues that flows are spread over. */
  readonly buckets?: number;
}

export type CurveName = 'realtime' | 'linkshare' | 'upperlimit';

/** `altq on IF …`. */
export interface AltqInterface {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly bandwidth: number;
}

/** A queue that `altq` or another queue announced as its child; its definition has to follow. */
export interface AnnouncedQueue {
  readonly name: string;
  readonly interface: string;
  readonly parent: string | undefined;
  readonly scheduler: Scheduler;
}

/** A defined queue of 2008. */
export interface AltqQueue {
  readonly name: string;
  readonly interface: string;
  readonly parent: string | undefined;
  readonly bandwidth: number;
  readonly priority: number;
  readonly isDefault: boolean;
  readonly text: string;
}

/** A queue of today's language. */
export interface QueueSpec {
  readonly name: string;
  readonly interface: string | undefined;
  readonly parent: string | undefined;
  readonly bandwidth: number;
  readonly isDefault: boolean;
  readonly hasFlows: boolean;
  /** The line that pfctl prints. */
  readonly text: string;
}

export class Queues {
  readonly interfaces: AltqInterface[] = [];
  readonly announced: AnnouncedQueue[] = [];
  readonly altq: AltqQueue[] = [];
  readonly specs: QueueSpec[] = [];
  private readonly ids = new Map<string, number>();
  /** Names that the main ruleset defines, for an anchor that is loaded with it. */
  private readonly inherited: ReadonlySet<string>;

  constructor(inherited: readonly string[] = []) {
    this.inherited = new Set(inherited);
  }

  /** Whether a queue of today's language has this name. */
  isDefined(name: string): boolean {
    return this.inherited.has(name) || this.specs.some((spec) => spec.name === name);
  }

  find(name: string, interfaceName: string): AltqQueue | undefined {
    return this.altq.find((queue) => queue.name === name && queue.interface === interfaceName);
  }

  addAltq(queue: AltqQueue): void {
    this.id(queue.name);
    this.altq.push(queue);
  }

  /** The number of the queue of this name; queues of one name share it on all interfaces. */
  id(name: string): number {
    const known = this.ids.get(name) ?? this.ids.size + 1;
    this.ids.set(name, known);
    return known;
  }

  /** What is wrong with the queues as a whole, in pfctl's words. */
  problems(): string[] {
    return [...this.altqProblems(), ...this.specProblems()];
  }

  private altqProblems(): string[] {
    return this.interfaces.flatMap(({ name }) => {
      const defaults = this.altq.filter((queue) => queue.interface === name && queue.isDefault);
      return defaults.length === 1 ? [] : [`pfctl: should have one default queue on ${name}`];
    });
  }

  private specProblems(): string[] {
    if (this.specs.length === 0) return [];
    const flat = this.specs.find((spec) => spec.parent !== undefined && spec.bandwidth === 0);
    if (flat !== undefined) return [`pfctl: queue ${flat.name}: no bandwidth was specified`];
    const orphan = this.specs.find((spec) => spec.parent !== undefined && !this.isDefined(spec.parent));
    if (orphan !== undefined) return [`pfctl: queue ${orphan.name}: parent ${orphan.parent} not found`];
    const hasChild = (queue: QueueSpec) => this.specs.some((child) => child.parent === queue.name);
    const fallback = this.specs.find((spec) => spec.isDefault);
    if (fallback === undefined) return ['pfctl: no default queue specified'];
    const inner = this.specs.find((spec) => spec.isDefault && hasChild(spec));
    if (inner !== undefined) return [`pfctl: default queue ${inner.name} is not a leaf queue`];
    const flows = this.specs.find((spec) => spec.hasFlows && hasChild(spec));
    return flows === undefined ? [] : [`pfctl: flow queue ${flows.name} is not a leaf queue`];
  }

  /** Today's queues as trees, each parent before its children. */
  orderedSpecs(): QueueSpec[] {
    const below = (parent: string | undefined): QueueSpec[] =>
      this.specs.filter((spec) => spec.parent === parent).flatMap((spec) => [spec, ...below(spec.name)]);
    return below(undefined);
  }

  /** All queues as the kernel keeps them for listings: trees, each parent before its children. */
  definitions(): QueueDefinition[] {
    return [...this.altqDefinitions(), ...this.specDefinitions()];
  }

  private altqDefinitions(): QueueDefinition[] {
    const describe = (queue: AltqQueue, depth: number): QueueDefinition => ({
      name: queue.name,
      interface: queue.interface,
      parent: queue.parent,
      text: queue.text,
      id: this.id(queue.name),
      depth,
      interfaceBandwidth: this.interfaces.find(({ name }) => name === queue.interface)?.bandwidth ?? 0,
    });
    const tree = (queue: AltqQueue, depth: number): QueueDefinition[] => [
      describe(queue, depth),
      ...this.altq
        .filter((child) => child.parent === queue.name && child.interface === queue.interface)
        .flatMap((child) => tree(child, depth + 1)),
    ];
    return this.altq.filter((queue) => queue.parent === undefined).flatMap((queue) => tree(queue, 0));
  }

  private specDefinitions(): QueueDefinition[] {
    const roots = new Map<string, QueueSpec>();
    const depths = new Map<string, number>();
    return this.orderedSpecs().map((spec) => {
      const root = spec.parent === undefined ? spec : roots.get(spec.parent)!;
      const depth = spec.parent === undefined ? 0 : depths.get(spec.parent)! + 1;
      roots.set(spec.name, root);
      depths.set(spec.name, depth);
      return {
        name: spec.name,
        interface: root.interface ?? '',
        parent: spec.parent,
        text: spec.text,
        id: this.id(spec.name),
        depth,
        interfaceBandwidth: root.bandwidth,
      };
    });
  }
}

/** `10Mb`, `1.50Mb`, `33.60Kb`: a rate as ALTQ prints it. */
export function formatRate(rate: number): string {
  let scaled = rate;
  let unit = 0;
  while (scaled >= 1000 && unit < 3) {
    scaled /= 1000;
    unit++;
  }
  const hundredths = Math.trunc(scaled * 100) % 100;
  return `${hundredths === 0 ? Math.trunc(scaled) : scaled.toFixed(2)}${' KMG'[unit]}b`;
}
