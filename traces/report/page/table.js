// The list of requests: as many rows as there are, of which only those in sight are elements.

const ROW = 28, TALLEST = 8e6;

const table = { rows: new Uint32Array(0), chosen: -1, open: null, r: null };

function tableInit(open) {
  table.open = open;
  $('scroll').addEventListener('scroll', drawRows, { passive: true });
  $('table').addEventListener('keydown', tableKey);
  $('rowset').addEventListener('click', (ev) => {
    const row = ev.target.closest('.row');
    if (row) choose(Number(row.dataset.at), true);
  });
}

// tableSet shows other rows.
function tableSet(r, rows) {
  table.r = r;
  table.rows = rows;
  table.chosen = Math.min(table.chosen, rows.length - 1);
  $('table').setAttribute('aria-rowcount', rows.length + 1);
  $('space').style.height = Math.min(rows.length * ROW, TALLEST) + 'px';
  $('scroll').scrollTop = 0;
  table.chosen = -1;
  drawRows();
}

// firstRow is the first in sight; a list taller than a page may be is scrolled in proportion.
function firstRow() {
  const box = $('scroll'), n = table.rows.length;
  if (n * ROW <= TALLEST) return Math.floor(box.scrollTop / ROW);
  const share = box.scrollTop / (TALLEST - box.clientHeight);
  return Math.floor(share * (n - Math.floor(box.clientHeight / ROW)));
}

function drawRows() {
  const { r, rows } = table, box = $('scroll'), first = firstRow();
  const n = Math.min(Math.ceil(box.clientHeight / ROW) + 1, rows.length - first);
  const shift = rows.length * ROW <= TALLEST ? first * ROW : box.scrollTop;
  const list = [];
  for (let k = 0; k < n; k++) list.push(rowOf(r, rows[first + k], first + k));
  const set = $('rowset');
  set.style.transform = `translateY(${shift}px)`;
  set.replaceChildren(...(rows.length ? list : [el('p', { class: 'empty', role: 'row' }, el('span', { role: 'gridcell' }, 'No request here. Widen the time shown, clear the filter, or choose another list.'))]));
}

function endpointName(r, e, place) {
  const meta = (r.meta.endpoints || [])[e];
  if (meta) return (meta.place >= 0 ? r.meta.places[meta.place].name + '/' : '') + meta.name;
  return place < 0xffff && r.meta.places[place] ? r.meta.places[place].name : '';
}

function rowOf(r, i, at) {
  const c = r.rows, kind = c.kind[i], name = r.className.get(c.class[i]) || '';
  const cell = (cls, ...text) => el('span', { role: 'gridcell', class: cls }, ...text);
  const outcome = kind === 0 ? 'served' : kind === 1 ? 'served elsewhere' : name;
  return el('div', { class: `row t${kind}${at === table.chosen ? ' chosen' : ''}`, role: 'row', id: 'row' + at, 'data-at': at, 'aria-rowindex': at + 2, 'aria-selected': at === table.chosen },
    cell('c-time', clock(r, c.time[i])),
    cell('c-key', r.keys[c.key[i]] || '(no key)'),
    cell('c-outcome', el('span', { class: 'glyph', 'aria-hidden': 'true' }, KINDS[kind].glyph), outcome),
    cell('c-status', c.status[i] ? String(c.status[i]) : '–'),
    cell('c-where', c.endpoint[i] === ABSENT ? '–' : endpointName(r, c.endpoint[i], c.place[i])),
    cell('c-span', span(c.span[i])),
    cell('c-tries', String(c.attempts[i])));
}

// choose marks a row, brings it into sight and, if asked, opens its story.
function choose(at, open) {
  const n = table.rows.length;
  if (!n) return;
  table.chosen = Math.max(0, Math.min(at, n - 1));
  const box = $('scroll'), inSight = Math.floor(box.clientHeight / ROW), first = firstRow();
  if (table.chosen < first || table.chosen >= first + inSight) {
    const want = Math.max(0, table.chosen - (table.chosen < first ? 0 : inSight - 1));
    box.scrollTop = n * ROW <= TALLEST ? want * ROW : want / (n - inSight) * (TALLEST - box.clientHeight);
  }
  drawRows();
  $('table').setAttribute('aria-activedescendant', 'row' + table.chosen);
  if (open) table.open(table.rows[table.chosen]);
}

function tableKey(ev) {
  const page = Math.floor($('scroll').clientHeight / ROW) - 1;
  const to = { ArrowDown: table.chosen + 1, ArrowUp: table.chosen - 1, PageDown: table.chosen + page, PageUp: table.chosen - page, Home: 0, End: table.rows.length - 1 }[ev.key];
  if (to !== undefined) choose(Math.max(to, 0), !$('story').hidden);
  else if (ev.key === 'Enter' && table.rows.length) choose(Math.max(table.chosen, 0), true);
  else return;
  ev.preventDefault();
  ev.stopPropagation();
}
