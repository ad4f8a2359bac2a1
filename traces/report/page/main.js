// The page itself: what is shown, filtered and chosen, and who listens to what.

const state = { meta: null, r: null, view: null, filter: null, lanes: [], list: 'all', kind: -1, quiet: false, story: -1, back: null };

async function start() {
  performance.mark('parsed');
  readColors();
  const meta = JSON.parse(new TextDecoder().decode(await inflate('meta')));
  for (const m of meta.routers) for (const k of ['events', 'places', 'endpoints', 'gaps', 'faults', 'warnings', 'summary', 'files']) m[k] ||= [];
  state.meta = meta;
  const names = meta.routers;
  $('routerbox').hidden = names.length < 2;
  names.forEach((m, i) => $('router').append(el('option', { value: i }, `${m.name}${badOf(m) ? ` (${count(badOf(m))} not served)` : ''}`)));
  wire();
  const worst = names.reduce((best, m, i) => (badOf(m) > badOf(names[best]) ? i : best), 0);
  $('router').value = worst;
  await showRouter(worst);
  window.lockstepReady = performance.now();
  document.documentElement.dataset.ready = Math.round(window.lockstepReady);
  setTimeout(() => loadIDs(state.r), 60); // for the first story
}

function badOf(m) { return m.kinds[REFUSED] + m.kinds[FAILED]; }

// routerOf unpacks a router, if it was not before.
const loaded = new Map();
async function routerOf(i) {
  const meta = state.meta.routers[i];
  if (!loaded.has(i)) {
    const r = await loadRouter(meta, i);
    r.classes = state.meta.classes;
    r.className = new Map(state.meta.classes.map((c) => [c.number, c.name]));
    r.stories = new Map((meta.stories || []).map((s) => [s.step, s]));
    loaded.set(i, r);
  }
  return loaded.get(i);
}

// showRouter shows all of a router's time.
async function showRouter(i) {
  const r = state.r = await routerOf(i);
  performance.mark('unpacked');
  state.view = { from: 0, to: r.meta.length };
  state.lanes = lanesOf(r);
  state.list = r.bad.length ? 'bad' : 'all';
  headOf(r);
  optionsOf(r);
  buildLanes();
  setFilter();
}

// ---- what stands at the top

function headOf(r) {
  const m = r.meta;
  const day = dateOf(r, 0), until = dateOf(r, m.length);
  const when = day ? `${day} ${clock(r, 0, 0)} to ${until !== day ? until + ' ' : ''}${clock(r, m.length, 0)} UTC` : `simulated time ${clock(r, 0)} to ${clock(r, m.length)}`;
  const parts = [when, span(m.length), plural(m.requests, 'request')];
  const all = state.meta.routers;
  parts.push(m.name);
  if (all.length > 1) {
    const sum = (of) => all.reduce((n, x) => n + of(x), 0);
    parts.push(`one of ${all.length} recordings with ${plural(sum((x) => x.requests), 'request')} in all, ${count(sum(badOf))} not served`);
  }
  $('sub').textContent = parts.join(' · ');
  $('summary').replaceChildren(...m.summary.map((s) => el('li', {}, s)));
  $('proof').textContent = m.proof;
  $('proof').className = m.ok ? '' : 'bad';
  const notes = (state.meta.notes || []), banner = (n) => el('p', { class: 'banner ' + n.kind, role: n.kind === 'bad' ? 'alert' : null }, n.text);
  $('banners').replaceChildren(...m.warnings.map((text) => banner({ kind: 'bad', text })), ...notes.filter((n) => n.kind).map(banner));
  $('notes').replaceChildren(...notes.filter((n) => !n.kind).map((n) => el('p', {}, n.text)));
  $('why').textContent = m.why;
  $('tiles').replaceChildren(...KINDS.map((k, n) => {
    const v = m.kinds[n];
    const share = m.requests && n ? ` ${(100 * v / m.requests).toFixed(v / m.requests < 0.0995 ? 2 : 1)} %` : '';
    const tile = el('button', { type: 'button', class: 'tile', 'aria-pressed': String(state.kind === n) }, el('b', {}, count(v)), el('span', {}, el('i', { class: 'swatch k' + n }), k.name + (v ? share : '')));
    tile.addEventListener('click', () => { state.kind = state.kind === n ? -1 : n; setFilter(); });
    return tile;
  }));
}

