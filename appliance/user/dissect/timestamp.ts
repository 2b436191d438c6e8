// SPDX-License-Identifier: ISC
//
// The time in front of a packet's line, by the number of -t given to tcpdump(8).

/** No -t, -t, -tt, -ttt, -tttt, -ttttt. */
export type TimestampStyle = 'clock' | 'none' | 'epoch' | 'date' | 'delta' | 'elapsed';

const STYLES: readonly TimestampStyle[] = ['clock', 'none', 'epoch', 'date', 'delta', 'elapsed'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const SECOND = 1_000_000;
const DAY = 86_400;

/** The style that so many -t ask for; more than five are five. */
export function timestampStyle(count: number): TimestampStyle {
  return STYLES[Math.min(count, STYLES.length - 1)]!;
}

/** Prints the times of the packets of one capture, in their order. */
export class Timestamps {
  private readonly style: TimestampStyle;
  private readonly zone: number;
  /** What differences are taken from: the packet before, or the first one. */
  private origin: number | undefined;

  /** `zone` is the local time's lead on UTC in seconds; -tt and differences do without. */
  constructor(style: TimestampStyle, zone: number) {
    this.style = style;
    this.zone = zone;
  }

  /** Text for a packet caught at `time`, in microseconds since 1970, with the space that follows it; empty for -t. */
  print(time: number): string {
    switch (this.style) {
      case 'none':
        return '';
      case 'epoch':
        return `${seconds(time)} `;
      case 'date':
        return `${date(this.local(time))} ${clock(this.local(time))} `;
      case 'delta':
      case 'elapsed':
        return `${seconds(this.difference(time))} `;
      default:
        return `${clock(this.local(time))} `;
    }
  }

  private local(time: number): number {
    return time + this.zone * SECOND;
  }

  /** The first packet has no difference. */
  private difference(time: number): number {
    const difference = time - (this.origin ?? time);
    if (this.style === 'delta' || this.origin === undefined) this.origin = time;
    return difference;
  }
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0');
}

function seconds(time: number): string {
  const whole = Math.floor(Math.abs(time) / SECOND);
  return `${time < 0 ? '-' : ''}${whole}.${digits(Math.floor(Math.abs(time) % SECOND), 6)}`;
}

function clock(time: number): string {
  const second = Math.floor(time / SECOND) % DAY;
  const fields = [Math.floor(second / 3600), Math.floor(second / 60) % 60, second % 60];
  return `${fields.map((field) => digits(field, 2)).join(':')}.${digits(Math.floor(time % SECOND), 6)}`;
}

function date(time: number): string {
  const day = new Date(time / 1000);
  return `${MONTHS[day.getUTCMonth()]!} ${digits(day.getUTCDate(), 2)}`;
}
