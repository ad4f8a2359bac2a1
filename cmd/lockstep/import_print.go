package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"lockstep/adapters/accesslog"
	"lockstep/traces/say"
)

// printImported says what a trace is made of: first what is certain, then what
// is assumed.
func printImported(w io.Writer, r *accesslog.Imported, output string) {
	fmt.Fprintf(w, "Imported   %s of %s, %s\n", say.Plural(r.Requests, "request"), filesText(r.Files), spanText(&r.Read))
	fmt.Fprintf(w, "Trace      %s   %s steps; it replays: lockstep replay %s\n", output, say.Count(r.Steps), output)
	fmt.Fprintf(w, "Decided    %s forwarded%s\n", say.Count(uint64(r.Forwarded)), refusedText(r.Refused))
	if m := r.Made; m != nil {
		printMade(w, m)
	}
	fmt.Fprintln(w, "\nCertain")
	fmt.Fprintf(w, "   times     %s\n", timesText(&r.Read))
	o := &r.Outcomes
	fmt.Fprintf(w, "   outcomes  %s of %s (%s) ended as the log says of that endpoint\n", say.Count(uint64(o.Logged)), say.Plural(o.Attempts, "attempt"), share(o.Logged, o.Attempts))
	if o.Assumed+o.Probes > 0 {
		fmt.Fprintln(w, "Assumed")
	}
	if o.Assumed > 0 {
		fmt.Fprintf(w, "   outcomes  %s went where the other router did not send that request: as the last attempts there in the log, else well\n", say.Count(uint64(o.Assumed)))
	}
	if o.Probes > 0 {
		fmt.Fprintf(w, "   health    %s of which the log says nothing: %s failed, those of endpoints whose last attempts in the log got no answer, or that are said to be down\n", say.Plural(o.Probes, "check"), say.Count(uint64(o.ProbesFailed)))
	}
	printRead(w, &r.Read)
}

// printMade says what was assumed for want of a configuration.
func printMade(w io.Writer, m *accesslog.Made) {
	fmt.Fprintf(w, "\nNo configuration was given, so one was made of the log: %s, %s, %s\n",
		say.Plural(m.Placements, "placement"), say.Plural(m.Endpoints, "endpoint"), say.Plural(m.Keys, "key"))
	group := "upstreams that serve the same keys are one placement"
	if m.Named {
		group = "each group of servers that the log names is a placement"
	}
	key := "each key goes where most of its requests went"
	if m.ByGroup {
		key = "the log shows no routing key: the name of the group stands for it"
		if !m.Named {
			key = "the log shows no routing key and no group: one key and one placement for all"
			group = "all upstreams are one"
		}
	}
	fmt.Fprintf(w, "   %s; %s\n   no breaker, limit, health check, retry or fallback; the endpoint that was logged serves\n", group, key)
}

// printRead says what the log does not tell, and what could not be read.
func printRead(w io.Writer, r *accesslog.Read) {
	var doubts []string
	add := func(n int, text string) {
		if n > 0 {
			doubts = append(doubts, fmt.Sprintf("%s %s", say.Plural(n, "request"), text))
		}
	}
	add(r.NoKey, "without a routing key: log it, or say with --key or --field where it is")
	add(r.NoUpstream, "whose line has no place for the upstream")
	add(r.NoDuration, "without a duration: taken as over at once, so limits and queues are not tried")
	add(r.Spread, "of seconds with several: spread evenly over their second, in the order of their lines")
	if r.Late.Count > 0 {
		doubts = append(doubts, fmt.Sprintf("%s came later than the window or the room for waiting allows, by at most %s: moved to when they were read; a larger --window may mend it",
			say.Plural(r.Late.Count, "request"), r.Late.Most.Round(time.Millisecond)))
	}
	if len(doubts) > 0 {
		fmt.Fprintln(w, "Not told")
		for _, d := range doubts {
			fmt.Fprintf(w, "   %s\n", d)
		}
	}
	fmt.Fprintf(w, "Lines      %s: %s, %s of no request, %s blank, %s malformed\n", say.Count(uint64(r.Lines)),
		say.Plural(r.Requests, "request"), say.Count(uint64(r.Other)), say.Count(uint64(r.Blank)), say.Count(uint64(r.Malformed)))
	for _, p := range r.Problems {
		fmt.Fprintf(w, "   %s:%d: %s\n      %s\n", p.File, p.Line, p.Why, p.Text)
	}
	if n := r.Malformed - len(r.Problems); n > 0 {
		fmt.Fprintf(w, "   and %s more\n", say.Count(uint64(n)))
	}
}

// printByDNS says whose addresses cannot be told from the configuration.
func printByDNS(w io.Writer, placements []string) {
	if len(placements) > 0 {
		fmt.Fprintf(w, "DNS        the endpoints of %s are found by DNS, and not asked for here: name their addresses with --map ADDRESS=PLACEMENT\n", strings.Join(placements, ", "))
	}
}

func filesText(files []string) string {
	if len(files) == 1 {
		if files[0] == accesslog.Stdin {
			return "the standard input"
		}
		return files[0]
	}
	return fmt.Sprintf("%s, from %s to %s", say.Plural(len(files), "file"), files[0], files[len(files)-1])
}

func spanText(r *accesslog.Read) string {
	const layout = "2006-01-02 15:04:05.000"
	return fmt.Sprintf("%s to %s UTC (%s)", r.First.Format(layout), r.Last.Format(layout), r.Last.Sub(r.First).Round(time.Millisecond))
}

func timesText(r *accesslog.Read) string {
	s := "when each request came, as logged"
	if r.EndIsLogged {
		s = "the log tells when each request ended; it came its duration before"
	}
	return s + fmt.Sprintf(", to %s", r.Resolution)
}

func refusedText(refused map[string]int) string {
	if len(refused) == 0 {
		return ", none refused"
	}
	n, parts := 0, []string{}
	for _, class := range slices.Sorted(maps.Keys(refused)) {
		n += refused[class]
		parts = append(parts, fmt.Sprintf("%s %s", class, say.Count(uint64(refused[class]))))
	}
	return fmt.Sprintf(", %s refused (%s)", say.Count(uint64(n)), strings.Join(parts, ", "))
}

// share is n of all in percent; what is not all never reads as 100%, nor what is not nothing as 0%.
func share(n, all int) string {
	if all == 0 {
		return "none"
	}
	s := fmt.Sprintf("%.2f%%", 100*float64(n)/float64(all))
	switch {
	case s == "100.00%" && n < all:
		return ">99.99%"
	case s == "0.00%" && n > 0:
		return "<0.01%"
	}
	return s
}
