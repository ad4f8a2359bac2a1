// The lanes of the main chart: what each is, how it is drawn, and what it says
// of one moment. A lane is {label, height, draw(g, c), now(t)}; c is the context
// of one drawing: router, view, scale, ticks.

// lanesOf lists the lanes of a router, those of placements in trouble first.
function lanesOf(r) {
  const lanes = [ratesLane(r)];
  lanes.push(...classLanes(r));
  if (r.meta.events.some((e) => MARKS[e.kind]) || (r.meta.faults || []).length) lanes.push(marksLane(r));
  const places = (r.meta.places || []).map((p, i) => placeOf(r, p, i)).sort((a, b) => b.trouble - a.trouble || b.most - a.most || a.i - b.i);
  for (const p of places) {
    const quiet = p.trouble === 0 && places.length > 8;
    lanes.push({ ...placeLane(r, p), quiet });
    if (p.queued) lanes.push({ ...queueLane(r, p), quiet });
    for (const e of p.endpoints) lanes.push({ ...endpointLane(r, e), quiet });
  }
  return lanes;
}

// placeOf sums up a placement: what its lane is scaled to, and how much is wrong with it.
function placeOf(r, meta, i) {
  const l = r.lines, total = l[`p${i}.total`], limit = l[`p${i}.limit`], queue = l[`p${i}.queue`], guests = l[`p${i}.guests`], cap = l[`p${i}.cap`];
  let most = 0, mostGuests = 0, bound = 0, queued = 0, full = 0, capped = 0;
  for (let b = 0; b < total.length; b++) {
    if (total[b] === ABSENT) continue;
    if (total[b] > most) most = total[b];
    if (guests[b] > mostGuests) mostGuests = guests[b];
    if (limit[b] > bound) bound = limit[b];
    if (queue[b] > queued) queued = queue[b];
    if (limit[b] && total[b] >= limit[b]) full++;
    if (cap[b] > capped) capped = cap[b];
  }
  const endpoints = (r.meta.endpoints || []).map((e, n) => ({ ...e, n })).filter((e) => e.place === i);
  const wrong = endpoints.filter((e) => (e.states || []).some(([, s]) => (s & 3) > 1 || s & 4)).length;
  const refusals = r.meta.bad_by_place ? r.meta.bad_by_place[i] : 0;
  return { i, name: meta.name, panics: meta.panics || [], most, mostGuests, bound, queued, full, cap: capped - 1, endpoints, trouble: (full > 0) * 2 + wrong * 4 + (queued > 0) + (mostGuests > 0) + (refusals > 0) };
}

// binAt is the bin of a time.
function binAt(r, t) { return Math.min(Math.max(Math.floor(t / r.meta.bin), 0), r.meta.bins - 1); }

// ---- requests per second

function ratesLane(r) {
  return {
    kind: 'rates', name: 'Requests per second', height: 84,
    summary: () => `${plural(r.meta.requests, 'request')}, by outcome over time`,
    rest: () => `${count(r.meta.requests / Math.max(r.meta.length / 1e6, 1e-6))}/s on average`,
    now(t) {
      const bars = this.bars;
      if (!bars) return '';
      const b = Math.floor((t - bars.from) / bars.step);
      if (b < 0 || b >= bars.n) return '';
      const parts = [];
      let sum = 0;
      for (let k = 0; k < KINDS.length; k++) {
        const v = bars.counts[k][b];
        sum += v;
        if (v && k) parts.push(`${rate(v / bars.step * 1e6)} ${KINDS[k].short}`);
      }
      return [`${rate(sum / bars.step * 1e6)}/s`, ...parts].join(', ');
    },
    draw(g, c) {
      const bars = this.bars = barsOf(c);
      let most = 0;
      for (let b = 0; b < bars.n; b++) most = Math.max(most, bars.counts.reduce((sum, k) => sum + k[b], 0));
      const perSecond = most / bars.step * 1e6;
      const top = Math.max(nice(perSecond || 1), 1e-9), h = c.height - 6;
      const tall = 1e6 / bars.step / top * (h - 12);
      for (let b = 0; b < bars.n; b++) stackBar(g, bars, b, c.s.x(bars.from + b * bars.step), Math.max(bars.step * c.s.k - 0.7, 0.7), h, tall);
      g.fillStyle = ink.line;
      g.fillRect(0, h, c.width, 1);
      g.fillStyle = ink.faint;
      label(g, `${rate(top)}/s`, 3, 8, ink.soft);
      if (bars.note) label(g, bars.note, c.width - 4, 8, ink.soft, 'right');
    },
  };
}

