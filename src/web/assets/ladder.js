// The SIP messages of a call as lanes with arrows; a message opens where it stands.

const LANE = 190;
const ROW = 46;
const SVG = 'http://www.w3.org/2000/svg';

const place = document.getElementById('ladder');

function draw(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

/** `INVITE`, or `180 Ringing (INVITE)`. */
function title(text) {
  const first = text.split(/\r?\n/, 1)[0];
  if (!first.startsWith('SIP/2.0 ')) return first.split(' ', 1)[0];
  const cseq = /^(?:CSeq)\s*:\s*\d+\s+(\S+)/im.exec(text);
  return first.slice(8, 60) + (cseq ? ` (${cseq[1]})` : '');
}

function kind(text) {
  const status = /^SIP\/2\.0 (\d)/.exec(text);
  if (!status) return 'asks';
  return Number(status[1]) >= 4 ? 'refuses' : 'answers';
}

/** The caller's leg on the left, ringtag, the other legs on the right. */
function lanes(rungs) {
  const legs = [...new Set(rungs.map((rung) => rung.leg))].sort((a, b) => a - b);
  const at = new Map();
  const names = [];
  for (const leg of legs.filter((one) => one === 0)) { at.set(leg, names.length); names.push(rungs.find((rung) => rung.leg === leg).peer); }
  const us = names.length;
  names.push('ringtag');
  for (const leg of legs.filter((one) => one !== 0)) { at.set(leg, names.length); names.push(rungs.find((rung) => rung.leg === leg).peer); }
  return { at, us, names };
}

const x = (lane) => LANE / 2 + LANE * lane;

function canvas(names, height) {
  const svg = draw('svg', { width: LANE * names.length, height, 'aria-hidden': 'true' });
  names.forEach((_, lane) => svg.append(draw('line', { class: 'life', x1: x(lane), x2: x(lane), y1: 0, y2: height })));
  return svg;
}

function arrow(svg, from, to, text, label) {
  const [a, b] = [x(from), x(to)];
  const away = Math.sign(b - a);
  const group = draw('g', { class: kind(text) });
  group.append(draw('text', { x: (a + b) / 2, y: 19, 'text-anchor': 'middle' }, label));
  group.append(draw('line', { x1: a, x2: b - 7 * away, y1: 30, y2: 30 }));
  group.append(draw('path', { d: `M${b} 30l${-9 * away} -5v10z` }));
  svg.append(group);
}

function show(ladder, into) {
  const { at, us, names } = lanes(ladder.rungs);
  const head = document.createElement('div');
  head.className = 'lanes';
  const top = draw('svg', { width: LANE * names.length, height: 28, role: 'presentation' });
  names.forEach((name, lane) => top.append(draw('text', { x: x(lane), y: 19, 'text-anchor': 'middle', class: lane === us ? 'us' : '' }, name)));
  head.append(top);
  const list = document.createElement('ol');
  const began = Date.parse(ladder.rungs[0].at);
  for (const rung of ladder.rungs) {
    const lane = at.get(rung.leg);
    const [from, to] = rung.direction === 'in' ? [lane, us] : [us, lane];
    const label = title(rung.text) + (rung.repeated ? ` ×${rung.repeated + 1}` : '');
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    button.setAttribute('aria-expanded', 'false');
    const when = document.createElement('span');
    when.className = 'at';
    when.textContent = ((Date.parse(rung.at) - began) / 1000).toFixed(3);
    const spoken = document.createElement('span');
    spoken.className = 'unseen';
    spoken.textContent = `${names[from]} → ${names[to]}: ${label}`;
    const svg = canvas(names, ROW);
    arrow(svg, from, to, rung.text, label);
    button.append(when, spoken, svg);
    const text = document.createElement('pre');
    text.hidden = true;
    text.textContent = `${rung.transport} ${rung.peer}\n\n${rung.text}`;
    button.addEventListener('click', () => {
      text.hidden = !text.hidden;
      button.setAttribute('aria-expanded', String(!text.hidden));
    });
    item.append(button, text);
    list.append(item);
  }
  into.replaceChildren(head, list);
  if (ladder.left_out) {
    const more = document.createElement('p');
    more.className = 'sub';
    more.textContent = place.dataset.more.replace('%1', ladder.left_out);
    into.append(more);
  }
}

if (place) {
  place.addEventListener('toggle', async () => {
    if (!place.open) return;
    const into = place.querySelector('.ladder');
    try {
      const answer = await fetch(place.dataset.from, { headers: { accept: 'application/json' } });
      const ladder = answer.ok ? await answer.json() : { rungs: [] };
      if (ladder.rungs.length) show(ladder, into);
      else into.textContent = place.dataset.none;
    } catch (error) {
      into.textContent = error.message;
    }
  });
}
