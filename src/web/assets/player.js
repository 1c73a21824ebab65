// The player of a call's page: what was said by whom, any moment of it, at any speed.

import { keys, since } from './app.js';
import { Parts } from './parts.js';
import { Peaks } from './peaks.js';
import { Pins } from './pins.js';
import { Sides } from './sides.js';
import { Waveform } from './waveform.js';

/** Milliseconds between two looks at a recording that grows, and how many may find nothing. */
const LOOK_EVERY = 2000;
const MISSES_MAX = 15;
/** Seconds of a key press, of a step and of a page. */
const [NUDGE, STEP, LEAP] = [5, 10, 30];
/** Steps of the time axis in seconds, and the room that one of its labels needs. */
const AXIS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
const LABEL_ROOM = 72;

const clock = (seconds) => since(0, seconds * 1000);

/** What somebody chose last time, in this browser. */
const chosen = {
  read(name, other) {
    try { return localStorage.getItem(`ringtag-${name}`) ?? other; } catch { return other; }
  },
  keep(name, value) {
    try { localStorage.setItem(`ringtag-${name}`, value); } catch { /* a browser that keeps nothing */ }
  },
};

/** Reads `#t=65`, `#t=65.5`, `#t=1:05` and `#t=1:02:03`; null for anything else. */
export function moment(hash) {
  const written = /^#t=((?:\d{1,3}:){0,2}\d{1,6}(?:\.\d{1,3})?)$/.exec(hash);
  return written ? written[1].split(':').reduce((all, part) => all * 60 + Number(part), 0) : null;
}

class Player {
  #root;
  #audio;
  #peaks;
  #wave;
  #sides;
  #pins;
  #slider;
  #at = 0;
  #length;
  #grows;
  /** The files of the recording, and the one that the audio element has. */
  #parts;
  #part = { number: 1, from: 0 };
  /** Up to where the audio element has been given a growing recording; null: all of it. */
  #given = null;
  #heard = 'both';
  #silences = [];
  #gaps;
  #dragged = null;
  #frame = 0;
  /** All of a growing recording was played; it goes on when there is more. */
  #waiting = false;
  #misses = 0;
  #arrived = false;