// stackBar draws one bar, so many pixels high a request; what went wrong is never too thin to see.
function stackBar(g, bars, b, x, w, base, tall) {
  for (const k of [0, 1, 4, 2, 3]) {
    const v = bars.counts[k][b];
    if (!v) continue;
    const h = Math.max(v * tall, k > 1 ? 1.5 : 0.5);
    g.fillStyle = ink[KINDS[k].color];
    g.fillRect(x, base - h, w, h);
    base -= h;
  }
}

function rate(v) { return v >= 100 || v === Math.round(v) ? count(v) : v >= 10 ? v.toFixed(1) : v >= 1 ? v.toFixed(1) : v.toFixed(2); }

// barsOf counts requests in bars a few pixels wide: exactly, or, where the page
// holds a sample and nothing is filtered, from the counts of all.
function barsOf(c) {
  const { r, view } = c;
  const sampled = r.meta.sample > 1 || r.meta.sample_bad > 1;
  const wanted = (view.to - view.from) / (c.width / 5);
  if (sampled && !c.filter) return barsFromBins(c, wanted);
  const step = niceTime(wanted);
  const base = Number.isNaN(r.origin) ? r.meta.offset : 0;
  const from = Math.floor((view.from + base) / step) * step - base;
  const n = Math.ceil((view.to - from) / step) + 1;
  const counts = KINDS.map(() => new Float64Array(n));
  const { time, kind } = r.rows;
  const begin = lower(time, view.from), end = lower(time, view.to);
  for (let i = begin; i < end; i++) {
    if (c.filter && !c.filter[i]) continue;
    const k = kind[i];
    counts[k][Math.floor((time[i] - from) / step)] += k === REFUSED || k === FAILED || k === 4 ? r.meta.sample_bad : r.meta.sample;
  }
  return { from, step, n, counts, note: sampled ? 'estimated from the sample' : '' };
}

function barsFromBins(c, wanted) {
  const { r, view } = c, bin = r.meta.bin;
  const step = Math.max(1, Math.ceil(wanted / bin)) * bin;
  const from = Math.floor(view.from / step) * step;
  const n = Math.ceil((view.to - from) / step) + 1;
  const counts = KINDS.map(() => new Float64Array(n));
  ['home', 'elsewhere', 'refused', 'failed', 'other'].forEach((name, k) => {
    const line = r.lines['rate.' + name];
    for (let b = Math.max(Math.floor(from / bin), 0); b < r.meta.bins && b * bin < view.to; b++) counts[k][Math.floor((b * bin - from + bin / 2) / step)] += line[b];
  });
  return { from, step, n, counts, note: '' };
}

// ---- failures by class, one row a class

