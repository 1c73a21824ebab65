// Draws both sides of a recording: the caller upwards, who answered downwards, what was played in full colour.

const BAR = 3;
const STEP = 4;
const MIDDLE = 2;
/** Quiet lines are drawn larger, but nobody's whisper as a shout. */
const LARGER_MAX = 3;

/** A colour of the style, as the page has it now. */
const colour = (of, name, other) => getComputedStyle(of).getPropertyValue(name).trim() || other;

export class Waveform {
  #canvas;
  #peaks;
  #colours = null;
  #bars = [];
  #larger = 1;
  #key = '';

  constructor(canvas, peaks) {
    this.#canvas = canvas;
    this.#peaks = peaks;
  }

  /** The theme or the size is another. */
  forget() {
    this.#colours = null;
    this.#key = '';
  }

  /**
   * Draws. `shown.at` and `shown.length` are seconds; `shown.gaps` are `{side, from, until}`; `shown.silences` are skipped;
   * `shown.muted` is the side that is not heard.
   */
  draw(shown) {
    const canvas = this.#canvas;
    const dense = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * dense) || canvas.height !== Math.round(height * dense)) {
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(height * dense);
    }
    this.#colours ??= {
      caller: colour(canvas, '--wave-caller', '#0b5f7a'),
      callee: colour(canvas, '--wave-callee', '#805200'),
      line: colour(canvas, '--line', '#e1ded5'),
      gap: colour(canvas, '--red', '#a9271d'),
      skipped: colour(canvas, '--grey-tint', '#eceae3'),
    };
    const draw = canvas.getContext('2d');
    draw.setTransform(dense, 0, 0, dense, 0, 0);
    draw.clearRect(0, 0, width, height);
    const middle = height / 2;
    const x = (seconds) => (seconds / shown.length) * width;
    draw.fillStyle = this.#colours.skipped;
    for (const [from, until] of shown.silences) draw.fillRect(x(from), 0, x(until) - x(from), height);
    draw.fillStyle = this.#colours.line;
    draw.fillRect(0, middle - 0.5, width, 1);
    this.#measure(width, shown.length);
    const played = x(shown.at);
    for (const [side, up] of [['caller', true], ['callee', false]]) {
      draw.fillStyle = this.#colours[side];
      const loud = shown.muted === side ? 0.35 : 1;
      this.#bars.forEach((bar, n) => {
        const left = n * STEP;
        const [peak, mean] = bar[side];
        const full = left < played ? loud : loud * 0.45;
        for (const [size, share] of [[peak, 0.45], [mean, 1]]) {
          const tall = Math.max(size * this.#larger * (middle - MIDDLE - 4), size > 0.02 ? 1 : 0);
          if (!tall) continue;
          draw.globalAlpha = full * share;
          draw.fillRect(left, up ? middle - MIDDLE - tall : middle + MIDDLE, BAR, tall);
        }
      });
      draw.globalAlpha = 1;
    }
    for (const gap of shown.gaps) this.#hatch(draw, x(gap.from), x(gap.until), gap.side, middle, height);
  }

  /** How tall each bar is: counted once for a width and a length. */
  #measure(width, length) {
    const key = `${width} ${length} ${this.#peaks.count}`;
    if (key === this.#key) return;
    this.#key = key;
    const each = (STEP / width) * length;
    this.#larger = Math.min(LARGER_MAX, 1 / Math.max(this.#peaks.loudest(), 0.01));
    this.#bars = Array.from({ length: Math.ceil(width / STEP) }, (_, n) => ({
      caller: this.#peaks.loudness('caller', n * each, (n + 1) * each),
      callee: this.#peaks.loudness('callee', n * each, (n + 1) * each),
    }));
  }

  /** Where sound is missing: oblique lines, which no colour is needed to see. */
  #hatch(draw, from, until, side, middle, height) {
    const [top, bottom] = side === 'caller' ? [2, middle - MIDDLE] : [middle + MIDDLE, height - 2];
    const wide = Math.max(3, until - from);
    draw.save();
    draw.beginPath();
    draw.rect(from, top, wide, bottom - top);
    draw.clip();
    draw.strokeStyle = this.#colours.gap;
    draw.globalAlpha = 0.75;
    draw.lineWidth = 1.25;
    draw.beginPath();
    for (let left = from - (bottom - top); left < from + wide; left += 7) {
      draw.moveTo(left, bottom);
      draw.lineTo(left + (bottom - top), top);
    }
    draw.stroke();
    draw.globalAlpha = 1;
    draw.strokeRect(from + 0.5, top + 0.5, wide - 1, bottom - top - 1);
    draw.restore();
  }
}
