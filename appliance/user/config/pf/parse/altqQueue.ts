// SPDX-License-Identifier: ISC
//
// `queue …` of 2008 (pf.conf(5) of OpenBSD 4.4, "QUEUEING"): defined wherever `altq` or another queue has announced it.

import { evaluate, schedulerText, writtenBandwidth } from '../build/altqText.ts';
import type { AnnouncedQueue, Bandwidth, Scheduler } from '../build/queues.ts';
import type { Parsing } from '../parsing.ts';
import type { InterfaceNode } from '../syntax.ts';
import {
  DEFAULT_QLIMIT,
  MAX_QUEUE_NAME,
  parseChildren,
  parseQueueOptions,
  type QueueOptions,
  WHOLE,
} from './altq.ts';
import { parseInterfaces } from './criteria.ts';
import { checkOrder, endStatement } from './filterRule.ts';

const DEFAULT_PRIORITY = 1;
const MAX_PRIORITY: Readonly<Record<Scheduler, number>> = { cbq: 7, priq: 15, hfsc: 7, fairq: 15 };

/** One `queue …` of 2008; `queue` has been taken. */
export function parseClassicQueue(p: Parsing): void {
  const { cursor, config } = p;
  const name = cursor.string('queue');
  const interfaces = parseInterfaces(p);
  const options = parseQueueOptions(p);
  const children = parseChildren(p);
  endStatement(p);
  checkOrder(p, 'queue');
  if (name.length > MAX_QUEUE_NAME) cursor.fail(`queue name too long (max ${MAX_QUEUE_NAME} chars)`);
  if (options.tbrsize) cursor.fail('cannot specify tbrsize for queue');
  if (!config.parts.queues) return;
  if (!new QueueBuilder(p, name, options, children).build(interfaces)) {
    cursor.fail('errors in queue definition');
  }
}

class QueueBuilder {
  private readonly p: Parsing;
  private readonly name: string;
  private readonly options: QueueOptions;
  private readonly children: readonly string[];

  constructor(p: Parsing, name: string, options: QueueOptions, children: readonly string[]) {
    this.p = p;
    this.name = name;
    this.options = options;
    this.children = children;
  }

  /** Defines the queue wherever it was announced; false when that was nowhere or when it is wrong. */
  build(interfaces: readonly InterfaceNode[] | undefined): boolean {
    let found = 0;
    let wrong = 0;
    for (const entry of interfaces ?? [undefined]) {
      const places = this.p.config.queues.announced.filter(
        (place) => place.name === this.name && suits(place, entry),
      );
      for (const place of places) {
        found++;
        const text = this.define(place);
        if (text === undefined) return false;
        if (!this.announceChildren(place)) wrong++;
        if (entry !== undefined || found === 1) this.echo(text, place, entry !== undefined);
      }
    }
    if (found === 0) this.p.cursor.error(`queue ${this.name} has no parent`);
    return found > 0 && wrong === 0;
  }

  private define(place: AnnouncedQueue): string | undefined {
    const { p, options } = this;
    const { cursor } = p;
    const { scheduler } = place;
    if (options.scheduler !== undefined && options.scheduler.kind !== scheduler) {
      cursor.error('exactly one scheduler type per interface allowed');
      return undefined;
    }
    const bandwidth = options.bandwidth ?? WHOLE;
    if (scheduler === 'priq') {
      if (this.children.length > 0) return this.refuse('priq queues cannot have child queues');
      if (bandwidth.absolute > 0 || bandwidth.percent < 100)
        return this.refuse("priq doesn't take bandwidth");
    }
    return this.add(place, bandwidth);
  }

  private refuse(text: string): undefined {
    this.p.cursor.error(text);
    return undefined;
  }

  private note(text: string): undefined {
    this.p.diagnostics.note(text);
    this.p.diagnostics.errors++;
    return undefined;
  }

  private add(place: AnnouncedQueue, bandwidth: Bandwidth): string | undefined {
    const { options, name } = this;
    const { queues } = this.p.config;
    const { scheduler } = place;
    if (queues.find(name, place.interface) !== undefined) {
      return this.note(`queue ${name} already exists on interface ${place.interface}`);
    }
    const parent = place.parent === undefined ? undefined : queues.find(place.parent, place.interface);
    if (place.parent !== undefined && parent === undefined) {
      return this.note(`parent ${place.parent} not found for ${name}`);
    }
    const absolute = evaluate(bandwidth, parent?.bandwidth ?? 0);
    if (parent !== undefined && absolute > parent.bandwidth) {
      return this.note(`pfctl: bandwidth for ${name} higher than parent`);
    }
    const priority = options.priority ?? DEFAULT_PRIORITY;
    if (priority > MAX_PRIORITY[scheduler]) {
      return this.note(`pfctl: priority out of range: max ${MAX_PRIORITY[scheduler]}`);
    }
    const written = this.text(bandwidth, absolute, scheduler, undefined);
    queues.addAltq({
      name,
      interface: place.interface,
      parent: place.parent,
      bandwidth: absolute,
      priority,
      isDefault: options.scheduler?.flags.includes('default') ?? false,
      text: `${name} on ${place.interface} ${this.text({ absolute, percent: 0 }, absolute, scheduler, parent?.bandwidth)}`,
    });
    return written;
  }

  /** Everything behind the name and the interface. With `reference` shares are printed as rates. */
  private text(
    bandwidth: Bandwidth,
    absolute: number,
    scheduler: Scheduler,
    reference: number | undefined,
  ): string {
    const { priority = DEFAULT_PRIORITY, qlimit = DEFAULT_QLIMIT } = this.options;
    let text = scheduler === 'priq' ? '' : writtenBandwidth(bandwidth, absolute);
    if (priority !== DEFAULT_PRIORITY) text += `priority ${priority} `;
    if (qlimit !== DEFAULT_QLIMIT) text += `qlimit ${qlimit} `;
    if (this.options.scheduler !== undefined) text += schedulerText(this.options.scheduler, reference);
    return text;
  }

  private announceChildren(place: AnnouncedQueue): boolean {
    const { interface: on, scheduler } = place;
    let good = true;
    for (const child of this.children) {
      if (child === this.name) {
        this.p.cursor.error('queue cannot have itself as child');
        good = false;
      } else {
        this.p.config.queues.announced.push({ name: child, interface: on, parent: this.name, scheduler });
      }
    }
    return good;
  }

  private echo(text: string, place: AnnouncedQueue, withInterface: boolean): void {
    const on = withInterface ? `on ${place.interface} ` : '';
    const children = this.children.length > 0 ? `{ ${this.children.join(' ')} }` : '';
    this.p.config.echo.push(`queue ${this.name} ${on}${text}${children}`);
  }
}

function suits(place: AnnouncedQueue, entry: InterfaceNode | undefined): boolean {
  return entry === undefined || (place.interface === entry.name) !== entry.negated;
}