function optionsOf(r) {
  const fill = (id, all, list) => $(id).replaceChildren(el('option', { value: '' }, all), ...list.map(([value, text]) => el('option', { value }, text)));
  fill('fclass', 'any', [['served', 'served'], ...Object.entries(r.meta.class_counts || {}).sort((a, b) => b[1] - a[1]).map(([c, n]) => [c, `${r.className.get(Number(c))} (${count(n)})`])]);
  const seen = new Uint8Array(1 << 16), statuses = [], { status } = r.rows;
  for (let i = 0; i < status.length; i++) seen[status[i]] = 1;
  seen.forEach((on, s) => { if (on) statuses.push(s); });
  fill('fstatus', 'any', statuses.map((s) => [String(s), s ? String(s) : 'none']));
  fill('fplace', 'any', r.meta.places.map((p, n) => [String(n), p.name]));
}

// ---- filter

// setFilter reads the form and works out which requests match.
function setFilter() {
  const r = state.r, c = r.rows, n = r.n;
  const key = $('fkey').value, id = $('fid').value.trim().toLowerCase().replaceAll('-', ''), cls = $('fclass').value, status = $('fstatus').value, place = $('fplace').value;
  document.querySelectorAll('.tile').forEach((t, k) => t.setAttribute('aria-pressed', String(k === state.kind)));
  if (id && !r.ids) { loadIDs(r).then(setFilter); return; }
  const on = key || id || cls || status || place || state.kind >= 0;
  let found = 0;
  if (!on) state.filter = null;
  else {
    const f = state.filter = new Uint8Array(n);
    const keys = key ? keysLike(r, key) : null;
    const wantClass = cls === 'served' ? 0 : Number(cls), wantStatus = Number(status), wantPlace = Number(place);
    for (let i = 0; i < n; i++) {
      if (state.kind >= 0 && c.kind[i] !== state.kind) continue;
      if (keys && !keys[c.key[i]]) continue;
      if (cls && c.class[i] !== wantClass) continue;
      if (status && c.status[i] !== wantStatus) continue;
      if (place && c.home[i] !== wantPlace && c.place[i] !== wantPlace) continue;
      if (id && !idOf(r, i).startsWith(id)) continue;
      f[i] = 1;
      found++;
    }
  }
  $('filter').classList.toggle('on', Boolean(on));
  $('matches').replaceChildren(...(on ? [el('b', {}, count(found)), ` of ${plural(n, 'request')} match`] : []));
  redraw();
}

function keysLike(r, text) {
  const want = text.toLowerCase(), out = new Uint8Array(r.keys.length);
  for (let k = 0; k < r.keys.length; k++) if (r.keys[k].toLowerCase().includes(want)) out[k] = 1;
  return out;
}

// ---- the time shown

function setView(from, to) {
  const all = state.r.meta.length, least = Math.max(Math.min(100, all), all / 1e7);
  let wide = Math.min(Math.max(to - from, least), all);
  from = Math.min(Math.max(from, 0), all - wide);
  state.view = { from, to: from + wide };
  redraw();
}

function zoom(factor, around) {
  const { from, to } = state.view;
  const t = around ?? (from + to) / 2;
  setView(t - (t - from) * factor, t + (to - t) * factor);
}

function move(share) {
  const wide = state.view.to - state.view.from;
  setView(state.view.from + wide * share, state.view.to + wide * share);
}

// ---- drawing

const inSight = new Set();
const watcher = new IntersectionObserver((entries) => {
  for (const e of entries) {
    if (e.isIntersecting) { inSight.add(e.target); drawLane(e.target.lane); } else inSight.delete(e.target);
  }
}, { rootMargin: '200px' });

