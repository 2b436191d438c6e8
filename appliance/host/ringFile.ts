// SPDX-License-Identifier: ISC
//
// A file with a limit (newsyslog(8)): when it is full it becomes FILE.0, what was that FILE.1, and so on; the oldest goes. The
// owner's alone.

import { closeSync, existsSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';

export interface RingOptions {
  /** Bytes of one file. */
  readonly size: number;
  /** Files that are kept besides the one being written. */
  readonly keep: number;
}

export class RingFile {
  private readonly path: string;
  private readonly header: Uint8Array;
  private readonly options: RingOptions;
  private descriptor = -1;
  private length = 0;

  /** Begins a file with `header`; one that is there already is kept as FILE.0. */
  constructor(path: string, header: Uint8Array, options: RingOptions) {
    this.path = path;
    this.header = header;
    this.options = options;
    if (existsSync(path) && statSync(path).size > header.length) this.shift();
    this.begin();
  }

  append(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.options.size) {
      closeSync(this.descriptor);
      this.shift();
      this.begin();
    }
    this.write(bytes);
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private begin(): void {
    this.descriptor = openSync(this.path, 'w', 0o600);
    this.length = 0;
    this.write(this.header);
  }

  private write(bytes: Uint8Array): void {
    writeSync(this.descriptor, bytes);
    this.length += bytes.length;
  }

  private shift(): void {
    const { path } = this;
    const { keep } = this.options;
    rmSync(`${path}.${keep - 1}`, { force: true });
    for (let i = keep - 2; i >= 0; i--) {
      if (existsSync(`${path}.${i}`)) renameSync(`${path}.${i}`, `${path}.${i + 1}`);
    }
    renameSync(path, `${path}.0`);
  }
}
