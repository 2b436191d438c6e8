// SPDX-License-Identifier: ISC
//
// A window on bytes that fails the test when anything outside it is read: what reads past a packet's end reads another's data.

/** Behaves as `bytes`, but an index outside [from, to) throws. */
export function guard(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Proxy(bytes, {
    get(target, key) {
      if (typeof key === 'string' && /^-?\d+$/.test(key)) {
        const index = Number(key);
        if (index < from || index >= to)
          throw new RangeError(`read of byte ${index} outside [${from}, ${to})`);
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