function buildLanes() {
  watcher.disconnect();
  inSight.clear();
  const box = $('lanes');
  box.querySelectorAll('.lane').forEach((n) => n.remove());
  const hidden = state.lanes.filter((l) => l.quiet && l.kind === 'place').length;
  const button = $('quiet');
  button.hidden = !hidden;
  button.textContent = state.quiet ? `Hide ${plural(hidden, 'quiet placement')}` : `Show ${plural(hidden, 'quiet placement')}`;
  for (const lane of state.lanes) {
    if (lane.quiet && !state.quiet) { lane.node = null; continue; }
    lane.canvas = el('canvas', { role: 'img', 'aria-label': lane.summary() });
    lane.nowText = el('span', { class: 'now' }, lane.rest());
    const plot = el('div', { class: 'plot' }, lane.canvas);
    lane.plot = plot;
    lane.node = el('div', { class: 'lane ' + lane.kind }, el('div', { class: 'label', title: lane.title || lane.name }, el('span', { class: 'name' }, lane.name), lane.nowText), plot);
    lane.node.lane = lane;
    plot.style.height = lane.height + 'px';
    box.append(lane.node);
    watcher.observe(lane.node);
    if (inWindow(lane.node)) inSight.add(lane.node);
  }
  overviewBuild();
}

function inWindow(node) {
  const b = node.getBoundingClientRect();
  return b.top < innerHeight + 200 && b.bottom > -200;
}

let shared = null;

// context is what all lanes of one drawing share.
function context() {
  const first = state.lanes.find((l) => l.node);
  const width = Math.max(first.plot.clientWidth, 50), { r, view, filter } = state;
  const pushes = r.meta.events.filter((e) => e.kind === 'config' && e.at > 0 && e.text.startsWith('configuration')).map((e) => e.at);
  return { r, view, filter, width, s: scale(view, width), ticks: ticks(r, view, width), pushes };
}

function drawLane(lane) {
  if (!lane.node || !shared) return;
  const g = sheet(lane.canvas, shared.width, lane.height);
  const c = { ...shared, height: lane.height };
  grid(g, c, lane.height);
  lane.draw(g, c);
}

function redraw() {
  shared = context();
  overviewDraw();
  for (const node of inSight) drawLane(node.lane);
  const { r, view } = state;
  $('range').textContent = `${span(view.to - view.from)} shown`;
  const slider = $('overview'), all = r.meta.length;
  slider.setAttribute('aria-valuenow', String(Math.round(100 * view.from / all)));
  slider.setAttribute('aria-valuetext', `${clock(r, view.from)} to ${clock(r, view.to)}`);
  if (window.lockstepReady) listsSoon(); else lists();
}

const listsSoon = debounce(() => lists(), 90);

// lists fills the lists with what is in the time shown.
function lists() {
  const { r, view, filter } = state, c = r.rows;
  const whole = view.from <= 0 && view.to >= r.meta.length;
  const begin = whole ? 0 : lower(c.time, view.from), end = whole ? r.n : lower(c.time, view.to + 1e-3);
  const counts = { all: 0, bad: 0, elsewhere: 0 };
  const want = { all: () => true, bad: (k) => k === REFUSED || k === FAILED, elsewhere: (k) => k === 1 };
  const rows = new Uint32Array(end - begin);
  let n = 0;
  for (let i = begin; i < end; i++) {
    if (filter && !filter[i]) continue;
    const k = c.kind[i];
    counts.all++;
    if (k === REFUSED || k === FAILED) counts.bad++;
    if (k === 1) counts.elsewhere++;
    if (want[state.list](k)) rows[n++] = i;
  }
  $('pick').replaceChildren(...[['all', 'All'], ['bad', 'Refused and failed'], ['elsewhere', 'Served elsewhere']].map(([value, text]) => {
    const input = el('input', { type: 'radio', name: 'list', value });
    input.checked = value === state.list;
    input.addEventListener('change', () => { state.list = value; lists(); $('pick').querySelector('input:checked').focus(); });
    return el('label', {}, input, `${text} (${count(counts[value])})`);
  }));
  tableSet(r, rows.subarray(0, n));
  const sampled = r.meta.sample > 1 ? `, a sample: one in ${count(r.meta.sample)} of those served` : '';
  $('listed').textContent = `${count(n)} of ${count(r.n)}${sampled}`;
  const events = r.meta.events.filter((e) => e.at >= view.from && e.at <= view.to);
  const shown = events.slice(0, 400);
  $('events').replaceChildren(...(shown.length ? shown.map((e) => el('li', {}, el('time', {}, clock(r, e.at)), el('span', {}, e.text))) : [el('li', { class: 'empty' }, 'Nothing but requests in the time shown.')]),
    ...(events.length > shown.length ? [el('li', { class: 'empty' }, `${count(events.length - shown.length)} more; zoom in to see them.`)] : []));
}

