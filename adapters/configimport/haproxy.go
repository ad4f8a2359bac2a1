package configimport

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// hap translates one HAProxy configuration, which may be in several files.
type hap struct {
	opts     Options
	report   *Report
	setenv   map[string]string
	sections []*hapSection
	plan     plan
	global   hapGlobal
	backends map[string]*hapSection // and listens, by name
	lines    []*hapLine
}

// hapSection is global, defaults, a frontend, a listen, a backend or resolvers.
type hapSection struct {
	kind   string
	name   string
	head   *hapLine
	lines  []*hapLine
	base   *hapSection // the defaults that it inherits
	unread string      // "": it is read; else why not
}

// hapGlobal is what the section global says to others.
type hapGlobal struct {
	maxconn string
	line    *hapLine
	verify  string // ssl-server-verify
}

// hapKinds are the sections that HAProxy knows; true for those that are read.
var hapKinds = map[string]bool{
	"global": true, "defaults": true, "frontend": true, "listen": true, "backend": true, "resolvers": true,
	"peers": false, "userlist": false, "mailers": false, "program": false, "http-errors": false, "ring": false, "cache": false,
	"fcgi-app": false, "log-forward": false, "log-profile": false, "crt-store": false, "traces": false, "acme": false,
}

// hapAbout says what to do about a section that is not read.
var hapAbout = map[string]string{
	"peers":       "stick tables are not translated, so there is nothing to replicate",
	"userlist":    "check users before the router, or in the service",
	"mailers":     "alert from metrics: lockstep serve exports its state to Prometheus",
	"program":     "start the program by systemd",
	"http-errors": "error pages are the service's; the router answers with a status and a reason",
	"cache":       "put a cache before or behind the router",
	"log-forward": "forward logs by a program made for it",
	"ring":        "logs go to standard output",
}

// HAProxy translates the files of one HAProxy configuration, as if they were given
// to haproxy -f one after another. The error wraps ErrForeign when there is no
// section of HAProxy's in them.
func HAProxy(files []Input, opts Options) (*Result, error) {
	h := &hap{opts: opts, report: &Report{Format: "haproxy"}, setenv: map[string]string{}, backends: map[string]*hapSection{}}
	known := false
	for _, f := range files {
		known = h.parse(f) || known
	}
	if !known {
		return nil, fmt.Errorf("%s: %w: it has no frontend, listen, backend, defaults or global", names(files), ErrForeign)
	}
	h.plan.csvOver, h.plan.csvPrefix = opts.CSVOver, opts.CSVPrefix
	h.translate()
	h.report.Everywhere = hapEverywhere(&h.plan)
	h.report.settle()
	if len(h.plan.placements) == 0 {
		return nil, &Empty{h.report}
	}
	out := &Result{h.plan.yaml("From HAProxy: " + names(files) + "\n" + h.report.Total()), h.report, h.plan.files()}
	out.tooLarge()
	return out, nil
}

// Empty is the error of a configuration of which no placement could be made. Its
// report says why, line by line.
type Empty struct{ Report *Report }

// Error implements error.
func (e *Empty) Error() string {
	return "nothing in it becomes a placement: " + e.Report.Total()
}

func names(files []Input) string {
	var out []string
	for _, f := range files {
		out = append(out, f.Name)
	}
	return strings.Join(out, ", ")
}

// variable looks up an environment variable, those of setenv first.
func (h *hap) variable(name string) (string, bool) {
	if v, ok := h.setenv[name]; ok {
		return v, true
	}
	return h.opts.env(name)
}

// parse reads one file into sections; it reports whether one of HAProxy's was in it.
func (h *hap) parse(in Input) (known bool) {
	raw, byNumber, list := linesOf(in)
	h.report.Lines = append(h.report.Lines, list...)
	var current *hapSection
	skipping := false // in .else or .elif of a condition
	for i := range raw {
		l := byNumber[i+1]
		if l == nil {
			continue
		}
		words, unknown, open := hapWords(strings.TrimSpace(raw[i]), h.variable)
		line := &hapLine{l, words}
		h.lines = append(h.lines, line)
		switch {
		case open:
			l.not("a quote in this line has no end", "close it")
			continue
		case len(words) == 0:
			l.ok() // nothing but quotes: HAProxy reads nothing either
			continue
		case strings.HasPrefix(words[0], "."):
			skipping = h.directive(line, skipping)
			continue
		case skipping:
			l.not("it is in the other branch of a condition, which is not read", "translate the branch that you use, with the others removed")
			continue
		case len(unknown) > 0:
			l.not("it has the environment variable "+strings.Join(unknown, ", ")+", whose value is not known here", "set it and run this again, or write the value into the line")
			continue
		}
		if _, is := hapKinds[words[0]]; is {
			current = h.section(line)
			known = true
			continue
		}
		if current == nil {
			l.not("it stands before any section", "")
			continue
		}
		current.lines = append(current.lines, line)
		if current.kind == "global" && len(words) >= 3 && (words[0] == "setenv" || words[0] == "presetenv") {
			if _, have := h.variable(words[1]); !have || words[0] == "setenv" {
				h.setenv[words[1]] = strings.Join(words[2:], " ")
			}
		}
	}
	return known
}

