package whatif

// compare books what changes for one request.
func (r *Result) compare(e *engine, q *request) {
	r.Requests++
	r.Decisions.add(q.decision)
	r.Outcomes.add(q.outcome)
	r.Worst.add(max(q.decision, q.outcome))
	if each := e.w.options.Each; each != nil {
		each(&Request{
			Example: e.exampleOf(q), Decision: q.decision, Outcome: q.outcome, DecisionWhy: q.decisionWhy, Before: q.rec.where(), After: q.alt.where(),
			StatusBefore: q.rec.status, StatusAfter: q.alt.status, ClassBefore: q.rec.class, ClassAfter: q.alt.class,
			AttemptsBefore: int(q.rec.attempts), AttemptsAfter: int(q.alt.attempts), Same: q.same,
		})
	}
	from, to := q.rec.where(), q.alt.where()
	moved, told := from != to, q.rec.status != q.alt.status
	if !moved && !told {
		return
	}
	if moved {
		r.Moved++
		m := r.moves[[2]Where{from, to}]
		if m == nil {
			m = &Move{From: from, To: to}
			r.moves[[2]Where{from, to}] = m
		}
		m.Requests++
		m.Labels.add(q.decision)
		x := e.exampleOf(q)
		x.Label, x.Why = q.decision, q.decisionWhy
		m.Examples = e.keep(m.Examples, q, x)
	}
	if told {
		r.Statuses++
		pair := [2]uint16{q.rec.status, q.alt.status}
		m := r.statuses[pair]
		if m == nil {
			m = &StatusChange{From: pair[0], To: pair[1]}
			r.statuses[pair] = m
		}
		m.Requests++
		m.Labels.add(max(q.decision, q.outcome))
		m.Examples = e.keep(m.Examples, q, e.exampleOf(q))
	}
	r.byKey(q, moved, told)
}

func (r *Result) byKey(q *request, moved, told bool) {
	k := r.keys[q.key]
	if k == nil {
		if len(r.keys) >= mostKeys {
			r.KeysMore++
			return
		}
		k = &KeyChange{Key: q.key}
		r.keys[q.key] = k
	}
	k.Moved += bit(moved)
	k.Statuses += bit(told)
	k.Refused += int64(bit(q.alt.refused != 0)) - int64(bit(q.rec.refused != 0))
	k.Errors += int64(bit(q.alt.status >= 500)) - int64(bit(q.rec.status >= 500))
}

// keep adds an example while there are few of its label.
func (e *engine) keep(to []Example, q *request, x Example) []Example {
	if q.inherited {
		return to
	}
	alike := 0
	for i := range to {
		if to[i].Label == x.Label {
			alike++
		}
	}
	if alike >= e.w.options.Examples {
		return to
	}
	return append(to, x)
}

func (e *engine) exampleOf(q *request) Example {
	return Example{Router: e.name, ID: q.id, Key: q.key, Step: q.step, Time: q.at, Label: max(q.decision, q.outcome), Why: q.why}
}