// ---- the overview with its axis: the whole time, and which part is shown

let overview = null;
function overviewBuild() {
  if (!overview) {
    overview = el('canvas', { 'aria-hidden': 'true' });
    $('overview').append(overview);
  }
}

function overviewDraw() {
  const { r, view } = state, width = shared.width, height = $('overview').clientHeight || 66;
  const g = sheet(overview, width, height), all = { from: 0, to: r.meta.length };
  const s = scale(all, width), low = height - 22;
  const c = { r, view: all, s, width, filter: state.filter, height };
  const bars = barsOf(c);
  let most = 1;
  for (let b = 0; b < bars.n; b++) most = Math.max(most, bars.counts.reduce((sum, k) => sum + k[b], 0));
  for (let b = 0; b < bars.n; b++) {
    const x = s.x(bars.from + b * bars.step), w = Math.max(bars.step * s.k - 0.6, 0.7);
    stackBar(g, bars, b, x, w, low, (low - 6) / most);
  }
  const from = s.x(view.from), to = s.x(view.to);
  if (to - from < width - 0.5) {
    g.fillStyle = ink.bg;
    g.globalAlpha = 0.66;
    g.fillRect(0, 0, from, low);
    g.fillRect(to, 0, width - to, low);
    g.globalAlpha = 1;
    g.strokeStyle = ink.accent;
    g.lineWidth = 1.5;
    g.strokeRect(from + 0.75, 0.75, Math.max(to - from - 1.5, 1), low - 1.5);
  }
  g.fillStyle = ink.line;
  g.fillRect(0, low, width, 1);
  for (const t of shared.ticks.at) {
    const x = Math.round(shared.s.x(t));
    g.fillStyle = ink.line;
    g.fillRect(x, low, 1, 5);
    const text = tickText(r, t, shared.ticks.step, shared.ticks.digits), half = g.measureText(text).width / 2;
    g.textAlign = 'center';
    g.fillStyle = ink.soft;
    g.fillText(text, Math.min(Math.max(x, half + 1), width - half - 1), low + 13);
  }
}

// ---- story

function openStory(i, keep) {
  if ($('story').hidden) state.back = document.activeElement;
  state.story = i;
  const listed = table.rows.indexOf(i);
  if (listed >= 0 && listed !== table.chosen) choose(listed, false);
  storyShow(state.r, i, { step: stepFailure, close: closeStory });
  if (!keep) $('story').focus();
  redraw();
  $('live').textContent = `Story of request at ${clock(state.r, state.r.rows.time[i])}`;
  cursorAt(state.r.rows.time[i]);
}

function hideStory() {
  $('story').hidden = true;
  document.body.classList.remove('beside');
  state.story = -1;
}

function closeStory() {
  hideStory();
  redraw();
  cursorAt(null);
  if (state.back && state.back.isConnected) state.back.focus();
}

// stepFailure opens the next or previous request that was refused or failed and matches.
function stepFailure(by) {
  const { r, filter } = state;
  const t = state.story >= 0 ? r.rows.time[state.story] : by > 0 ? state.view.from : state.view.to;
  let k = lower(r.rows.time, t, r.bad);
  if (state.story >= 0) {
    while (k < r.bad.length && r.bad[k] < state.story) k++;
    if (by > 0 && r.bad[k] === state.story) k++;
  }
  if (by < 0) k--;
  while (k >= 0 && k < r.bad.length && filter && !filter[r.bad[k]]) k += by;
  if (k < 0 || k >= r.bad.length) { $('live').textContent = 'There is no other.'; return; }
  const i = r.bad[k], at = r.rows.time[i];
  if (at < state.view.from || at > state.view.to) { const half = (state.view.to - state.view.from) / 2; setView(at - half, at + half); }
  openStory(i);
}

// ---- pointer

function cursorAt(t) {
  const cursor = $('cursor'), { view } = state;
  if (t === null || t < view.from || t > view.to || !shared) {
    if (state.story >= 0 && t === null) { cursorAt(state.r.rows.time[state.story]); return; }
    cursor.hidden = true;
    for (const l of state.lanes) if (l.node && l.now) l.nowText.textContent = l.rest();
    return;
  }
  const x = shared.s.x(t), left = state.lanes.find((l) => l.node).plot.offsetLeft;
  cursor.hidden = false;
  cursor.className = x > shared.width / 2 ? 'left' : '';
  cursor.style.left = left + x + 'px';
  cursor.style.width = '';
  cursor.firstChild.textContent = clock(state.r, t);
  for (const node of inSight) if (node.lane.now) node.lane.nowText.textContent = node.lane.now(t);
}