function classLanes(r) {
  const counts = Object.entries(r.meta.class_counts || {}).map(([c, n]) => [Number(c), n]).sort((a, b) => b[1] - a[1]);
  const names = new Map(r.classes.map((c) => [c.number, c.name]));
  const shown = counts.slice(0, 9);
  return shown.map(([c, n]) => {
    const rows = r.byClass.get(c) || new Uint32Array(0);
    return {
      kind: 'class', name: names.get(c) || String(c), height: 19, class: c, rows, title: `class ${names.get(c)}`,
      summary: () => `${plural(n, 'request')} ended as ${names.get(c)}`,
      rest: () => count(n),
      now: null,
      draw(g, c) {
        const seen = new Map();
        for (let k = lower(r.rows.time, c.view.from, rows); k < rows.length; k++) {
          const i = rows[k];
          if (r.rows.time[i] > c.view.to) break;
          if (c.filter && !c.filter[i]) continue;
          const x = Math.floor(c.s.x(r.rows.time[i]));
          const at = seen.get(x);
          if (at) at[0]++; else seen.set(x, [1, r.rows.kind[i]]);
        }
        for (const [x, [n, kind]] of seen) {
          const tall = Math.min(5 + Math.log2(n) * 2, c.height - 4);
          g.fillStyle = ink[KINDS[kind].color];
          g.fillRect(x - 0.5, (c.height - tall) / 2, 1.8, tall);
        }
        g.fillStyle = ink.faint;
        g.fillRect(0, c.height - 1, c.width, 1);
      },
    };
  });
}

// ---- pushes, drains, control plane, faults

const MARKS = { 'config': '▲', 'push refused': '⊘', 'control plane': '◆', 'drain': '▼', 'panic': '!', 'bug': '‼' };

function marksLane(r) {
  const faults = r.meta.faults || [];
  const height = 24 + faults.length * 17;
  return {
    kind: 'marks', name: faults.length ? 'Faults and changes' : 'Changes', height,
    summary: () => 'configurations, drains and the control plane',
    rest: () => '▲ push  ◆ control plane  ▼ drain',
    now: null,
    draw(g, c) {
      let free = -1e9;
      for (const e of r.meta.events) {
        const glyph = MARKS[e.kind];
        if (!glyph || e.at < c.view.from || e.at > c.view.to) continue;
        const x = c.s.x(e.at);
        g.fillStyle = e.kind === 'bug' || e.kind === 'push refused' || e.kind === 'panic' ? ink.failed : ink.mark;
        g.textAlign = 'center';
        g.fillText(glyph, Math.min(Math.max(x, 6), c.width - 6), 12);
        const text = e.text.split(/[,;:]/)[0];
        const wide = g.measureText(text).width;
        if (x > free && x + wide + 14 < c.width) {
          label(g, text, Math.max(x, 6) + 9, 12, ink.soft);
          free = x + wide + 24;
        }
      }
      faults.forEach((f, n) => {
        const x = Math.max(c.s.x(f.from), 0), end = Math.min(c.s.x(f.to), c.width), y = 24 + n * 17;
        if (end < 0 || x > c.width) return;
        g.fillStyle = hatch(g, ink.fault, null, 5);
        g.fillRect(x, y, Math.max(end - x, 2), 14);
        g.strokeStyle = ink.fault;
        g.lineWidth = 1;
        g.strokeRect(x + 0.5, y + 0.5, Math.max(end - x - 1, 1), 13);
        const wide = g.measureText(f.text).width;
        if (wide + 8 < end - x) plate(g, f.text, x + 4, y + 7.5);
        else if (end + wide + 8 < c.width) label(g, f.text, end + 5, y + 7.5, ink.text);
        else label(g, f.text, x - 5, y + 7.5, ink.text, 'right');
      });
    },
  };
}

// ---- placements