// directive reads .if and its kin: what stands in the first branch is read.
func (h *hap) directive(l *hapLine, skipping bool) bool {
	switch l.words[0] {
	case ".if":
		l.not("conditions are not evaluated: what stands in this branch is read, the others are not", "check that this is the branch you use")
		return false
	case ".elif", ".else":
		l.not("this branch is not read", "check that the first one is the branch you use")
		return true
	case ".endif":
		l.ok()
		return false
	}
	l.not("directives of the reader are not carried out", "")
	return skipping
}

func (h *hap) section(l *hapLine) *hapSection {
	s := &hapSection{kind: l.words[0], name: l.word(1), head: l}
	if s.name == "from" {
		s.name = ""
	}
	switch {
	case !hapKinds[s.kind]:
		s.unread = "a section " + s.kind + " has no counterpart"
	case s.name == "" && s.kind != "global" && s.kind != "defaults":
		s.unread = "this section has no name"
	case !isHapName(s.name):
		s.unread = strconv.Quote(s.name) + " is no name of HAProxy's"
	}
	if i := slices.Index(l.words, "from"); i > 0 && i+1 < len(l.words) {
		s.base = h.defaultsNamed(l.words[i+1])
		if s.base == nil {
			l.not("there is no defaults section named "+l.words[i+1], "")
		}
	} else if s.kind != "defaults" {
		s.base = h.lastDefaults()
	}
	if s.kind == "listen" || s.kind == "backend" || s.kind == "frontend" {
		if s.base != nil {
			s.base.head.ok()
		}
	}
	h.sections = append(h.sections, s)
	return s
}

// isHapName reports whether HAProxy takes name as the name of a proxy or server.
func isHapName(name string) bool {
	return len(name) <= 150 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:") == ""
}

func (h *hap) defaultsNamed(name string) *hapSection {
	for _, s := range h.sections {
		if s.kind == "defaults" && s.name == name {
			return s
		}
	}
	return nil
}

func (h *hap) lastDefaults() *hapSection {
	for _, s := range slices.Backward(h.sections) {
		if s.kind == "defaults" {
			return s
		}
	}
	return nil
}

// settings lists the lines that count for a section: those of its defaults first.
func (s *hapSection) settings() (out []*hapLine) {
	if s.base != nil {
		out = s.base.settings()
	}
	return append(out, s.lines...)
}

// mode is http unless a tcp is said; HAProxy's own default is tcp.
func (s *hapSection) mode() string {
	mode := "tcp"
	for _, l := range s.settings() {
		if l.words[0] == "mode" {
			mode = l.word(1)
		}
	}
	return mode
}

func (s *hapSection) isFront() bool { return s.kind == "frontend" || s.kind == "listen" }
func (s *hapSection) isBack() bool  { return s.kind == "backend" || s.kind == "listen" }

func (h *hap) translate() {
	for _, s := range h.sections {
		if s.kind == "global" && s.unread == "" {
			h.readGlobal(s)
		}
		if (s.isFront() || s.isBack()) && s.unread == "" && s.mode() != "http" {
			s.unread = "it is in mode " + s.mode() + ", and Lockstep routes HTTP"
		}
		if s.isBack() && s.unread == "" {
			if h.backends[s.name] != nil {
				s.unread = "a backend of that name is defined already"
			} else {
				h.backends[s.name] = s
			}
		}
	}
	// Backends first: routes name only those that became placements.
	for _, s := range h.sections {
		switch {
		case s.unread != "":
			s.refuse()
		case s.isBack():
			h.backend(s)
		}
	}
	fronts := 0
	for _, s := range h.sections {
		if s.unread == "" && s.isFront() && hasBind(s) {
			fronts++
		}
	}
	for _, s := range h.sections {
		if s.unread == "" && s.isFront() {
			h.frontend(s, fronts > 1)
		}
	}
	h.unusedDefaults()
	h.readResolvers()
	if l := h.global.line; l != nil && l.Class == 0 {
		if len(h.plan.listeners.entries) > 0 {
			l.ok() // every listener has a limit of its own
		} else {
			l.not("nothing listens here, so it limits nothing", "")
		}
	}
}

