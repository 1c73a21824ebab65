// Tries an edited configuration: a file fills the text, and what comes of it appears below without leaving the page.

const form = document.getElementById('replay');
const place = document.getElementById('tried');
const text = form.elements.toml;
const button = form.querySelector('button.main');

document.getElementById('file').addEventListener('change', async ({ target }) => {
  const [file] = target.files;
  if (file) text.value = await file.text();
});

/** Says one sentence where the result would stand. */
function say(words) {
  const line = document.createElement('p');
  line.className = 'trouble';
  line.role = 'alert';
  line.textContent = words;
  place.replaceChildren(line);
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (!text.value.trim()) return;
  button.disabled = true;
  place.textContent = form.dataset.busy;
  const days = new URLSearchParams({ since: form.elements.since.value, until: form.elements.until.value });
  try {
    const answer = await fetch(`/ui/replay?${days}`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain', 'x-csrf': form.dataset.csrf },
      body: text.value,
    });
    if (answer.headers.get('content-type')?.startsWith('text/html') && answer.ok) {
      place.innerHTML = await answer.text();
      place.focus();
    } else {
      const told = await answer.json().catch(() => null);
      say(told?.error?.message ?? form.dataset.failed);
    }
  } catch {
    say(form.dataset.failed);
  } finally {
    button.disabled = false;
  }
});
