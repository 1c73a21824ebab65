// A report asks again as soon as something is chosen, and shows every formula on paper.
import './app.js';

const form = document.getElementById('filter');
for (const select of form.querySelectorAll('.first select')) {
  select.addEventListener('change', () => form.requestSubmit());
}

// Days chosen by hand stand in place of a period that has a name.
for (const day of form.querySelectorAll('input[type="date"]')) {
  day.addEventListener('change', () => form.querySelector('input[name="period"]')?.remove());
}

// What is left empty says nothing in the address.
form.addEventListener('formdata', (event) => {
  const empty = [...event.formData].filter(([, value]) => value === '').map(([name]) => name);
  for (const name of empty) event.formData.delete(name);
});

const how = document.querySelector('.formulas');
if (how) addEventListener('beforeprint', () => { how.open = true; });
