// Notes pinned to moments of a recording: shown as a list and as marks over the waveform, written and taken away here.

export class Pins {
  #root;
  #list;
  #form;
  #player;
  #at = 0;

  /** `player` knows the moment (`at`), shows one (`open`), says what happened (`say`) and draws again (`changed`). */
  constructor(root, player) {
    this.#root = root;
    this.#player = player;
    this.#list = root.querySelector('.pins');
    this.#form = root.querySelector('.pin-form');
    this.#list.addEventListener('click', (event) => this.#click(event));
    if (!this.#form) return;
    root.querySelector('.pin').addEventListener('click', () => this.begin());
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#save();
    });
    this.#form.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#close();
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.#form.requestSubmit();
    });
    this.#form.querySelector('[type="button"]').addEventListener('click', () => this.#close());
  }

  /** Begins a note at this moment. */
  begin() {
    if (!this.#form) return;
    if (this.#form.hidden) this.#at = Math.floor(this.#player.at());
    this.#form.hidden = false;
    this.#form.querySelector('.pin-when').textContent = this.#player.clock(this.#at);
    this.#form.querySelector('textarea').focus();
  }

  /** A mark for each note, for a recording of so many seconds. */
  marks(length) {
    return [...this.#list.children].map((note) => {
      const mark = document.createElement('span');
      mark.title = note.querySelector('.pin-text').textContent;
      mark.style.left = `${Math.min(1, Number(note.dataset.at) / 1000 / length) * 100}%`;
      mark.addEventListener('click', () => this.#player.open(Number(note.dataset.at) / 1000));
      return mark;
    });
  }

  #close() {
    this.#form.hidden = true;
    this.#form.querySelector('textarea').value = '';
    this.#root.querySelector('.pin').focus();
  }

  #click(event) {
    const note = event.target.closest('li');
    if (!note) return;
    if (event.target.closest('.pin-at')) {
      event.preventDefault();
      this.#player.open(Number(note.dataset.at) / 1000);
    } else if (event.target.closest('.pin-remove')) {
      this.#remove(note);
    }
  }

  async #ask(method, path, body) {
    const answer = await fetch(`${this.#root.dataset.notes}${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'x-csrf': this.#root.dataset.csrf },
      body: body && JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  async #save() {
    const text = this.#form.querySelector('textarea').value.trim();
    if (!text) return;
    try {
      await this.#changed(await this.#ask('POST', '', { at_ms: this.#at * 1000, text }));
      this.#close();
      this.#player.say(this.#root.dataset.noted.replace('%1', this.#player.clock(this.#at)));
    } catch {
      this.#player.say(this.#root.dataset.refused);
    }
  }

  async #remove(note) {
    try {
      await this.#changed(await this.#ask('DELETE', `/${note.dataset.id}`));
      (this.#list.querySelector('.pin-at') ?? this.#root.querySelector('.pin')).focus();
    } catch {
      this.#player.say(this.#root.dataset.refused);
    }
  }

  /** The call was changed from here: the list is the server's, in whose words and zone the page is. */
  async #changed(call) {
    document.dispatchEvent(new CustomEvent('said', { detail: call }));
    const answer = await fetch(location.pathname, { headers: { accept: 'text/html' } });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    this.#list.replaceChildren(...document.adoptNode(page.querySelector('.player .pins')).children);
    this.#player.changed();
  }
}