function placeLane(r, p) {
  const l = r.lines, total = l[`p${p.i}.total`], guests = l[`p${p.i}.guests`], limit = l[`p${p.i}.limit`], cap = l[`p${p.i}.cap`];
  const far = p.bound > p.most * 4;
  const top = Math.max(far ? p.most * 1.25 : Math.max(p.most, p.bound) * 1.12, 1);
  const peak = `peak ${count(p.most)}${p.bound ? ' of ' + count(p.bound) : ''}${p.mostGuests ? `, up to ${count(p.mostGuests)} guests` : ' in flight'}`;
  return {
    kind: 'place', name: p.name, height: 88, place: p.i,
    summary: () => `placement ${p.name}: ${peak}`,
    rest: () => peak,
    now(t) {
      const b = binAt(r, t);
      if (total[b] === ABSENT || total[b] === undefined) return 'nothing recorded';
      let text = `${count(total[b])}${limit[b] ? ' of ' + count(limit[b]) : ''} in flight`;
      if (guests[b]) text += `, ${count(guests[b])}${cap[b] ? ' of ' + count(cap[b] - 1) : ''} guests`;
      return text;
    },
    draw(g, c) {
      const h = c.height - 4, y = (v) => h - Math.min(v / top, 1) * (h - 4);
      const stack = (color, low, high) => {
        g.fillStyle = color;
        eachColumn(c, (x, from, end) => {
          let at = -1;
          for (let b = from; b < end; b++) if (total[b] !== ABSENT && (at < 0 || total[b] > total[at])) at = b;
          if (at < 0) return;
          const a = y(low(at)), b = y(high(at));
          if (a > b) g.fillRect(x, b, 1, a - b);
        });
      };
      stack(ink.elsewhere, () => 0, (b) => guests[b]);
      stack(ink.home, (b) => guests[b], (b) => total[b]);
      g.fillStyle = ink.line;
      g.fillRect(0, h, c.width, 1);
      for (let n = 0; n < p.panics.length; n++) {
        const [from, on] = p.panics[n];
        if (!on) continue;
        const x = c.s.x(from), end = n + 1 < p.panics.length ? c.s.x(p.panics[n + 1][0]) : c.width;
        g.fillStyle = hatch(g, ink.failed, null, 4);
        g.fillRect(x, 0, Math.max(end - x, 2), 6);
        if (end - x > 40) label(g, 'panic', Math.max(x, 0) + 4, 11, ink.failed);
      }
      if (p.cap >= 0) boundLine(g, c, (b) => (total[b] === ABSENT || !cap[b] ? NaN : y(cap[b] - 1)), ink.elsewhere, [1.5, 2.5]);
      if (p.cap >= 0 && y(p.cap) < h - 10 && p.cap > 0) plate(g, `guests ${count(p.cap)}`, 3, y(p.cap) - 7);
      if (p.bound && far) label(g, `↑ limit ${count(p.bound)}`, 4, 9, ink.limit);
      if (p.bound && !far) {
        boundLine(g, c, (b) => (total[b] === ABSENT || !limit[b] ? NaN : y(limit[b])), ink.limit, [5, 3]);
        label(g, `limit ${count(p.bound)}`, 4, Math.max(y(p.bound) + 9, 9), ink.limit);
      } else if (!p.bound) label(g, count(top / 1.12), 4, 9, ink.soft);
    },
  };
}

// boundLine draws a limit, which may move.
function boundLine(g, c, of, color, dash) {
  g.strokeStyle = color;
  g.lineWidth = 1.25;
  g.setLineDash(dash);
  g.beginPath();
  let before = NaN;
  eachColumn(c, (x, from, end) => {
    const v = of(end - 1);
    if (Number.isNaN(v)) { before = NaN; return; }
    if (Number.isNaN(before)) g.moveTo(x, v);
    else { if (v !== before) g.lineTo(x, before); g.lineTo(x + 1, v); }
    before = v;
  });
  g.stroke();
  g.setLineDash([]);
}

function queueLane(r, p) {
  const queue = r.lines[`p${p.i}.queue`];
  return {
    kind: 'queue', name: 'queue', height: 30, place: p.i,
    summary: () => `queue of ${p.name}: up to ${count(p.queued)} wait`,
    rest: () => `up to ${count(p.queued)} wait`,
    now: (t) => `${count(queue[binAt(r, t)] || 0)} wait`,
    draw(g, c) {
      const h = c.height - 3;
      g.fillStyle = ink.refused;
      eachColumn(c, (x, from, end) => {
        let most = 0;
        for (let b = from; b < end; b++) if (queue[b] > most) most = queue[b];
        if (most) g.fillRect(x, h - (most / p.queued) * (h - 3), 1, (most / p.queued) * (h - 3));
      });
      g.fillStyle = ink.faint;
      g.fillRect(0, h, c.width, 1);
    },
  };
}