// refuse lists a whole section as not translated.
func (s *hapSection) refuse() {
	s.head.not(s.unread, hapAbout[s.kind])
	for _, l := range s.lines {
		l.not("the section is not translated (line "+fmt.Sprint(s.head.Number)+")", "")
	}
}

// unusedDefaults says which lines of defaults nothing inherits.
func (h *hap) unusedDefaults() {
	used := map[*hapSection]bool{}
	for _, s := range h.sections {
		if s.unread == "" && (s.isFront() || s.isBack()) {
			for d := s.base; d != nil && !used[d]; d = d.base {
				used[d] = true
				d.head.ok()
			}
		}
	}
	for _, s := range h.sections {
		if s.kind != "defaults" {
			continue
		}
		for _, l := range s.lines {
			switch {
			case l.Class != 0:
			case !used[s]:
				l.not("no section that is translated inherits these defaults", "")
			case hapFrontOnly[settingName(l.words)] || hapBackOnly[settingName(l.words)]:
				l.ok() // no frontend, or no backend, inherits it: it does nothing there either
			}
		}
		if !used[s] {
			s.head.not("no section that is translated inherits these defaults", "")
		}
	}
}

// settingName is what a line sets: its first word, with the second where that says what.
func settingName(words []string) string {
	for len(words) > 1 && (words[0] == "no" || words[0] == "default") {
		words = words[1:]
	}
	switch words[0] {
	case "timeout", "option", "http-check", "stats", "http-request", "http-response", "http-after-response", "tcp-request", "tcp-response", "stick", "tcp-check":
		if len(words) > 1 {
			return words[0] + " " + words[1]
		}
	}
	return words[0]
}

// hapEverywhere are the differences that no line causes.
func hapEverywhere(p *plan) []string {
	out := []string{
		"A Host is compared without its port and in lower case, whether or not an ACL says -i; a path with . or .. in it, or an encoded slash, is refused (400) where routes read paths.",
		"A request needs a routing key. Routes that read none use the first label of the host: a request whose Host is an address, or that has none, is refused (400, no_key).",
		"What HAProxy leaves unbounded has Lockstep's default where no line says otherwise (upstream_idle 90s, headers of a request 64 KiB, 100 header lines).",
		"The service gets the key as X-Routing-Key, and X-Forwarded-For, -Proto and X-Request-Id always; X-Forwarded-* of clients that trust_headers_from does not name are taken away.",
	}
	for _, q := range p.placements {
		if q.tree.get("retries") != nil {
			return append(out, "Retries have a budget here: a fifth of the requests in flight, and 3. HAProxy retries without one.")
		}
	}
	return out
}

func (h *hap) readGlobal(s *hapSection) {
	s.head.ok()
	for _, l := range s.lines {
		switch l.words[0] {
		case "maxconn":
			h.global.maxconn, h.global.line = l.word(1), l
		case "setenv", "presetenv":
			l.ok()
		case "ssl-server-verify":
			h.global.verify = l.word(1)
			l.ok()
		case "daemon", "user", "group", "uid", "gid", "chroot", "pidfile", "nbproc", "nbthread", "cpu-map", "master-worker", "ulimit-n", "node", "description", "localpeer", "hard-stop-after", "grace", "set-dumpable":
			l.not("it is about the process, not about routing", "let systemd say it: cmd/lockstep/package has a unit")
		case "log", "log-tag", "log-send-hostname":
			l.not("Lockstep writes its access log to standard output, as JSON", "collect it from there; fields and sampling: access_log")
		case "stats":
			l.not("there is no socket of HAProxy's protocol", `look at metrics, health and state by HTTP: admin: {address: "127.0.0.1:9901"}`)
		case "lua-load", "lua-load-per-thread", "lua-prepend-path":
			l.not("Lua is not run", "move what it does before the router, or into the service")
		case "ca-base", "crt-base":
			l.not("files are found from the folder that the router is started in", "write whole paths in the lines that name files")
		case "ssl-default-bind-ciphers", "ssl-default-bind-ciphersuites", "ssl-default-server-ciphers", "ssl-default-server-ciphersuites", "ssl-default-bind-curves", "tune.ssl.default-dh-param", "ssl-dh-param-file":
			l.not("ciphers are Go's own list, which has forward secrecy only", "nothing, unless a client is older than TLS 1.2 with ECDHE")
		case "ssl-default-bind-options", "ssl-default-server-options":
			l.not("options for all lines are not carried over; TLS is 1.2 or newer here", `write min: "1.3" in the listener's tls where it must be`)
		default:
			if strings.HasPrefix(l.words[0], "tune.") || strings.HasPrefix(l.words[0], "no") {
				l.not("it tunes HAProxy's own workings", "")
			} else {
				l.not("there is no such setting here", "")
			}
		}
	}
}
