// The files of a long recording as one stretch of time.

export class Parts {
  /** Seconds of each file, in order. */
  #lengths;

  constructor(lengths) {
    this.#lengths = lengths;
  }

  set(lengths) {
    this.#lengths = [...lengths];
  }

  /** The file in which a moment lies: its number, from 1, when it begins and ends, and whether it is the last. */
  at(moment) {
    const last = this.#lengths.length - 1;
    let from = 0;
    for (const [place, length] of this.#lengths.entries()) {
      const until = from + length;
      if (moment < until || place === last) return { number: place + 1, from, until, last: place === last };
      from = until;
    }
    return { number: 1, from: 0, until: 0, last: true };
  }

  /** The same of a file by its number. */
  of(number) {
    const from = this.#lengths.slice(0, number - 1).reduce((all, length) => all + length, 0);
    return { number, from, until: from + (this.#lengths[number - 1] ?? 0), last: number >= this.#lengths.length };
  }
}
