// The list of calls: rows as they come, keys, several calls at once.

import { keys } from './app.js';
import { follow, gather } from './live.js';

const ROWS_MAX = 300;

const table = document.getElementById('calls');
const live = document.getElementById('live');
const button = document.getElementById('news');
const picked = document.getElementById('picked');
const place = document.getElementById('live-state');
const follows = table.hasAttribute('data-follows');
const waiting = new Set();

const row = (id) => document.getElementById(`c-${id}`);

/** Asks the server for rows as this page would show them: those that its conditions leave out do not come. */
async function fetchRows(ids, news = 0, more = '') {
  const query = table.dataset.query;
  const answer = await fetch(`/ui/rows?${query ? `${query}&` : ''}ids=${ids.join(',')}&news=${news}${more}`, {
    headers: { accept: 'text/html' },
  });
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error(`rows: ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  return { rows: [...page.querySelectorAll('tr.call')], text: page.querySelector('.news').textContent };
}

/** Puts a row in the place of the one that is there: same height, same choice, focus kept. */
function renew(fresh) {
  const old = row(fresh.dataset.id);
  if (!old) return false;
  const box = old.querySelector('.pick input');
  const at = old.contains(document.activeElement) ? selectorOf(document.activeElement) : null;
  if (box && box.checked) fresh.querySelector('.pick input').checked = true;
  if (old.classList.contains('here')) fresh.classList.add('here');
  old.replaceWith(document.adoptNode(fresh));
  if (at) row(fresh.dataset.id).querySelector(at)?.focus();
  return true;
}

const selectorOf = (element) => (element.matches('input') ? '.pick input' : element.matches('button') ? 'button' : 'th.caller a');

/** Whether somebody is at work in the list, so that no row may move under their hand. */
let touched = 0;
for (const kind of ['pointermove', 'pointerdown', 'focusin', 'keydown']) {
  table.addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
}
const untouched = () => scrollY < 8
  && Date.now() - touched > 5000
  && !table.contains(document.activeElement)
  && !table.querySelector('.pick input:checked, tr.here');

function put(fresh) {
  for (const one of fresh.reverse()) {
    if (renew(one)) continue;
    one.classList.add('fresh');
    live.prepend(document.adoptNode(one));
  }
  document.getElementById('empty')?.remove();
  // A page that stands open for days does not grow for days.
  const rows = table.querySelectorAll('tr.call');
  for (const old of [...rows].slice(ROWS_MAX)) old.remove();
}

async function show() {
  const ids = [...waiting];
  if (!ids.length) return;
  const { rows } = await fetchRows(ids);
  waiting.clear();
  button.hidden = true;
  put(rows);
}

const look = gather(250, async (ids) => {
  try {
    const known = ids.filter((id) => row(id));
    const fresh = ids.filter((id) => !row(id));
    if (known.length) (await fetchRows(known)).rows.forEach(renew);
    if (!follows || !fresh.length) return;
    const { rows } = await fetchRows(fresh);
    for (const one of rows) waiting.add(one.dataset.id);
    if (!waiting.size) return;
    if (untouched() && !document.hidden) {
      await show();
    } else {
      button.textContent = (await fetchRows([], waiting.size)).text;
      button.hidden = false;
    }
  } catch (error) {
    console.warn(error);
  }
});

button.addEventListener('click', () => {
  scrollTo({ top: 0 });
  show().catch(console.warn);
});

async function resync() {
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const rows = [...page.querySelectorAll('tr.call')];
  for (const id of [...table.querySelectorAll('tr.call[data-live="true"]')].map((one) => one.dataset.id)) look(id);
  for (const one of rows) look(one.dataset.id);
}

follow({
  news: (_kind, id) => look(id),
  resync: () => resync().catch(console.warn),
  state: (on) => {
    place.classList.toggle('off', !on);
    const text = on ? place.dataset.on : place.dataset.off;
    if (place.textContent !== text) place.textContent = text;
  },
});

// A choice is in force at once; the button is for who has no script.
const filter = document.getElementById('filter');
filter.addEventListener('change', (event) => {
  if (event.target.matches('select, input[type="checkbox"]')) filter.requestSubmit();
});
filter.addEventListener('submit', () => {
  // What is left empty stays out of the address.
  for (const field of filter.elements) if (field.name && !field.value) field.disabled = true;
});
window.addEventListener('pageshow', () => {
  for (const field of filter.elements) field.disabled = false;
});

// Keys go from row to row.
const rows = () => [...table.querySelectorAll('tr.call')];
function move(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((one) => one.classList.contains('here'));
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
  if (at >= 0) all[at].classList.remove('here');
  next.classList.add('here');
  next.querySelector('th.caller a').focus({ preventScroll: true });
  next.scrollIntoView({ block: 'nearest' });
}
const here = () => table.querySelector('tr.here') ?? document.activeElement.closest('tr.call');

const bulk = document.getElementById('bulk');
const told = document.getElementById('told');

function say(text, kind = '') {
  told.textContent = text;
  told.className = `told ${kind}`;
  clearTimeout(say.timer);
  if (kind !== 'bad') say.timer = setTimeout(() => { told.textContent = ''; told.className = 'told'; }, 6000);
}

told?.addEventListener('click', () => say(''));

/** Says something of the calls that are selected, or of the one whose button it was; the rows stay where they are. */
async function tell(button) {
  const data = new FormData(bulk, button);
  const one = data.get('called_back');
  const ids = (one ? [one] : data.getAll('id')).map((value) => value.split('.')[0]);
  const answer = await fetch(bulk.action, {
    method: 'POST',
    body: new URLSearchParams(data),
    headers: { accept: 'application/json' },
  });
  const done = await answer.json().catch(() => null);
  if (!answer.ok || !done?.left) throw new Error(done?.error?.message ?? String(answer.status));
  // What was left as it is stays selected, and what was to be said of it stays in the fields.
  const left = new Set(done.left.map((call) => call.id));
  if (!one) {
    for (const id of ids) {
      const box = row(id)?.querySelector('.pick input');
      if (box && !left.has(id)) box.checked = false;
    }
    if (!left.size) for (const field of bulk.querySelectorAll('select, #tag')) field.value = '';
  }
  const fresh = await fetchRows(ids);
  fresh.rows.forEach(renew);
  // What the conditions no longer hold for stays until the page is read again, so that nothing moves under the hand.
  for (const id of ids) if (!fresh.rows.some((one) => one.dataset.id === id)) row(id)?.classList.add('settled');
  if (!left.size) { say(done.text, 'good'); return; }
  await count();
  const why = done.left.map((call) => (call.caller ? `${call.caller}: ${call.why}` : call.why));
  say((one ? why : [`${done.text}. ${bulk.dataset.left}`, ...why]).join('\n'), 'bad');
}

async function count() {
  if (!bulk) return;
  const n = table.querySelectorAll('.pick input:checked').length;
  if (!n) return;
  const answer = await fetch(`/ui/rows?ids=&picked=${n}`, { headers: { accept: 'text/html' } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  picked.textContent = page.querySelector('.news').textContent;
}
if (bulk) {
  let last = null;
  table.addEventListener('click', (event) => {
    const box = event.target.closest('.pick input');
    if (!box) return;
    // Shift takes all between, as in every list.
    if (event.shiftKey && last && last.isConnected) {
      const boxes = [...table.querySelectorAll('.pick input')];
      const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
      for (const one of boxes.slice(from, to + 1)) one.checked = box.checked;
    }
    last = box;
    count().catch(console.warn);
  });
  bulk.addEventListener('submit', (event) => {
    event.preventDefault();
    tell(event.submitter).catch((error) => say(`${bulk.dataset.failed} ${error.message}`, 'bad'));
  });
}

keys({
  j: () => move(1),
  k: () => move(-1),
  '/': () => { const field = document.getElementById('q'); if (!field) return false; field.focus(); field.select(); },
  n: () => { if (button.hidden) return false; button.click(); },
  x: () => {
    const box = here()?.querySelector('.pick input');
    if (!box) return false;
    box.click();
  },
  t: () => {
    if (!bulk || !table.querySelector('.pick input:checked')) return false;
    document.getElementById('tag').focus();
  },
  r: () => {
    const done = here()?.querySelector('button[name="called_back"]');
    if (!done) return false;
    done.click();
  },
  Escape: () => {
    const chosen = table.querySelector('.pick input:checked');
    if (!chosen && !table.querySelector('tr.here')) return false;
    for (const box of table.querySelectorAll('.pick input:checked')) box.checked = false;
    table.querySelector('tr.here')?.classList.remove('here');
  },
});
