// Drawing on canvases: colours from the style sheet, sizes, scales, ticks.

let ink = {};

// readColors takes the theme's colours from the style sheet.
function readColors() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ['bg', 'panel', 'line', 'faint', 'text', 'soft', 'accent', 'home', 'elsewhere', 'refused', 'failed', 'other',
    'ok', 'open', 'half', 'sick', 'limit', 'mark', 'fault', 'select']) ink[name] = style.getPropertyValue('--' + name).trim();
  ink.font = '11px ' + getComputedStyle(document.documentElement).fontFamily;
  patterns.clear();
}

// sheet makes a canvas as large as its place and returns its context, cleared.
function sheet(canvas, width, height) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = height + 'px';
  }
  const g = canvas.getContext('2d');
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  g.font = ink.font;
  g.textBaseline = 'middle';
  return g;
}

const patterns = new Map();

// hatch is a fill of slanted lines, so that a state is seen without colour too.
function hatch(g, color, back, gap = 6, slant = 1) {
  const key = [color, back, gap, slant].join();
  if (patterns.has(key)) return patterns.get(key);
  const tile = document.createElement('canvas');
  tile.width = tile.height = gap;
  const t = tile.getContext('2d');
  if (back) { t.fillStyle = back; t.fillRect(0, 0, gap, gap); }
  t.strokeStyle = color;
  t.lineWidth = 1.4;
  t.beginPath();
  for (const shift of [-gap, 0, gap]) { t.moveTo(shift, slant > 0 ? gap : 0); t.lineTo(shift + gap, slant > 0 ? 0 : gap); }
  t.stroke();
  const pattern = g.createPattern(tile, 'repeat');
  patterns.set(key, pattern);
  return pattern;
}

// nice is the smallest round number that is not below v.
function nice(v) {
  const power = 10 ** Math.floor(Math.log10(v));
  for (const f of [1, 1.5, 2, 3, 4, 5, 6, 8, 10]) if (f * power >= v * 0.999999) return f * power;
  return 10 * power;
}

const MINUTE = 6e7, HOUR = 36e8;

// niceTime is a round length of time in microseconds, not below v.
function niceTime(v) {
  if (v < 1e6) return Math.max(nice(v), 1);
  for (const s of [1e6, 2e6, 5e6, 1e7, 15e6, 3e7, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR]) if (s >= v) return s;
  return Math.ceil(v / (24 * HOUR)) * 24 * HOUR;
}

// ticks are round times in what is shown, at least so many pixels apart.
function ticks(r, view, width, apart = 96) {
  const step = niceTime((view.to - view.from) * apart / width);
  const base = Number.isNaN(r.origin) ? r.meta.offset : (r.origin % 86400000) * 1000 + r.nanos;
  const out = [];
  for (let t = Math.ceil((base + view.from) / step) * step - base; t <= view.to; t += step) out.push(t);
  return { step, at: out, digits: step >= 1e6 ? 0 : step >= 1e5 ? 1 : step >= 1e4 ? 2 : step >= 1e3 ? 3 : 6 };
}

// tickText is a tick's label, no longer than its step needs.
function tickText(r, t, step, digits) {
  const text = clock(r, t, digits);
  if (Number.isNaN(r.origin)) return text;
  return step >= MINUTE ? text.slice(0, 5) : text;
}

// scale maps times to pixels.
function scale(view, width) {
  const k = width / (view.to - view.from);
  return { x: (t) => (t - view.from) * k, t: (x) => view.from + x / k, k };
}

// grid draws the ticks' lines, gaps, and the times of pushes behind a lane.
function grid(g, c, height) {
  g.fillStyle = ink.faint;
  for (const t of c.ticks.at) g.fillRect(Math.round(c.s.x(t)), 0, 1, height);
  for (const [from, to] of c.r.meta.gaps || []) {
    const x = c.s.x(from), w = Math.max(c.s.x(to) - x, 2);
    g.fillStyle = hatch(g, ink.failed, ink.faint, 8);
    g.fillRect(x, 0, w, height);
  }
  g.strokeStyle = ink.mark;
  g.setLineDash([2, 3]);
  g.beginPath();
  for (const t of c.pushes) {
    const x = Math.round(c.s.x(t)) + 0.5;
    if (x >= 0 && x <= c.width) { g.moveTo(x, 0); g.lineTo(x, height); }
  }
  g.stroke();
  g.setLineDash([]);
}

// columnsOf calls draw for each pixel column with the bins that it shows.
function eachColumn(c, draw) {
  const bin = c.r.meta.bin, bins = c.r.meta.bins;
  const perPixel = (c.view.to - c.view.from) / c.width / bin;
  for (let x = 0; x < c.width; x++) {
    const at = (c.view.from + (x * (c.view.to - c.view.from)) / c.width) / bin;
    const first = Math.floor(at);
    const end = Math.max(first + 1, Math.floor(at + perPixel));
    if (end <= 0 || first >= bins) continue;
    draw(x, Math.max(first, 0), Math.min(end, bins));
  }
}

// label writes small text on what is already drawn, with a halo.
function label(g, text, x, y, color, align = 'left') {
  g.textAlign = align;
  g.lineWidth = 3;
  g.lineJoin = 'round';
  g.strokeStyle = ink.bg;
  g.strokeText(text, x, y);
  g.fillStyle = color;
  g.fillText(text, x, y);
}

// plate writes small text on a pattern, on ground of its own.
function plate(g, text, x, y) {
  g.fillStyle = ink.bg;
  g.fillRect(x - 1, y - 5.5, g.measureText(text).width + 6, 10.5);
  g.fillStyle = ink.text;
  g.textAlign = 'left';
  g.fillText(text, x + 2, y);
}
