// What every page does: keys, the menu, times that run.

document.documentElement.classList.add('scripted');

// On a telephone the navigation is wider than the screen: the page that is open is in sight.
const here = document.querySelector('.top nav [aria-current]');
if (here) here.parentElement.scrollLeft += here.getBoundingClientRect().left - here.parentElement.getBoundingClientRect().left - 48;

/** How long since `from` (milliseconds since 1970), as clocks write it: 0:07, 12:30, 1:02:11. */
export function since(from, now = Date.now()) {
  const all = Math.max(0, Math.floor((now - from) / 1000));
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (n) => String(n).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/** Whether a key belongs to whoever types. */
export function types(target) {
  return target instanceof HTMLElement
    && (target.isContentEditable || target.matches('textarea, select, input:not([type="checkbox"], [type="radio"], [type="range"])'));
}

/** The key of a Latin keyboard that stands where one of another alphabet was pressed. */
function latin({ key, code, shiftKey }) {
  if (/^[ -~]/.test(key)) return null;
  if (shiftKey) return { Comma: '<', Period: '>' }[code];
  return /^Key[A-Z]$/.test(code) ? code.at(-1).toLowerCase() : null;
}

/** Does what a key stands for, in any alphabet. Keys of who types, and those with Ctrl, Alt or Meta, are left alone. */
export function keys(table) {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || types(event.target)) return;
    if (document.querySelector('dialog[open]')) return;
    const act = table[event.key] ?? table[latin(event)];
    if (act && act(event) !== false) event.preventDefault();
  });
}

// A page that was made on a server whose clock is apart would show times that are off by that much.
const sent = Number(document.documentElement.dataset.now);
export const ahead = Number.isFinite(sent) && sent > 0 ? Date.now() - sent : 0;

function tick() {
  const now = Date.now() - ahead;
  for (const place of document.querySelectorAll('.ticks')) {
    const text = since(Number(place.dataset.from), now);
    if (place.textContent !== text) place.textContent = text;
  }
}
tick();
setInterval(tick, 1000);

const help = document.getElementById('keys');
for (const button of document.querySelectorAll('[data-opens="keys"]')) {
  button.addEventListener('click', () => help.showModal());
}
const go = (href) => () => { location.href = href; };
keys({
  '?': () => help.showModal(),
  d: go('/dashboard'),
  c: go('/'),
  m: go('/?status=missed&callback=open'),
  b: go('/board'),
});

// A menu closes when one looks elsewhere.
for (const menu of document.querySelectorAll('details.menu')) {
  document.addEventListener('click', (event) => {
    if (menu.open && !menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && menu.open) {
      menu.open = false;
      menu.querySelector('summary').focus();
    }
  });
}
