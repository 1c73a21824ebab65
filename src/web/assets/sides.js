// Who is heard: the recording has the caller on the left and who answered on the right; both ears get what is chosen.

// How much of caller and callee the left ear gets; the right one gets the same the other way round. Where both are heard,
// each is mostly on its own side, so that two who talk at once can be told apart.
const MIXES = { both: [1, 0.45], caller: [1, 0], callee: [0, 1] };

export class Sides {
  #audio;
  #context = null;
  #gains = [];
  #chosen = 'both';

  constructor(audio) {
    this.#audio = audio;
  }

  /** Takes the sound through the mixer; browsers allow it after a key or a click. */
  wake() {
    if (this.#context) {
      if (this.#context.state === 'suspended') this.#context.resume();
      return;
    }
    const context = new AudioContext();
    const source = context.createMediaElementSource(this.#audio);
    const apart = context.createChannelSplitter(2);
    const together = context.createChannelMerger(2);
    source.connect(apart);
    this.#gains = [[0, 0], [1, 0], [0, 1], [1, 1]].map(([from, to]) => {
      const gain = context.createGain();
      apart.connect(gain, from);
      gain.connect(together, 0, to);
      return { gain, from, to };
    });
    together.connect(context.destination);
    this.#context = context;
    this.choose(this.#chosen);
    context.resume();
  }

  choose(who) {
    this.#chosen = who in MIXES ? who : 'both';
    const [caller, callee] = MIXES[this.#chosen];
    const both = this.#chosen === 'both';
    for (const { gain, from, to } of this.#gains) {
      const own = both ? (from === to ? caller : callee) : (from === 0 ? caller : callee);
      // A step would click.
      gain.gain.setTargetAtTime(own, this.#context.currentTime, 0.015);
    }
  }
}
