// The story of one request: what came, each attempt, why, and what to run to be told more.

// whyOf is the cause in one sentence: the machine's own where the page has it, else from the columns.
function whyOf(r, i) {
  const told = r.stories && r.stories.get(r.rows.step[i]);
  if (told) return told.why;
  const c = r.rows, cls = r.className.get(c.class[i]), place = placeName(r, c.place[i]), home = placeName(r, c.home[i]);
  const where = endpointName(r, c.endpoint[i], c.place[i]), failover = FAILOVER[c.flags[i] & 3];
  const moved = { circuit_open: `breakers of ${home} were open`, upstream_unhealthy: `no endpoint of ${home} was sound`, concurrency_limit: `${home} was full` }[failover];
  if (c.kind[i] === REFUSED) return refusedWhy(r, i, cls, place, home);
  let text = '';
  if (c.kind[i] === FAILED) text = failedWhy(cls, where, c.status[i]);
  else if (cls === 'client_gone') text = `The client left before ${where || 'anyone'} had answered.`;
  else if (cls === 'unfinished') text = `It was still in flight at ${where || place} when the recording ends.`;
  else if (cls === 'end not recorded') text = 'How it ended lies in a gap of the recording.';
  else if (failover) text = `${where} served it as a guest, because ${moved}.`;
  else text = `Its home ${home} was sound and had room; ${where} served it.`;
  if (c.flags[i] & FLAG.probe) text += ' It was the half-open probe of that breaker.';
  if (failover && c.kind[i] === FAILED) text += ` It was there as a guest, because ${moved}.`;
  return text;
}

function refusedWhy(r, i, cls, place, home) {
  const c = r.rows, n = c.room[i], at = place || home;
  const inFlight = c.roomInFlight[n], guests = c.roomGuests[n], limit = c.roomLimit[n];
  switch (cls) {
    case 'limit':
      if (limit && inFlight >= limit) return `${at} was full: ${count(inFlight)} of ${count(limit)} in flight` + (guests ? `, ${count(guests)} of them guests; without guests it would have had ${count(inFlight - guests)}.` : '.');
      return `${at} had no room for it: ${count(inFlight)}${limit ? ' of ' + count(limit) : ''} in flight${guests ? `, ${count(guests)} of them guests` : ''}.`;
    case 'queue_timeout': return `It waited in the queue of ${at} until its time there was over.`;
    case 'circuit_open': return `No candidate could take it: the breakers of ${home} were open, and no other candidate had both a sound endpoint and room.`;
    case 'no_endpoint': return `No candidate could take it: no endpoint of ${home} was sound, and no other candidate had both a sound endpoint and room.`;
    case 'no_key': return 'The request had no routing key.';
    case 'unknown_key': return 'The key is not in the table, and the configuration refuses unknown keys.';
    case 'not_ready': return 'The router had no configuration yet.';
    case 'drain': return 'The router was draining.';
    case 'body_too_large': return `The body was over the limit of ${at}.`;
    case 'shed': return `${at} was too full for a request of its priority: ${count(inFlight)} of ${count(limit)} in flight.`;
    case 'fair_share': return `Its tenant had its full share of ${at}: ${count(inFlight)} of ${count(limit)} in flight.`;
    case 'no_route': return 'No route takes requests for its host, path and listener.';
    case 'unauthorized': return 'Its token did not hold.';
  }
  return `The router refused it as ${cls}.`;
}

function failedWhy(cls, where, status) {
  switch (cls) {
    case 'connect_refused': return `${where} refused the connection.`;
    case 'connect_timeout': return `${where} could not be reached in time.`;
    case 'response_timeout': return `${where} did not answer in time.`;
    case 'reset_before_response': return `${where} reset the connection before it answered.`;
    case 'upstream_5xx': return `${where} answered with ${status || 'a server error'}.`;
    case 'broken_body': return `${where} broke off in the middle of the body.`;
    case 'body_timeout': return `${where} stalled in the middle of the body.`;
    case 'dns': return `The name of ${where} could not be resolved.`;
    case 'tls': return `TLS with ${where} failed.`;
    case 'drain': return `The router drained, and the attempt at ${where} was cut at the deadline.`;
  }
  return `The attempt at ${where} ended as ${cls}.`;
}

function placeName(r, p) { return p < 0xffff && r.meta.places[p] ? r.meta.places[p].name : ''; }

// legsOf lists the attempts and waits of a request.
function legsOf(r, i) {
  const c = r.rows, legs = [];
  for (let n = c.leg[i]; n; n = c.legBefore[n]) legs.push(n);
  if (!legs.length) {
    if (c.endpoint[i] === ABSENT) return [];
    return [{ at: c.time[i], text: attemptText(r, c.endpoint[i], c.flags[i] & 3, (c.flags[i] >> 2) & 3, c.class[i], c.status[i], c.span[i], c.flags[i] & FLAG.probe) }];
  }
  return legs.reverse().map((n) => {
    const flags = c.legFlags[n];
    if (flags & 16) return { at: c.legFrom[n], text: `waited ${flags & 32 ? span(c.legSpan[n]) : ''}` };
    return { at: c.legFrom[n], text: attemptText(r, c.legEndpoint[n], flags & 3, (flags >> 2) & 3, c.legClass[n], c.legStatus[n], c.legSpan[n], 0) };
  });
}