  constructor(root) {
    this.#root = root;
    this.#audio = this.#one('audio');
    this.#slider = this.#one('.slider');
    this.#length = Number(root.dataset.length) / 1000;
    this.#grows = 'grows' in root.dataset;
    this.#parts = new Parts((root.dataset.parts ?? root.dataset.length).split(',').map((millis) => Number(millis) / 1000));
    this.#gaps = [...root.querySelectorAll('.gaps [data-side]')].map(({ dataset }) => ({
      side: dataset.side,
      from: Number(dataset.from) / 1000,
      until: (Number(dataset.from) + Number(dataset.length)) / 1000,
    }));
    this.#peaks = new Peaks(root.dataset.peaks);
    this.#wave = new Waveform(this.#one('canvas'), this.#peaks);
    this.#sides = new Sides(this.#audio);
    this.#pins = new Pins(root, {
      clock,
      at: () => this.#at,
      say: (text) => this.#say(text),
      open: (at) => { this.seek(at); this.play(); },
      changed: () => this.#lay(),
    });
    this.#audio.controls = false;
    this.#audio.preservesPitch = true;
    this.#listen();
    this.#choices();
    this.#follow();
  }

  #one(selector) {
    return this.#root.querySelector(selector);
  }

  #say(text) {
    this.#one('.player-said').textContent = text;
  }

  // What comes from the audio element and from the page.

  #listen() {
    const audio = this.#audio;
    audio.addEventListener('play', () => this.#run());
    audio.addEventListener('playing', () => this.#say(''));
    audio.addEventListener('pause', () => this.#show());
    audio.addEventListener('seeked', () => this.#show());
    audio.addEventListener('timeupdate', () => { if (this.#dragged === null && audio.readyState) this.#at = this.#heardAt(); });
    audio.addEventListener('ended', () => this.#ended());
    audio.addEventListener('error', () => { if (audio.error) this.#say(this.#root.dataset.fault); this.#show(); });
    this.#one('.play').addEventListener('click', () => this.toggle());
    for (const step of this.#root.querySelectorAll('[data-by]')) {
      step.addEventListener('click', () => this.seek(this.#at + Number(step.dataset.by)));
    }
    this.#one('.link').addEventListener('click', () => this.#link());
    this.#drag();
    this.#slider.addEventListener('keydown', (event) => this.#key(event));
    window.addEventListener('hashchange', () => this.#arrive());
    new ResizeObserver(() => { this.#lay(); }).observe(this.#slider);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { this.#wave.forget(); this.#show(); });
    const free = (act) => (event) => event.target.closest('a, button, summary, input, select, [role="slider"]') ? false : act();
    keys({
      ' ': free(() => this.toggle()),
      k: () => this.toggle(),
      j: () => this.seek(this.#at - STEP),
      l: () => this.seek(this.#at + STEP),
      ArrowLeft: free(() => this.seek(this.#at - NUDGE)),
      ArrowRight: free(() => this.seek(this.#at + NUDGE)),
      '<': () => this.#faster(-1),
      '>': () => this.#faster(1),
      s: () => this.#one('.skip-silence').click(),
      n: () => this.#pins.begin(),
    });
  }

  #choices() {
    const speed = this.#one('.speed');
    const kept = chosen.read('speed', '1');
    if ([...speed.options].some((option) => option.value === kept)) speed.value = kept;
    const go = () => {
      this.#audio.defaultPlaybackRate = Number(speed.value);
      this.#audio.playbackRate = Number(speed.value);
    };
    go();
    speed.addEventListener('change', () => { go(); chosen.keep('speed', speed.value); });
    const skip = this.#one('.skip-silence');
    skip.checked = chosen.read('skip', 'no') === 'yes';
    skip.addEventListener('change', () => { chosen.keep('skip', skip.checked ? 'yes' : 'no'); this.#quiet(); });
    for (const side of this.#root.querySelectorAll('[name="heard"]')) {
      side.addEventListener('change', () => {
        this.#heard = side.value;
        this.#sides.wake();
        this.#sides.choose(side.value);
        this.#quiet();
      });
    }
  }

  #faster(by) {
    const speed = this.#one('.speed');
    const next = speed.selectedIndex + by;
    if (next < 0 || next >= speed.options.length) return;
    speed.selectedIndex = next;
    speed.dispatchEvent(new Event('change'));
  }

  // Playing.

  toggle() {
    if (this.#audio.paused) this.play();
    else this.#audio.pause();
  }

  play() {
    if (this.#at >= this.#length - 0.05 && !this.#grows) this.#at = 0;
    this.#give();
    this.#sides.wake();
    this.#audio.play().catch((error) => {
      // A seek or another source came between.
      if (error.name !== 'AbortError') this.#say(this.#root.dataset.fault);
    });
  }

  /** The moment that the audio element plays. */
  #heardAt() {
    return this.#part.from + this.#audio.currentTime;
  }

  seek(at) {
    this.#at = Math.min(Math.max(0, at), Math.max(0, this.#length - 0.05));
    const playing = !this.#audio.paused;
    const elsewhere = this.#parts.at(this.#at).number !== this.#part.number;
    if (elsewhere || (this.#given !== null && this.#at >= this.#given - 0.1)) {
      if (playing) this.play();
    } else if (this.#audio.readyState) {
      this.#audio.currentTime = this.#at - this.#part.from;
    }
    this.#show();
  }

  /** Gives the audio element its source: the file in which the moment lies, a growing one up to now, since what follows is not there yet. */
  #give() {
    const { sound } = this.#root.dataset;
    const audio = this.#audio;
    const part = this.#parts.at(this.#at);
    const asked = part.number > 1 ? [`part=${part.number}`] : [];
    if (this.#grows) {
      const enough = part.number === this.#part.number && this.#given !== null && this.#at < this.#given - 0.1;
      if (enough && audio.readyState) return;
      this.#given = part.until;
      asked.push(`until_ms=${Math.floor((part.until - part.from) * 1000)}`);
    } else {
      this.#given = null;
    }
    this.#part = part;
    const source = asked.length ? `${sound}?${asked.join('&')}` : sound;
    if (audio.getAttribute('src') !== source) audio.src = source;
    const at = this.#at - part.from;
    if (Math.abs(audio.currentTime - at) > 0.05) audio.currentTime = at;
  }

  #ended() {
    const part = this.#parts.of(this.#part.number);
    if (!part.last) {
      // The next file goes on where this one ends; one that grew since it was given goes on itself.
      const isWhole = this.#given === null || Math.max(this.#given, this.#heardAt()) > part.until - 0.05;
      this.#at = isWhole ? part.until : this.#given;
      this.play();
    } else if (this.#given !== null && (this.#length > this.#given + 0.2 || this.#grows)) {
      // The edge of what there was: on with what has come, or as soon as it comes.
      this.#at = this.#given;
      if (this.#length > this.#given + 0.2) this.play();
      else this.#waiting = true;
    }
    this.#show();
  }

  #run() {
    cancelAnimationFrame(this.#frame);
    const step = () => {
      if (this.#audio.paused) return;
      if (this.#dragged === null && this.#audio.readyState) this.#at = this.#heardAt();
      const silence = this.#one('.skip-silence').checked
        && this.#silences.find(([from, until]) => this.#at >= from && this.#at < until - 0.05);
      if (silence && !this.#audio.seeking && this.#dragged === null) this.seek(silence[1]);
      this.#show();
      this.#frame = requestAnimationFrame(step);
    };
    this.#frame = requestAnimationFrame(step);
    this.#show();
  }

  // The recording as it grows.

  async #follow() {
    const status = await this.#peaks.load().catch(() => 0);
    if (status === 200) {
      this.#misses = 0;
      this.#length = this.#peaks.length;
      this.#parts.set(this.#peaks.lengths);
      this.#grows = this.#peaks.grows;
    } else {
      // Between the end of a call and its finished file there is nothing for a moment.
      this.#misses += 1;
      this.#grows &&= this.#misses < MISSES_MAX && ![401, 403, 410].includes(status);
    }
    if (!this.#grows && status !== 200) this.#say(this.#root.dataset[status === 404 ? 'none' : 'fault']);
    this.#one('.player-grows').hidden = !this.#grows || this.#peaks.count === 0;
    this.#quiet();
    this.#lay();
    if (!this.#arrived) this.#arrive();
    if (this.#waiting && this.#length > this.#given + 0.2) {
      this.#waiting = false;
      this.play();
    }
    if (this.#grows) setTimeout(() => this.#follow(), LOOK_EVERY);
  }

  #quiet() {
    const sides = this.#heard === 'both' ? ['caller', 'callee'] : [this.#heard];
    this.#silences = this.#one('.skip-silence').checked ? this.#peaks.silences(sides) : [];
    this.#show();
  }

  // A moment, by link.

  #arrive() {
    this.#arrived = true;
    const at = moment(location.hash);
    if (at === null) return;
    this.seek(at);
    this.#slider.scrollIntoView({ block: 'nearest' });
  }

  async #link() {
    const link = new URL(location.href);
    link.hash = `t=${Math.floor(this.#at)}`;
    history.replaceState(history.state, '', link);
    const { copied, kept } = this.#root.dataset;
    try {
      await navigator.clipboard.writeText(link.href);
      this.#say(copied.replace('%1', clock(this.#at)));
    } catch {
      // Without TLS there is no clipboard: the address bar has the link.
      this.#say(kept.replace('%1', clock(this.#at)));
    }
  }

  // The waveform as a slider.

  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const to = {
      ArrowLeft: this.#at - NUDGE,
      ArrowDown: this.#at - NUDGE,
      ArrowRight: this.#at + NUDGE,
      ArrowUp: this.#at + NUDGE,
      PageDown: this.#at - LEAP,
      PageUp: this.#at + LEAP,
      Home: 0,
      End: this.#length,
    }[event.key];
    if (to !== undefined) this.seek(to);
    else if (event.key === ' ' || event.key === 'Enter') this.toggle();
    else return;
    event.preventDefault();
  }

  #drag() {
    const slider = this.#slider;
    const hover = this.#one('.hover');
    const under = (event) => {
      const box = slider.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.#length;
    };
    slider.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      slider.setPointerCapture(event.pointerId);
      slider.focus({ preventScroll: true });
      this.#dragged = under(event);
      this.#show();
    });
    slider.addEventListener('pointermove', (event) => {
      const at = under(event);
      hover.hidden = event.pointerType === 'touch' && this.#dragged === null;
      hover.textContent = clock(at);
      hover.style.left = `${(at / this.#length) * 100}%`;
      if (this.#dragged === null) return;
      this.#dragged = at;
      this.#show();
    });
    slider.addEventListener('pointerup', () => {
      const at = this.#dragged;
      this.#dragged = null;
      if (at !== null) this.seek(at);
    });
    slider.addEventListener('pointercancel', () => { this.#dragged = null; this.#show(); });
    slider.addEventListener('pointerleave', () => { hover.hidden = true; });
  }

  /** Lays what depends on width and length: the axis, the marks of notes. */
  #lay() {
    const width = this.#slider.clientWidth;
    if (!width || !this.#length) return;
    const step = AXIS.find((step) => (step / this.#length) * width >= LABEL_ROOM) ?? AXIS.at(-1);
    const axis = this.#one('.axis');
    const labels = [];
    // A label that does not fit before the end would be cut.
    const last = this.#length * (1 - LABEL_ROOM / 2 / width);
    for (let at = 0; at <= last && labels.length < 200; at += step) {
      const label = document.createElement('span');
      label.textContent = clock(at);
      label.style.left = `${(at / this.#length) * 100}%`;
      labels.push(label);
    }
    axis.replaceChildren(...labels);
    this.#one('.marks').replaceChildren(...this.#pins.marks(this.#length));
    this.#show();
  }

  #show() {
    const at = this.#dragged ?? this.#at;
    const length = Math.max(this.#length, 0.001);
    const words = this.#root.dataset;
    this.#wave.draw({
      at,
      length,
      gaps: this.#gaps,
      silences: this.#silences,
      muted: { both: null, caller: 'callee', callee: 'caller' }[this.#heard],
    });
    this.#one('.head').style.left = `${Math.min(1, at / length) * 100}%`;
    const [now, all] = [clock(at), clock(this.#length)];
    const put = (selector, text) => {
      const place = this.#one(selector);
      if (place.textContent !== text) place.textContent = text;
    };
    put('.at', now);
    put('.length', all);
    const slider = this.#slider;
    if (slider.getAttribute('aria-valuenow') !== String(Math.floor(at))) {
      slider.setAttribute('aria-valuenow', Math.floor(at));
    }
    slider.setAttribute('aria-valuemax', Math.floor(this.#length));
    slider.setAttribute('aria-valuetext', words.position.replace('%1', now).replace('%2', all));
    const playing = !this.#audio.paused && !this.#audio.ended;
    const play = this.#one('.play');
    if (play.classList.contains('playing') !== playing) {
      play.classList.toggle('playing', playing);
      play.setAttribute('aria-label', playing ? words.pause : words.play);
    }
  }
}

for (const root of document.querySelectorAll('.player')) new Player(root);