function pointers() {
  const box = $('lanes');
  let down = null, pending = 0;
  const timeAt = (ev) => {
    const first = state.lanes.find((l) => l.node).plot.getBoundingClientRect();
    return shared.s.t(Math.min(Math.max(ev.clientX - first.left, 0), first.width));
  };
  box.addEventListener('pointermove', (ev) => {
    if (pending) return;
    pending = requestAnimationFrame(() => {
      pending = 0;
      if (down && Math.abs(ev.clientX - down.x) > 4) band(down.t, timeAt(ev));
      else if (ev.target.closest('.plot')) cursorAt(timeAt(ev));
      else cursorAt(null);
    });
  });
  box.addEventListener('pointerleave', () => { if (!down) cursorAt(null); });
  box.addEventListener('pointerdown', (ev) => {
    if (ev.button !== 0 || !ev.target.closest('.plot')) return;
    down = { x: ev.clientX, t: timeAt(ev), node: ev.target.closest('.lane') };
    if (ev.pointerType !== 'touch') box.setPointerCapture(ev.pointerId);
  });
  box.addEventListener('pointercancel', () => { down = null; cursorAt(null); });
  box.addEventListener('pointerup', (ev) => {
    if (!down) return;
    const from = down, t = timeAt(ev);
    down = null;
    if (Math.abs(ev.clientX - from.x) > 4) {
      cursorAt(null);
      setView(Math.min(from.t, t), Math.max(from.t, t));
    } else nearest(from.node.lane, t);
  });
  box.addEventListener('dblclick', () => setView(0, state.r.meta.length));
  const wheel = (ev) => {
    if (!ev.ctrlKey && !ev.metaKey && !ev.shiftKey) return;
    ev.preventDefault();
    const by = ev.deltaY || ev.deltaX;
    if (ev.shiftKey) move(Math.sign(by) * 0.1); else zoom(by > 0 ? 1.25 : 0.8, timeAt(ev));
  };
  box.addEventListener('wheel', wheel, { passive: false });
  overviewPointers();
}

function band(a, b) {
  const cursor = $('cursor'), left = state.lanes.find((l) => l.node).plot.offsetLeft;
  const from = shared.s.x(Math.min(a, b)), to = shared.s.x(Math.max(a, b));
  cursor.hidden = false;
  cursor.className = 'band';
  cursor.style.left = left + from + 'px';
  cursor.style.width = to - from + 'px';
  cursor.firstChild.textContent = span(Math.abs(b - a));
}

// nearest opens the story of the refused or failed request that was clicked at.
function nearest(lane, t) {
  const { r, filter } = state, rows = lane.rows || r.bad;
  const reach = 14 / shared.s.k, k = lower(r.rows.time, t, rows);
  let best = -1, off = lane.rows ? Infinity : reach;
  for (let n = Math.max(0, k - 2000); n < Math.min(rows.length, k + 2000); n++) {
    const i = rows[n];
    if (filter && !filter[i]) continue;
    if (!lane.rows && lane.place !== undefined && r.rows.place[i] !== lane.place && r.rows.home[i] !== lane.place) continue;
    const d = Math.abs(r.rows.time[i] - t);
    if (d < off) { off = d; best = i; }
  }
  if (best >= 0) openStory(best);
}

