// What the page holds, and how it is unpacked. Times are microseconds since the
// start of the router that is shown.

const $ = (id) => document.getElementById(id);

// KINDS are the outcomes, as traces/report numbers them: glyphs tell them apart without colour.
const KINDS = [
  { name: 'Served at home', short: 'served', color: 'home', glyph: '·' },
  { name: 'Served elsewhere', short: 'elsewhere', color: 'elsewhere', glyph: '↷' },
  { name: 'Refused by the router', short: 'refused', color: 'refused', glyph: '⊘' },
  { name: 'Failed', short: 'failed', color: 'failed', glyph: '×' },
  { name: 'Client left, or unfinished', short: 'no end', color: 'other', glyph: '…' },
];
const REFUSED = 2, FAILED = 3;
const FLAG = { probe: 16, queued: 32, pin: 64, refused: 128, replied: 256, sent: 2048 };
const FAILOVER = ['', 'circuit_open', 'upstream_unhealthy', 'concurrency_limit'];
const CIRCUIT = ['', 'closed', 'open', 'half-open'];
const ABSENT = 0xffffffff;

// inflate turns a block of the page, base64 of raw deflate, into bytes.
async function inflate(id) {
  const element = $(id);
  const text = element.textContent;
  let bytes;
  if (Uint8Array.fromBase64) {
    bytes = Uint8Array.fromBase64(text);
  } else {
    const raw = atob(text);
    bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// unpack turns planes of bytes into typed arrays by name.
function unpack(bytes, layout) {
  const out = {};
  let at = 0;
  for (const { name, width, count, delta } of layout) {
    out[name] = column(bytes, at, width, count, delta);
    at += width * count;
  }
  return out;
}

function column(bytes, at, width, n, delta) {
  if (width === 1) return bytes.subarray(at, at + n);
  const out = width === 2 ? new Uint16Array(n) : width === 4 && !delta ? new Uint32Array(n) : new Float64Array(n);
  for (let b = 0, unit = 1; b < width; b++, unit *= 256) {
    const plane = at + b * n;
    if (blank(bytes, plane, n)) continue;
    for (let i = 0; i < n; i++) out[i] += bytes[plane + i] * unit;
  }
  if (delta) for (let i = 1; i < n; i++) out[i] += out[i - 1];
  return out;
}

// blank reports whether a plane is all zeros, as most high ones are.
function blank(bytes, at, n) {
  for (let i = at, end = at + n; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}

// loadRouter unpacks what the first drawing needs of a router.
async function loadRouter(meta, i) {
  const [rows, lines, keys] = await Promise.all([inflate('rows' + i), inflate('lines' + i), inflate('keys' + i)]);
  const r = { meta, index: i, rows: unpack(rows, meta.rows), lines: unpack(lines, meta.lines), ids: null };
  r.n = r.rows.time.length;
  r.keys = new TextDecoder().decode(keys).split('\n');
  r.byClass = byClass(r.rows.class);
  r.bad = indicesOf(r.rows.kind, (k) => k === REFUSED || k === FAILED);
  r.origin = meta.origin ? Date.parse(meta.origin) : NaN;
  r.nanos = meta.origin ? subMillis(meta.origin) : 0;
  return r;
}

// subMillis are the microseconds beyond whole milliseconds that Date cannot hold.
function subMillis(text) {
  const digits = (/\.(\d+)/.exec(text) || ['', ''])[1].padEnd(9, '0');
  return Number(digits.slice(3, 9)) / 1000;
}

// byClass lists the requests of each class but that of the served.
function byClass(classes) {
  const counts = new Uint32Array(256), out = new Map();
  for (let i = 0; i < classes.length; i++) counts[classes[i]]++;
  for (let c = 1; c < 256; c++) if (counts[c]) out.set(c, new Uint32Array(counts[c]));
  counts.fill(0);
  for (let i = 0; i < classes.length; i++) {
    const c = classes[i];
    if (c) out.get(c)[counts[c]++] = i;
  }
  return out;
}

function indicesOf(column, is) {
  let n = 0;
  for (let i = 0; i < column.length; i++) if (is(column[i])) n++;
  const out = new Uint32Array(n);
  for (let i = 0, k = 0; i < column.length; i++) if (is(column[i])) out[k++] = i;
  return out;
}

// loadIDs unpacks the request ids. They stand behind the script, so that nothing waits for them.
async function loadIDs(r) {
  while (document.readyState === 'loading') await new Promise((done) => setTimeout(done, 30));
  if (!r.ids) r.ids = await inflate('ids' + r.index);
  return r.ids;
}

function idOf(r, i) {
  if (!r.ids) return '';
  let out = '';
  for (let half = 0; half < 2; half++) {
    for (let b = 7; b >= 0; b--) out += r.ids[(half * 8 + b) * r.n + i].toString(16).padStart(2, '0');
  }
  return out;
}

// lower returns the first index of a rising column, or of indices into one, that is not below t.
function lower(column, t, through) {
  let lo = 0, hi = through ? through.length : column.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (column[through ? through[mid] : mid] < t) lo = mid + 1; else hi = mid;
  }
  return lo;
}

// clock prints a time: of day in UTC, or since the start of a simulated trace.
function clock(r, t, digits = 3) {
  if (Number.isNaN(r.origin)) {
    const s = (r.meta.offset + t) / 1e6;
    return (s < 0 ? '−' : '+') + Math.abs(s).toFixed(Math.max(digits, 0)) + 's';
  }
  const micros = r.nanos + t;
  const whole = Math.floor(micros / 1000);
  const text = new Date(r.origin + whole).toISOString().slice(11, 23);
  if (digits <= 0) return text.slice(0, 8);
  return (text + String(Math.floor(micros - whole * 1000)).padStart(3, '0')).slice(0, 9 + digits);
}

function dateOf(r, t) {
  if (Number.isNaN(r.origin)) return '';
  return new Date(r.origin + Math.floor((r.nanos + t) / 1000)).toISOString().slice(0, 10);
}

// span prints a length of time, given in microseconds.
function span(us) {
  if (us >= 3.6e9) return (us / 3.6e9).toFixed(us >= 3.6e10 ? 0 : 1) + ' h';
  if (us >= 12e7) return (us / 6e7).toFixed(us >= 6e8 ? 0 : 1) + ' min';
  if (us >= 1e6) return (us / 1e6).toFixed(us >= 1e7 ? 1 : 2) + ' s';
  if (us >= 1000) return (us / 1000).toFixed(us >= 1e5 ? 0 : us >= 1e4 ? 1 : 2) + ' ms';
  return us.toFixed(0) + ' µs';
}

function count(n) { return Math.round(n).toLocaleString('en-US'); }

function plural(n, one, many = one + 's') { return count(n) + ' ' + (n === 1 ? one : many); }

// el makes an element; text is only ever text.
function el(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes)) {
    if (k === 'class') e.className = v;
    else if (k.startsWith('on')) e.addEventListener(k.slice(2), v);
    else if (v !== null && v !== undefined) e.setAttribute(k, v);
  }
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== ''));
  return e;
}
