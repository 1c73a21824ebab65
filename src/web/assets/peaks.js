// How loud each side is, twenty times a second: read from the server's bytes (src/recording/peaks.rs says what they mean).

const HEADER = 24;
const BUCKET = 4;

/** A side's loudness as it grows: two numbers from 0 to 255 for each bucket, peak and mean. */
class Side {
  peak = new Uint8Array(0);
  mean = new Uint8Array(0);

  grow(length) {
    if (length <= this.peak.length) return;
    const room = Math.max(length, this.peak.length * 2, 4096);
    for (const of of ['peak', 'mean']) {
      const larger = new Uint8Array(room);
      larger.set(this[of]);
      this[of] = larger;
    }
  }
}

export class Peaks {
  perSecond = 20;
  count = 0;
  length = 0;
  grows = false;
  caller = new Side();
  callee = new Side();
  /** Seconds of each file of the recording that was read. */
  lengths = [];
  #path;
  /** The file that is read, the bucket and the second in which it begins, and whether another follows. */
  #file = 1;
  #first = 0;
  #before = 0;
  #followed = false;

  constructor(path) {
    this.#path = path;
  }

  /** Reads what there is of all files beyond what was read before. */
  async load() {
    for (;;) {
      const status = await this.#read();
      if (status !== 200 || !this.#followed) return status;
      this.#before = this.length;
      this.#first = Math.round(this.#before * this.perSecond);
      this.#file += 1;
    }
  }

  /** Reads one file. The last bucket of a growing one may have been a part. */
  async #read() {
    const from = Math.max(0, this.count - this.#first - 1);
    const asked = [];
    if (this.#file > 1) asked.push(`part=${this.#file}`);
    if (from) asked.push(`from=${from}`);
    const answer = await fetch(asked.length ? `${this.#path}?${asked.join('&')}` : this.#path);
    if (!answer.ok) return answer.status;
    const bytes = await answer.arrayBuffer();
    const head = new DataView(bytes);
    if (bytes.byteLength < HEADER || head.getUint32(0) !== 0x5254504b || head.getUint8(4) !== 1) return 500;
    this.perSecond = head.getUint16(6, true);
    const first = this.#first + head.getUint32(8, true);
    const end = first + head.getUint32(12, true);
    const length = head.getUint32(16, true) / 1000;
    this.lengths[this.#file - 1] = length;
    this.length = this.#before + length;
    const flags = head.getUint32(20, true);
    this.grows = (flags & 1) === 1;
    this.#followed = (flags & 2) === 2;
    const buckets = new Uint8Array(bytes, HEADER);
    this.caller.grow(end);
    this.callee.grow(end);
    for (let n = first, at = 0; n < end; n += 1, at += BUCKET) {
      this.caller.peak[n] = buckets[at];
      this.caller.mean[n] = buckets[at + 1];
      this.callee.peak[n] = buckets[at + 2];
      this.callee.mean[n] = buckets[at + 3];
    }
    this.count = end;
    return 200;
  }

  /** How loud a side is between two moments, from 0 to 1: `[peak, mean]`. */
  loudness(side, from, until) {
    const first = Math.max(0, Math.floor(from * this.perSecond));
    const end = Math.min(this.count, Math.max(first + 1, Math.ceil(until * this.perSecond)));
    let peak = 0;
    let mean = 0;
    for (let n = first; n < end; n += 1) {
      peak = Math.max(peak, this[side].peak[n]);
      mean += this[side].mean[n] ** 2;
    }
    return [peak / 255, Math.sqrt(mean / Math.max(1, end - first)) / 255];
  }

  /** The loudest there is, from 0 to 1. */
  loudest() {
    let peak = 0;
    for (let n = 0; n < this.count; n += 1) peak = Math.max(peak, this.caller.peak[n], this.callee.peak[n]);
    return peak / 255;
  }

  /** Stretches of at least `least` seconds in which none of `sides` speaks, with `margin` of them left at each end. */
  silences(sides, least = 1.5, margin = 0.3) {
    const limits = sides.map((side) => this.#noise(side));
    const found = [];
    let since = -1;
    for (let n = 0; n <= this.count; n += 1) {
      const quiet = n < this.count && sides.every((side, of) => this[side].mean[n] <= limits[of]);
      if (quiet && since < 0) since = n;
      if (quiet || since < 0) continue;
      const [from, until] = [since / this.perSecond, n / this.perSecond];
      if (until - from >= least) found.push([from + margin, until - margin]);
      since = -1;
    }
    return found;
  }

  /** Up to where a side's sound is its line's noise: a little over the quietest fifth, within what no speech is. */
  #noise(side) {
    const sorted = this[side].mean.slice(0, this.count).sort();
    const quiet = sorted[Math.floor(sorted.length / 5)] ?? 0;
    return Math.min(34, Math.max(14, quiet * 1.5));
  }
}
