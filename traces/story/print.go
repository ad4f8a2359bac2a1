package story

import (
	"fmt"
	"strconv"
	"strings"

	"lockstep/core"
)

// printDecision writes d as a line of a story. now is the step's time.
func (r *runner) printDecision(d *core.Decision, now core.Time) string {
	w := []string{d.Kind.String()}
	add := func(words ...string) {
		for _, s := range words {
			if s != "" {
				w = append(w, s)
			}
		}
	}
	endpoint := r.endpoints[d.Endpoint]
	switch d.Kind {
	case core.Forward:
		add(endpoint, d.Reason.String(), d.Circuit.String())
		if d.Probe {
			add("probe")
		}
		if d.Pin {
			add("pin")
		}
		if d.Count > 0 {
			add("attempt=" + strconv.Itoa(int(d.Count)))
		}
		add(r.whose(d.Handle))
	case core.Reject:
		add(strconv.Itoa(int(d.Status)), d.Class.String(), r.placements[d.Placement], d.Reason.String(), d.Circuit.String(), endpoint)
		add(r.whose(d.Handle))
	case core.Queued:
		add(r.placements[d.Placement], d.Reason.String(), "place="+strconv.Itoa(int(d.Count)), "until", printTime(d.Until), r.whose(d.Handle))
	case core.Retry:
		what := d.Class.String()
		if d.Status > 0 {
			what = strconv.Itoa(int(d.Status))
		}
		add(endpoint, what, "attempt="+strconv.Itoa(int(d.Count)), "until", printTime(d.Until))
	case core.Abort:
		add(r.label(d.Handle), endpoint)
	case core.NoteOpened, core.Probe:
		add(endpoint, "until", printTime(d.Until))
		if d.Trip != core.TripConsecutive {
			add("by", d.Trip.String())
		}
	case core.NoteTripCapped:
		add(endpoint, "open="+strconv.Itoa(int(d.Count)))
		if d.Trip != core.TripConsecutive {
			add("by", d.Trip.String())
		}
	case core.NoteLimitChanged:
		add(r.placements[d.Placement], strconv.Itoa(int(d.Count)))
	case core.NotePanicEntered, core.NotePanicLeft:
		add(r.placements[d.Placement], "usable="+strconv.Itoa(int(d.Count)))
	case core.NoteDraining:
		add("until", printTime(d.Until))
	case core.NoteDrained:
		add("aborted=" + strconv.Itoa(int(d.Count)))
	case core.Ack, core.NoteAdopted:
		add(printEpoch(d.Epoch))
	case core.Nack:
		add(printEpoch(d.Epoch), printRefusal(d))
	case core.NoteIgnored, core.NoteBug:
		add(d.Cause.String())
	default:
		add(endpoint)
	}
	if d.Failover != core.FailoverNone {
		add("after", d.Failover.String())
	}
	if d.At != now {
		add("at", printTime(d.At))
	}
	return strings.Join(w, " ")
}

// printRefusal is why a push was refused, with the share that changes if a guard refused it.
func printRefusal(d *core.Decision) string {
	if d.Count > 0 {
		return d.Cause.String() + " " + core.Percent(d.Count)
	}
	return d.Cause.String()
}

func printEpoch(e core.Epoch) string {
	return strconv.FormatUint(e.Term, 10) + "." + strconv.FormatUint(e.Number, 10)
}

func parseEpoch(s string) (e core.Epoch, err error) {
	term, number, ok := strings.Cut(s, ".")
	if !ok {
		return e, fmt.Errorf("epoch %q: write it as term.number", s)
	}
	if e.Term, err = strconv.ParseUint(term, 10, 64); err != nil {
		return e, err
	}
	e.Number, err = strconv.ParseUint(number, 10, 64)
	return e, err
}

// printTime writes whole milliseconds below a second as 250ms, all else in seconds.
func printTime(t core.Time) string {
	const ms, s = core.Time(core.Millisecond), core.Time(core.Second)
	switch {
	case t == core.Never:
		return "never"
	case t > 0 && t < s && t%ms == 0:
		return strconv.FormatInt(int64(t/ms), 10) + "ms"
	case t%s == 0:
		return strconv.FormatInt(int64(t/s), 10) + "s"
	}
	return strings.TrimRight(fmt.Sprintf("%d.%09d", t/s, t%s), "0") + "s"
}

// fold joins equal neighbours into one line with a count.
func fold(lines []string) []string {
	var out []string
	for i := 0; i < len(lines); {
		n := 1
		for i+n < len(lines) && lines[i+n] == lines[i] {
			n++
		}
		line := lines[i]
		if n > 1 {
			line = strconv.Itoa(n) + "x " + line
		}
		out = append(out, line)
		i += n
	}
	return out
}

// diff shows what was expected (-) and what came (+), with the equal lines
// before and after them.
func diff(expected, got []string) string {
	from := 0
	for from < len(expected) && from < len(got) && expected[from] == got[from] {
		from++
	}
	to := 0
	for to < len(expected)-from && to < len(got)-from && expected[len(expected)-1-to] == got[len(got)-1-to] {
		to++
	}
	var b strings.Builder
	mark := func(sign string, lines []string) {
		for _, l := range lines {
			b.WriteString("    " + sign + " " + l + "\n")
		}
	}
	mark(" ", expected[:from])
	mark("-", expected[from:len(expected)-to])
	mark("+", got[from:len(got)-to])
	mark(" ", expected[len(expected)-to:])
	return b.String()
}

// whose names the waiting request that a decision is about, "" for one that has just come.
func (r *runner) whose(h core.Handle) string {
	if label := r.label(h); h.Gen != 0 && label != "unlabelled" {
		return "for " + label
	}
	return ""
}
