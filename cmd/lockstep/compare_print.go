package main

import (
	"fmt"
	"io"

	"lockstep/adapters/accesslog"
	"lockstep/traces/say"
)

// verdictText says in words what a verdict means.
func verdictText(v accesslog.Verdict) string {
	switch v {
	case accesslog.SameEndpoint:
		return "the same placement and endpoint"
	case accesslog.OtherEndpoint:
		return "the same placement, another endpoint (selection)"
	case accesslog.BothRefuse:
		return "refused by both"
	case accesslog.OtherPlacement:
		return "another placement: the configuration sends the key elsewhere"
	case accesslog.UnknownKey:
		return "another placement: the key is unknown here, and goes to the default"
	case accesslog.WeFailOver:
		return "another placement: we fail over, they did not"
	case accesslog.TheyFailedOver:
		return "another placement: they went to a later candidate, we do not"
	case accesslog.TheyRetried:
		return "another placement: the first attempt is the same, they then tried elsewhere"
	case accesslog.RefusedByUs:
		return "refused by us, sent on by them"
	case accesslog.RefusedByThem:
		return "refused by them, sent on by us"
	case accesslog.NoUpstream:
		return "the line does not tell the upstream"
	case accesslog.NotInConfig:
		return "the upstream is no endpoint of the configuration: name it with --map"
	case accesslog.NoKey:
		return "the line has no routing key"
	case accesslog.NotProxied:
		return "answered by them, not sent to any upstream"
	case accesslog.Unread:
		return "no request: it could not be read, or the client had left"
	}
	return string(v)
}

func (v *compareVerdict) print(w io.Writer) {
	c := v.c
	judged, agree := c.Judged()
	head := ""
	if v.limit >= 0 {
		head = "OK    "
		if !v.passed() {
			head = "FAIL  "
		}
	}
	if judged == 0 {
		fmt.Fprintf(w, "%sno request can be judged under %s\n", head, v.config)
	} else {
		fmt.Fprintf(w, "%s%s of %s judged would be placed the same under %s\n", head, share(agree, judged), say.Plural(judged, "request"), v.config)
	}
	if v.limit >= 0 && !v.passed() {
		why := fmt.Sprintf("fewer than %s", v.under)
		if 2*judged < c.Requests || judged == 0 {
			why = "fewer than half of the requests can be judged"
		}
		fmt.Fprintf(w, "      %s\n", why)
	}
	guessed := ""
	if v.guessed {
		guessed = " (guessed)"
	}
	fmt.Fprintf(w, "Log        %s, %s%s: %s, %s\n", filesText(c.Files), v.format, guessed, say.Plural(c.Requests, "request"), spanText(&c.Read))
	if judged < c.Requests {
		fmt.Fprintf(w, "Not judged %s (%s): the lines do not tell enough\n", say.Plural(c.Requests-judged, "request"), share(c.Requests-judged, c.Requests))
	}
	for i := range c.Groups {
		printGroup(w, c, i)
	}
	fmt.Fprintln(w)
	o := &c.Outcomes
	fmt.Fprintf(w, "Assumed    %s of %s went where they did not send that request: as the last attempts there in the log, else well\n", say.Count(uint64(o.Assumed)), say.Plural(o.Attempts, "attempt"))
	printRead(w, &c.Read)
}

// printGroup prints one group, under the heading of its verdict.
func printGroup(w io.Writer, c *accesslog.Compared, i int) {
	g := &c.Groups[i]
	if i == 0 || c.Groups[i-1].Verdict != g.Verdict {
		n := c.Count(g.Verdict)
		fmt.Fprintf(w, "\n%10s  %7s  %s\n", say.Count(uint64(n)), share(n, c.Requests), verdictText(g.Verdict))
	}
	if cause := causeText(g); cause != "" {
		fmt.Fprintf(w, "%10s           %s\n", say.Count(uint64(g.Requests)), cause)
	}
	if g.Verdict.Agrees() {
		return // examples of agreement are in the JSON
	}
	for _, e := range g.Examples {
		fmt.Fprintf(w, "     %s:%d  %s  key %q\n        they: %s\n        we:   %s\n", e.File, e.Line, e.Time.Format("15:04:05.000"), e.Key, e.Theirs, e.Ours)
	}
}

// causeText says what sets a group apart, and how many tenants it concerns.
func causeText(g *accesslog.Group) string {
	keys := ""
	switch {
	case g.Verdict.Agrees() || g.Keys == 0:
	case g.Keys >= accesslog.MaxKeys:
		keys = "of " + say.Count(uint64(g.Keys)) + " keys or more"
	default:
		keys = "of " + say.Plural(g.Keys, "key")
	}
	if g.Cause != "" && keys != "" {
		return g.Cause + ", " + keys
	}
	return g.Cause + keys
}
