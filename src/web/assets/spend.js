// A table that is chosen as a file is put where it can be read before it is sent. Spreadsheets that do not save UTF-8 save
// the Windows page of the language; which it was shows in what stands there.
const file = document.getElementById('file');
const text = document.getElementById('text');
file?.addEventListener('change', async () => {
  const [chosen] = file.files;
  if (!chosen) return;
  const bytes = await chosen.arrayBuffer();
  try {
    text.value = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    text.value = new TextDecoder('windows-1251').decode(bytes);
  }
  text.dispatchEvent(new Event('input', { bubbles: true }));
});
document.getElementById('preview')?.scrollIntoView();
