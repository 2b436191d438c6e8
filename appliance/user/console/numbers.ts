// SPDX-License-Identifier: ISC
//
// Numbers as people read them.

const UNITS = ['', 'k', 'M', 'G', 'T', 'P'];

/** `17`, `1.7k`, `170M`: at most four characters and a unit, in steps of 1000. */
export function scaled(value: number): string {
  let unit = 0;
  let rest = value;
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit++;
  }
  const text = unit === 0 || rest >= 99.5 ? rest.toFixed(0) : rest.toFixed(1);
  return text + UNITS[unit]!;
}

/** Bits a second of so many bytes a second. */
export function bitRate(bytes: number): string {
  return `${scaled(8 * bytes)}b/s`;
}

/** `1:02:03`. */
export function duration(seconds: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
}