function overviewPointers() {
  const box = $('overview');
  let down = null;
  const timeAt = (ev) => { const b = box.getBoundingClientRect(); return (ev.clientX - b.left) / b.width * state.r.meta.length; };
  box.addEventListener('pointerdown', (ev) => {
    const t = timeAt(ev), { from, to } = state.view, whole = to - from >= state.r.meta.length * 0.999;
    const edge = 8 / box.clientWidth * state.r.meta.length;
    down = { t, from, to, how: whole ? 'select' : Math.abs(t - from) < edge ? 'from' : Math.abs(t - to) < edge ? 'to' : t > from && t < to ? 'move' : 'select' };
    box.setPointerCapture(ev.pointerId);
  });
  box.addEventListener('pointermove', (ev) => {
    if (!down) return;
    const t = timeAt(ev), d = t - down.t;
    if (down.how === 'move') setView(down.from + d, down.to + d);
    else if (down.how === 'from') setView(Math.min(t, down.to), down.to);
    else if (down.how === 'to') setView(down.from, Math.max(t, down.from));
    else if (Math.abs(d) > 4 / box.clientWidth * state.r.meta.length) setView(Math.min(t, down.t), Math.max(t, down.t));
  });
  const up = () => { down = null; };
  box.addEventListener('pointerup', up);
  box.addEventListener('pointercancel', up);
  box.addEventListener('dblclick', () => setView(0, state.r.meta.length));
}

// ---- keys and controls

function wire() {
  tableInit((i) => openStory(i, true));
  pointers();
  $('router').addEventListener('change', () => { hideStory(); state.kind = -1; $('filter').reset(); });
  $('router').addEventListener('change', (ev) => showRouter(Number(ev.target.value)));
  $('filter').addEventListener('input', debounce(setFilter, 60));
  $('filter').addEventListener('submit', (ev) => ev.preventDefault());
  $('filter').addEventListener('reset', () => { state.kind = -1; setTimeout(setFilter); });
  $('zoomin').addEventListener('click', () => zoom(0.5));
  $('zoomout').addEventListener('click', () => zoom(2));
  $('zoomall').addEventListener('click', () => setView(0, state.r.meta.length));
  $('quiet').addEventListener('click', () => { state.quiet = !state.quiet; buildLanes(); redraw(); });
  $('helpopen').addEventListener('click', () => $('help').showModal());
  $('theme').addEventListener('click', toggleTheme);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);
  addEventListener('resize', debounce(redraw, 80));
  addEventListener('beforeprint', () => paper(true));
  addEventListener('afterprint', () => paper(false));
  document.addEventListener('keydown', keys);
}

// debounce calls f once when calls have ceased; busy counts those that are still to come.
let busy = 0;
function debounce(f, ms) {
  let timer = 0;
  return () => {
    if (timer) clearTimeout(timer); else busy++;
    timer = setTimeout(() => { timer = 0; busy--; f(); }, ms);
  };
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  repaint();
}

// paper makes the page light for printing, with all lanes drawn, and what it was afterwards.
let screen = null;
function paper(on) {
  const root = document.documentElement;
  if (on && screen === null) {
    screen = root.dataset.theme || '';
    root.dataset.theme = 'light';
  } else if (!on && screen !== null) {
    if (screen) root.dataset.theme = screen; else delete root.dataset.theme;
    screen = null;
  }
  repaint();
  if (on) state.lanes.forEach(drawLane);
}

function repaint() { readColors(); redraw(); }

function keys(ev) {
  if (ev.key === 'Escape') { if (!$('story').hidden) closeStory(); return; }
  if (ev.ctrlKey || ev.metaKey || ev.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(ev.target.tagName) || $('help').open) return;
  const far = ev.shiftKey ? 0.5 : 0.1;
  const act = {
    '/': () => $('fkey').focus(), '?': () => $('help').showModal(), n: () => stepFailure(1), p: () => stepFailure(-1),
    ArrowLeft: () => move(-far), ArrowRight: () => move(far), '+': () => zoom(0.5), '=': () => zoom(0.5), '-': () => zoom(2), 0: () => setView(0, state.r.meta.length),
  }[ev.key];
  if (ev.target.id === 'overview' && (ev.key === 'Home' || ev.key === 'End')) {
    const wide = state.view.to - state.view.from, from = ev.key === 'Home' ? 0 : state.r.meta.length - wide;
    setView(from, from + wide);
  } else if (ev.target.id === 'overview' && (ev.key === 'ArrowUp' || ev.key === 'ArrowDown')) zoom(ev.key === 'ArrowUp' ? 0.5 : 2);
  else if (!act) return;
  else act();
  ev.preventDefault();
}

start().catch((err) => {
  $('banners').replaceChildren(el('p', { class: 'banner bad', role: 'alert' }, `This page could not draw itself: ${err.message}. It needs a browser of 2023 or later.`));
  throw err;
});