// ---- endpoints

function stateText(s) {
  if (!s) return '';
  const parts = [];
  if ((s & 3) === 2) parts.push('open');
  if ((s & 3) === 3) parts.push('half-open');
  if (s & 4) parts.push('unhealthy');
  return parts.join(', ');
}

function endpointLane(r, e) {
  const total = r.lines[`e${e.n}.total`], states = e.states || [];
  let most = 0;
  for (let b = 0; b < total.length; b++) if (total[b] !== ABSENT && total[b] > most) most = total[b];
  const stateAt = (t) => { let s = 0; for (const [at, v] of states) { if (at > t) break; s = v; } return s; };
  // One that is found open, where the recording begins or goes on after a gap, was not seen to open.
  const opened = states.filter(([, s], n) => (s & 3) === 2 && n > 0 && [1, 3].includes(states[n - 1][1] & 3)).length;
  const sick = states.some(([, s]) => s & 4);
  const rest = [opened ? (opened < 3 ? `opened ${['', 'once', 'twice'][opened]}` : `opened ${count(opened)} times`) : '', sick ? 'unhealthy' : '', `peak ${count(most)}`].filter(Boolean).join(', ');
  return {
    kind: 'endpoint', name: e.name || e.url, title: `${e.name} ${e.url}`, height: 36, place: e.place,
    summary: () => `endpoint ${e.name}: ${rest} in flight${opened ? ', breaker opened ' + opened + ' times' : ''}`,
    rest: () => rest,
    now(t) {
      const s = stateAt(t), v = total[binAt(r, t)];
      if (!s) return '';
      return `${stateText(s) || 'closed'}, ${v === ABSENT || v === undefined ? '?' : count(v)}`;
    },
    draw(g, c) {
      const low = 20;
      g.fillStyle = ink.home;
      g.globalAlpha = 0.75;
      eachColumn(c, (x, from, end) => {
        let v = 0;
        for (let b = from; b < end; b++) if (total[b] !== ABSENT && total[b] > v) v = total[b];
        if (v) g.fillRect(x, low - (v / most) * (low - 3), 1, (v / most) * (low - 3));
      });
      g.globalAlpha = 1;
      for (let n = 0; n < states.length; n++) {
        const [from, s] = states[n], to = n + 1 < states.length ? states[n + 1][0] : r.meta.length;
        if (!s || to < c.view.from || from > c.view.to) continue;
        const x = Math.max(c.s.x(from), 0), w = Math.min(c.s.x(to), c.width) - x;
        strip(g, x, low, w, s);
      }
    },
  };
}

// strip draws one state below an endpoint's line: by colour, by pattern, and where there is room by name.
function strip(g, x, low, w, s) {
  const breaker = s & 3, y = low + 1, h = 12;
  if (breaker === 1 && !(s & 4)) {
    g.fillStyle = ink.ok;
    g.fillRect(x, y + 1, w, 2);
    return;
  }
  const wide = Math.max(w, 1.6);
  g.fillStyle = breaker === 2 ? hatch(g, ink.open, ink.bg, 4) : breaker === 3 ? hatch(g, ink.half, ink.bg, 4, -1) : hatch(g, ink.sick, ink.bg, 5);
  g.fillRect(x, y, wide, h);
  g.strokeStyle = breaker === 2 ? ink.open : breaker === 3 ? ink.half : ink.sick;
  g.lineWidth = 1;
  if (wide > 3) g.strokeRect(x + 0.5, y + 0.5, wide - 1, h - 1);
  else { g.fillStyle = g.strokeStyle; g.fillRect(x, y, wide, h); }
  const text = stateText(s);
  if (g.measureText(text).width + 10 < w) plate(g, text, x + 4, y + h / 2 + 0.5);
}
