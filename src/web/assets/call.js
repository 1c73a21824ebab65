// A call's page: what it was, saved piece by piece; two people at once notice each other; what goes on is shown.

import { keys, types } from './app.js';
import { follow, gather } from './live.js';

const head = document.getElementById('head');
const id = head.dataset.id;
const form = document.getElementById('say');
const place = document.getElementById('live-state');

/** What the form says, member by member, as the API names it. */
function said(of = form) {
  const data = new FormData(of);
  const text = (name) => (data.get(name) ?? '').trim() || null;
  const tags = data.getAll('tags');
  for (const tag of (data.get('new_tag') ?? '').split(',').map((one) => one.trim())) {
    if (tag && !tags.includes(tag)) tags.push(tag);
  }
  const value = (data.get('value') ?? '').replace(/[\s\u00a0\u202f]/g, '').replace(',', '.');
  const target = data.get('target') ?? '';
  const result = {
    tags,
    target: target ? target === 'true' : null,
    goal: text('goal'),
    stage: text('stage'),
    outcome: text('outcome'),
    value: value ? Number(value) : null,
    note: text('note'),
  };
  if (of.elements.called_back) result.called_back = data.has('called_back');
  return result;
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
let before = form ? said() : {};

function changes() {
  const now = said();
  return Object.fromEntries(Object.entries(now).filter(([name, value]) => !same(value, before[name])));
}
const isDirty = () => form && Object.keys(changes()).length > 0;

function tell(text, kind = '') {
  const state = document.getElementById('save-state');
  state.textContent = text;
  state.className = `sub ${kind}`;
}

/** The page as the server has it now. */
async function current() {
  const answer = await fetch(`/calls/${id}`, { headers: { accept: 'text/html' } });
  if (!answer.ok) throw new Error(`call: ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), 'text/html');
}

/** Puts the parts of a newer page in the places of the older ones. */
function renew(page, names) {
  for (const name of names) {
    const [old, fresh] = [document.getElementById(name), page.getElementById(name)];
    if (old && fresh && old.innerHTML !== fresh.innerHTML) old.replaceChildren(...document.importNode(fresh, true).childNodes);
  }
}

/** Takes the form as the server has it; where the hand is stays where it is. */
function renewForm(page) {
  if (!form) return;
  const at = form.contains(document.activeElement) ? document.activeElement.id : '';
  renew(page, ['say']);
  before = said();
  if (at) document.getElementById(at)?.focus();
}

/** Saves that are under way: what they change is no news. */
let saving = 0;

async function save(version) {
  saving += 1;
  try {
    await send(version);
  } finally {
    saving -= 1;
  }
}

async function send(version = form.elements.version.value) {
  const set = changes();
  if (!Object.keys(set).length) { tell(form.dataset.saved); return; }
  const answer = await fetch(`/api/v1/calls/${id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json', 'if-match': `"${version}"`, 'x-csrf': form.elements.csrf.value },
    body: JSON.stringify(set),
  });
  if (answer.status === 412) { await meet(); return; }
  if (!answer.ok) {
    const error = await answer.json().catch(() => null);
    tell(`${form.dataset.failed} ${error?.error?.message ?? ''}`, 'bad');
    return;
  }
  const page = await current();
  document.getElementById('conflict').hidden = true;
  renewForm(page);
  renew(page, ['history']);
  tell(form.dataset.saved, 'good');
}

/** Somebody was quicker: says what they changed and lets choose. */
async function meet() {
  const page = await current();
  const seen = Number(form.elements.version.value);
  const news = [...page.querySelectorAll('#history li')].filter((one) => Number(one.dataset.n) > seen);
  if (!isDirty()) { renewForm(page); renew(page, ['history']); return; }
  const box = document.getElementById('conflict');
  box.querySelector('ul').replaceChildren(...news.map((one) => document.importNode(one, true)));
  box.dataset.version = page.querySelector('#say [name="version"]').value;
  box.page = page;
  box.hidden = false;
  box.querySelector('button').focus();
}

const update = gather(300, async () => {
  try {
    const page = await current();
    const wasLive = head.dataset.live === 'true';
    renew(page, ['path']);
    const fresh = page.getElementById('head');
    head.dataset.live = fresh.dataset.live;
    renew(page, ['head']);
    renew(page, ['history']);
    if (form && !saving && page.querySelector('#say [name="version"]')) {
      const version = page.querySelector('#say [name="version"]').value;
      // A page that was asked for before a save may come after it.
      if (Number(version) > Number(form.elements.version.value)) {
        const mine = [...page.querySelectorAll('#history li')].some((one) => Number(one.dataset.n) > Number(form.elements.version.value));
        if (!isDirty()) renewForm(page);
        else if (mine) await meet();
        else form.elements.version.value = version;
      }
    }
    // The player comes with the answer, and the file with the end: they are made with the page.
    const player = page.getElementById('player');
    if (player && (!document.getElementById('player') || (wasLive && fresh.dataset.live === 'false')) && !isDirty()
      && !document.querySelector('#player audio:not([data-idle])')?.currentTime) location.reload();
  } catch (error) {
    console.warn(error);
  }
});

if (form) {
  // A note that was pinned here is no news to who pinned it.
  document.addEventListener('said', ({ detail }) => {
    const seen = Number(form.elements.version.value);
    const news = detail.said.filter(({ n }) => n > seen);
    if (news.length === 1 && news[0].what === 'pinned') form.elements.version.value = detail.version;
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    save().catch((error) => tell(`${form.dataset.failed} ${error.message}`, 'bad'));
  });
  form.addEventListener('input', () => tell(isDirty() ? form.dataset.unsaved : ''));
  form.addEventListener('click', (event) => {
    const choice = event.target.closest('#conflict button');
    if (!choice) return;
    const box = document.getElementById('conflict');
    const { page } = box;
    box.hidden = true;
    if (choice.value === 'theirs') {
      renewForm(page);
      renew(page, ['history']);
      tell('');
    } else {
      save(box.dataset.version).catch((error) => tell(error.message, 'bad'));
    }
  });
  // A choice that is pressed again is taken back.
  let held = null;
  form.addEventListener('pointerdown', (event) => { held = event.target.closest('label')?.querySelector('input[type="radio"]:checked') ?? null; });
  form.addEventListener('click', (event) => {
    if (held && event.target === held) { held.checked = false; tell(form.dataset.unsaved); }
  });
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
    if (event.key === 'Escape' && types(event.target)) event.target.blur();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.defaultPrevented) form.requestSubmit();
  });
  window.addEventListener('beforeunload', (event) => { if (isDirty()) event.preventDefault(); });

  const toggle = (name, value) => () => {
    const box = [...form.querySelectorAll(`input[name="${name}"]`)].find((one) => (typeof value === 'number' ? one === form.querySelectorAll(`input[name="${name}"]`)[value] : one.value === value));
    if (!box) return false;
    box.checked = !box.checked;
    tell(isDirty() ? form.dataset.unsaved : '');
  };
  const focus = (name) => () => {
    const field = document.getElementById(name);
    if (!field) return false;
    field.focus();
    field.scrollIntoView({ block: 'nearest' });
  };
  const table = { y: toggle('target', 'true'), u: toggle('target', 'false'), t: focus('new-tag'), a: focus('stage'), o: focus('outcome'), v: focus('value'), e: focus('note'), r: toggle('called_back', 'true') };
  for (let n = 0; n < 9; n += 1) table[String(n + 1)] = toggle('goal', n);
  keys(table);
}

head.addEventListener('click', async (event) => {
  const button = event.target.closest('.hang-up');
  if (!button || !confirm(button.dataset.ask)) return;
  button.disabled = true;
  const answer = await fetch(`/api/v1/calls/${id}/hangup`, { method: 'POST', headers: { 'x-csrf': button.dataset.csrf } }).catch((error) => error);
  if (answer.ok) return;
  button.disabled = false;
  const error = await answer.json?.().catch(() => null);
  alert(`${button.dataset.failed} ${error?.error?.message ?? answer.message ?? answer.status}`);
});

follow({
  news: (_kind, call) => { if (call === id) update(call); },
  resync: () => update(id),
  state: (on) => {
    place.classList.toggle('off', !on);
    const text = on ? place.dataset.on : place.dataset.off;
    if (place.textContent !== text) place.textContent = text;
  },
});
