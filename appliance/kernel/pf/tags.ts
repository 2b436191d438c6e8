// SPDX-License-Identifier: ISC
//
// Numbers of tag names (pf_tagname2tag): the same name is the same number as long as pf runs; 0 is no tag.

export class Tags {
  private readonly numbers = new Map<string, number>();

  numberOf(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    const number = this.numbers.size + 1;
    this.numbers.set(name, number);
    return number;
  }
}
