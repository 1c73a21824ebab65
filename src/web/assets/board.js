// The board on the wall: drawn anew when something happens, and every few seconds; says when it is cut off.

import { keys } from './app.js';
import { follow, gather } from './live.js';

const EVERY_MS = 10000;
const WAIT_MS = 8000;

const board = document.getElementById('board');
const cut = document.getElementById('cut');
const version = board.querySelector('.board').dataset.version;
let since = 0;

function connected(on) {
  if (on) {
    since = 0;
    cut.hidden = true;
  } else {
    since ||= Date.now();
    const time = new Date(since).toLocaleTimeString(document.documentElement.lang, { hour: '2-digit', minute: '2-digit', hour12: false });
    const text = cut.dataset.text.replace('%1', time);
    if (cut.textContent !== text) cut.textContent = text;
    cut.hidden = false;
  }
  document.body.classList.toggle('stale', !on);
}

let last = 0;
async function draw() {
  const turn = last += 1;
  try {
    const answer = await fetch('/ui/board', { headers: { accept: 'text/html' }, signal: AbortSignal.timeout(WAIT_MS) });
    // Whoever was signed in is not any more: the page itself leads to where one signs in.
    if (answer.status === 401 || answer.redirected) { location.reload(); return; }
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    if (turn !== last) return;
    const fresh = page.querySelector('.board');
    if (fresh.dataset.version !== version) { location.reload(); return; }
    board.replaceChildren(document.adoptNode(fresh));
    connected(true);
  } catch {
    if (turn === last) connected(false);
  }
}

const soon = gather(400, draw);
follow({ news: () => soon(1), resync: () => soon(1), state: (on) => { if (!on) soon(1); } });
setInterval(draw, EVERY_MS);

keys({
  f: () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen().catch(() => {});
  },
});
