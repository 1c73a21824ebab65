// What goes on now, from the server's events. A page that nobody looks at lets its connection go: browsers have six.

const HIDDEN_MAX_MS = 30000;
const AGAIN_MS = 2000;
const AGAIN_MAX_MS = 60000;

/**
 * Tells `news(kind, id)` of each event, `resync()` when some may have been missed, and `state(connected)`.
 */
export function follow({ news, resync, state }) {
  let source = null;
  // What happened since the page was made is told first. Whoever comes back later reads all of it again.
  let told = `?last=${document.documentElement.dataset.told}`;
  let away = 0;
  let again = 0;
  let pause = AGAIN_MS;

  function open() {
    close();
    source = new EventSource(`/api/v1/live${told}`);
    told = '';
    source.addEventListener('open', () => { pause = AGAIN_MS; state(true); });
    source.addEventListener('error', () => {
      state(false);
      // The browser tries again by itself, but not after an answer that is no stream.
      if (source.readyState === EventSource.CLOSED) {
        clearTimeout(again);
        again = setTimeout(() => { open(); resync(); }, pause);
        pause = Math.min(pause * 2, AGAIN_MAX_MS);
      }
    });
    source.addEventListener('call', (event) => {
      const told = JSON.parse(event.data);
      news(told.kind, told.call.id, told.call);
    });
    source.addEventListener('reset', () => resync());
  }

  function close() {
    clearTimeout(again);
    if (source) source.close();
    source = null;
  }

  document.addEventListener('visibilitychange', () => {
    clearTimeout(away);
    if (document.hidden) {
      away = setTimeout(close, HIDDEN_MAX_MS);
    } else if (!source) {
      open();
      resync();
    }
  });
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) { open(); resync(); }
  });
  open();
}

/** Gathers what is called often and does it once, `wait` milliseconds after the first. */
export function gather(wait, act) {
  let timer = 0;
  const gathered = new Set();
  return (item) => {
    gathered.add(item);
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0;
      const items = [...gathered];
      gathered.clear();
      act(items);
    }, wait);
  };
}