function attemptText(r, endpoint, failover, circuit, cls, status, took, probe) {
  let text = endpointName(r, endpoint, 0xffff);
  if (failover) text += `, a guest: ${FAILOVER[failover]}`;
  if (circuit) text += `, breaker ${CIRCUIT[circuit]}`;
  if (probe) text += ', half-open probe';
  const name = r.className.get(cls);
  text += ` → ${name === 'served' ? 'answered' : name}${status ? ' ' + status : ''} after ${span(took)}`;
  return text;
}

// shell quotes an argument where a shell would read more into it.
function shell(s) { return /^[\w@%+=:,./-]+$/.test(s) ? s : `'${s.replaceAll("'", "'\\''")}'`; }

function commandOf(r, i) {
  const files = r.meta.files || [];
  return `lockstep explain ${files.map(shell).join(' ')} --step ${r.rows.step[i]}`;
}

function storyShow(r, i, { step, close }) {
  const c = r.rows, kind = c.kind[i], box = $('story'), name = r.className.get(c.class[i]);
  const outcome = kind < 2 ? KINDS[kind].name : `${KINDS[kind].name.replace(' by the router', '')}: ${name}`;
  const id = el('code', {}, r.ids ? idOf(r, i) : '…');
  if (!r.ids) loadIDs(r).then(() => { id.textContent = idOf(r, i); });
  const command = commandOf(r, i);
  const copy = el('button', { type: 'button', 'aria-label': 'Copy the command' }, 'Copy');
  copy.addEventListener('click', () => {
    const code = box.querySelector('.command code');
    getSelection().selectAllChildren(code);
    if (navigator.clipboard) navigator.clipboard.writeText(command).then(() => { copy.textContent = 'Copied'; }, () => {});
  });
  const line = (at, text) => el('li', {}, el('time', {}, at), el('span', {}, text));
  const legs = legsOf(r, i);
  const end = legs.length || kind === REFUSED ? [line(clock(r, c.time[i] + c.span[i]), endText(r, i, name))] : [];
  const crowded = c.room[i] && c.roomGuests[c.room[i]] > 0; // then what drove the guests here matters too
  const before = r.meta.events.filter((e) => e.at <= c.time[i] && (crowded || e.place < 0 || e.place === c.home[i] || e.place === c.place[i] || samePlace(r, e, i))).slice(-6);
  const told = r.stories && r.stories.get(c.step[i]);
  const facts = [
    ['Key', r.keys[c.key[i]] || '(no key)'],
    ['Request id', id],
    ['Home', placeName(r, c.home[i]) || '–'],
    ['Method', ['safe (GET and its like)', 'idempotent', 'other'][(c.flags[i] >> 9) & 3]],
    ['Priority', String((c.flags[i] >> 12) & 7)],
    ['Rule', c.rule[i] ? `R${c.rule[i]}` : '–'],
    ['Step', count(c.step[i])],
  ];
  box.replaceChildren(
    el('header', {},
      el('div', {}, el('p', { class: 'what' }, outcome), el('h2', { id: 'storyhead' }, `${c.status[i] || 'No status'} ${c.span[i] < 1 ? 'at once' : 'after ' + span(c.span[i])}`)),
      el('button', { type: 'button', onclick: close, 'aria-label': 'Close the story (Esc)' }, 'Close')),
    el('p', { class: `why t${kind}` }, whyOf(r, i)),
    el('h3', {}, `What it did${dateOf(r, c.time[i]) ? ', ' + dateOf(r, c.time[i]) + ' UTC' : ''}`),
    el('ol', {}, line(clock(r, c.time[i], 6), 'arrived'), ...legs.map((l) => line(clock(r, l.at, 6), l.text)), ...end.map((e) => e)),
    ...(before.length ? [el('h3', {}, crowded ? 'Before it' : 'Before it, at its placements'), el('ol', {}, ...before.map((e) => line(clock(r, e.at), e.text)))] : []),
    ...(told && told.instead ? [el('h3', {}, 'Instead'), el('ol', { class: 'plain' }, ...told.instead.map((text) => el('li', {}, text)))] : []),
    ...(told && told.candidates ? [el('h3', {}, 'Candidates at that moment'), el('ol', {}, ...told.candidates.map(([place, text]) => line(place, text)))] : []),
    el('h3', {}, 'Facts'),
    el('dl', {}, ...facts.flatMap(([k, v]) => [el('dt', {}, k), el('dd', {}, v)])),
    el('h3', {}, 'All of it, recomputed'),
    el('div', { class: 'command' }, el('code', {}, command), copy),
    el('div', { class: 'steps' },
      el('button', { type: 'button', onclick: () => step(-1) }, 'Previous failure ', el('kbd', {}, 'p')),
      el('button', { type: 'button', onclick: () => step(1) }, 'Next failure ', el('kbd', {}, 'n'))),
  );
  box.hidden = false;
  box.scrollTop = 0;
  document.body.classList.add('beside');
}

function samePlace(r, e, i) {
  const meta = (r.meta.endpoints || [])[e.endpoint];
  return Boolean(meta) && (meta.place === r.rows.home[i] || meta.place === r.rows.place[i]);
}

function endText(r, i, name) {
  const c = r.rows, status = c.status[i];
  if (c.kind[i] === REFUSED) return `answered ${status}, class ${name} (R${c.rule[i]})${c.attempts[i] ? '' : '; nothing was sent to any endpoint'}`;
  if (name === 'served') return `the client had all of it${status ? ', status ' + status : ''}`;
  if (name === 'unfinished') return 'the recording ends, the request does not';
  return `ended as ${name}${status ? ', the client was told ' + status : ''}`;
}
