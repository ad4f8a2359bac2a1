package configimport

import (
	"slices"
	"strconv"
	"strings"
)

// hapFront is a frontend, or the frontend half of a listen, in the making.
type hapFront struct {
	section   *hapSection
	acls      map[string]*hapACL
	vars      map[string]hapVar
	rules     []rule
	fallback  *hapLine // default_backend
	maxconn   *hapLine
	client    hapTimeout
	header    hapTimeout
	idle      hapTimeout
	handshake hapTimeout
	noH2      *hapLine
	binds     []*hapLine
	listeners []string
}

// hapVar is a variable that http-request set-var gives a value.
type hapVar struct {
	f    hapFetch
	line *hapLine
}

// withVariable puts the expression of a variable in the place of var(NAME).
func withVariable(f hapFetch, vars map[string]hapVar) hapFetch {
	v, ok := vars[f.arg(0)]
	if f.name != "var" || !ok {
		return f
	}
	v.line.Class = Translated
	v.line.Notes = nil
	out := v.f
	out.conv = append(slices.Clone(v.f.conv), f.conv...)
	out.text = f.text
	return out
}

func hasBind(s *hapSection) bool {
	return slices.ContainsFunc(s.lines, func(l *hapLine) bool { return l.words[0] == "bind" })
}

// hapFrontLines are the settings of frontends that are read.
var hapFrontLines = map[string]bool{
	"mode": true, "bind": true, "acl": true, "use_backend": true, "default_backend": true, "maxconn": true, "timeout client": true,
	"timeout http-request": true, "timeout http-keep-alive": true, "timeout client-hs": true, "option forwardfor": true, "option http-keep-alive": true, "option disable-h2-upgrade": true,
	"http-request set-var": true,
}

// frontend translates a frontend, or the frontend half of a listen.
func (h *hap) frontend(s *hapSection, several bool) {
	f := &hapFront{section: s, acls: map[string]*hapACL{}, vars: map[string]hapVar{}}
	s.head.ok()
	lines := s.settings()
	for _, l := range lines { // what rules look up, wherever it stands
		h.frontLine(f, l)
	}
	for _, l := range lines {
		if l.words[0] == "use_backend" {
			h.useBackend(f, l)
		}
	}
	for _, a := range f.acls {
		a.settle()
	}
	end, leads := h.lastRule(f)
	if l := f.maxconn; l != nil && l.Class == 0 && (len(f.binds) == 0 || !leads) {
		l.not("nothing listens for "+s.name+" here, so it limits nothing", "")
	}
	if len(f.binds) == 0 {
		if s.kind == "frontend" {
			s.head.not("it listens nowhere (bind), so no request takes its routes", "")
		}
		return
	}
	if !leads {
		s.head.not("no request of it goes to a placement, so nothing listens for it", "")
		for _, l := range f.binds {
			l.not("no request goes to a placement from here", "")
		}
		return
	}
	for _, l := range f.binds {
		h.bind(f, l)
	}
	if len(f.listeners) == 0 {
		s.head.not("none of its addresses is translated, so no request takes its routes", "")
		return
	}
	h.routes(f, end, several)
}

// frontLine reads one line; rules are read when all ACLs are known.
func (h *hap) frontLine(f *hapFront, l *hapLine) {
	words := l.words
	if words[0] == "no" && len(words) > 1 {
		words = words[1:]
	}
	switch name := settingName(words); name {
	case "mode", "option forwardfor", "option http-keep-alive":
		l.ok()
	case "bind":
		f.binds = append(f.binds, l)
	case "acl":
		h.acl(f, l)
	case "use_backend":
	case "default_backend":
		f.fallback = l
	case "maxconn":
		if o := f.maxconn; o != nil && o.Class == 0 {
			o.ok() // of defaults, and said anew
		}
		f.maxconn = l
	case "timeout client":
		f.client.read(l)
	case "timeout http-request":
		f.header.read(l)
	case "timeout http-keep-alive":
		f.idle.read(l)
	case "timeout client-hs":
		f.handshake.read(l)
	case "option disable-h2-upgrade":
		f.noH2 = l
		l.ok()
	default:
		if strings.HasPrefix(name, "http-request set-var") {
			f.setVariable(l)
			return
		}
		if f.section.isBack() && (hapBackLines[name] != nil || name == "server" || name == "server-template" || name == "default-server") || hapBackOnly[name] {
			return // the backend's half says what becomes of it
		}
		hapAbsent(l, name)
	}
}

// setVariable remembers http-request set-var(txn.key) EXPRESSION.
func (f *hapFront) setVariable(l *hapLine) {
	one, ok := hapOneCall(l.word(1))
	e, fine := hapExpr(l.word(2))
	if !ok || !fine || len(l.words) != 3 || one.arg(0) == "" {
		hapAbsent(l, "http-request")
		return
	}
	if _, twice := f.vars[one.arg(0)]; twice {
		l.not("the variable "+one.arg(0)+" has a value already: the first is used", "")
		return
	}
	f.vars[one.arg(0)] = hapVar{withVariable(e, f.vars), l}
	l.not("no rule that is translated reads the variable "+one.arg(0), "")
}

// acl reads a named ACL; one of several lines holds when one of them does.
func (h *hap) acl(f *hapFront, l *hapLine) {
	name := l.word(1)
	if name == "" || len(l.words) < 3 {
		l.not("an ACL has a name and a criterion", "")
		return
	}
	a := h.readACL(l.words[2:], f.vars)
	if f.acls[name] == nil {
		f.acls[name] = &hapACL{}
	}
	all := f.acls[name]
	all.any = append(all.any, a.any...)
	all.lines = append(all.lines, l)
	if a.fault != "" {
		all.fault = a.fault
		l.not(a.fault, "tell these requests apart by host, path, listener or key")
		return
	}
	for _, d := range a.differs {
		l.differs(d, "")
	}
}

// settle marks the lines of an ACL that had no fault.
func (a *hapACL) settle() {
	for _, l := range a.lines {
		l.ok()
	}
}

// useBackend makes rules of a use_backend line.
func (h *hap) useBackend(f *hapFront, l *hapLine) {
	i := slices.IndexFunc(l.words, func(w string) bool { return w == "if" || w == "unless" })
	head, terms := l.words, []hapTerm{{}}
	unless := false
	if i >= 0 {
		var fault string
		head, unless = l.words[:i], l.words[i] == "unless"
		if terms, fault = h.hapCondition(l.words[i+1:], f.acls, f.vars); fault != "" {
			l.not(fault, "")
			return
		}
	}
	if len(head) != 2 {
		l.not("use_backend names one backend, and a condition after if or unless", "")
		return
	}
	bases, fault := h.rulesFor(f, head[1], l)
	if fault != "" {
		l.not(fault+"; requests that it takes go by the rules after it", "")
		return
	}
	if unless {
		h.unlessRule(f, l, bases, terms)
		return
	}
	made := false
	for _, t := range terms {
		made = h.ifRules(f, l, bases, t) || made
	}
	if made {
		l.ok()
	}
}

// unlessRule adds a rule for what no term holds for.
func (h *hap) unlessRule(f *hapFront, l *hapLine, bases []rule, terms []hapTerm) {
	var out []region
	for _, t := range terms {
		not, faults := regionsOf(t.yes)
		if len(t.no) > 0 {
			faults = append(faults, "what unless leaves out has an exception itself")
		}
		if len(faults) > 0 {
			l.not(faults[0]+"; requests that this line takes go by the rules after it", "turn the condition round")
			return
		}
		t.differ(l)
		out = append(out, not...)
	}
	l.ok()
	for _, base := range bases {
		base.not = out
		f.rules = append(f.rules, base)
	}
}

func (t *hapTerm) differ(l *hapLine) {
	for _, a := range append(slices.Clone(t.yes), t.no...) {
		if len(a.lines) == 0 { // a named one says it where it stands
			for _, d := range a.differs {
				l.differs(d, "")
			}
		}
	}
}

// ifRules adds the rules for one alternative of a condition.
func (h *hap) ifRules(f *hapFront, l *hapLine, bases []rule, t hapTerm) (made bool) {
	cs, faults := conjunctions(t.yes)
	var not []region
	for _, a := range t.no {
		regions, more := regionsOf([]hapACL{a})
		if len(more) > 0 {
			l.not("what it leaves out cannot be said: "+more[0]+"; requests that it takes go by the rules after it", "")
			return false
		}
		not = append(not, regions...)
	}
	for _, why := range faults {
		l.not(why+"; requests that it takes by this go by the rules after it", "")
	}
	t.differ(l)
	for _, c := range cs {
		for _, base := range bases {
			made = h.ifRule(f, l, base, c, not) || made
		}
	}
	return made || len(cs) == 0 && len(faults) == 0
}

// ifRule adds the rule for one alternative of a condition, unless it is none.
func (h *hap) ifRule(f *hapFront, l *hapLine, r rule, c conjunction, not []region) (made bool) {
	in, ok := r.in.intersect(c.in)
	if !ok {
		return true
	}
	r.in, r.not = in, not
	switch {
	case c.down != "":
		return h.whileDown(l, &r, c)
	case c.found && c.key == key("? "+r.lookup): // the map is asked twice: once whether, once what
		if r.ends {
			return true
		}
		r.last = false
	case c.found && c.key == r.key:
		l.differs("a key that is there and unknown goes by the rules after it", "")
		r.last = false
	case c.found:
		l.not("that a key is there decides nothing by itself; requests that it takes go by the rules after it", "")
		return false
	case c.key != "" && (r.key != "" || r.lookup != ""):
		l.not("it asks for one key and reads another", "")
		return false
	case c.key != "":
		r.key, r.last = c.key, false
		for _, k := range c.keys {
			r.keys = append(r.keys, keyTo{k, r.to, l.from()})
		}
	}
	f.rules = append(f.rules, r)
	return true
}

// whileDown writes use_backend b if { nbsrv(a) eq 0 } as a fallback of a.
func (h *hap) whileDown(l *hapLine, r *rule, c conjunction) bool {
	from, to := h.plan.placement(c.down), h.plan.placement(r.to.placement)
	if from == nil || to == nil || from == to || r.key != "" || len(r.not) > 0 {
		l.not("it is no fallback of one placement to another", "write fallback: [NAME] in the placement that may fail")
		return false
	}
	list := []string{}
	if have := from.tree.get("fallback"); have != nil {
		list = append(list, strings.Trim(have.value.(string), "[]"))
	}
	if !slices.Contains(list, quoted(to.name)) {
		list = append(list, quoted(to.name))
	}
	if len(list) > 7 {
		l.not("a placement has at most 7 others to fall back to", "")
		return false
	}
	from.tree.set("fallback", "["+strings.Join(list, ", ")+"]", l.from())
	l.differs("it is the fallback of "+from.name+" for every request that would go there, whatever else the condition asks for, and for a request whose endpoints are all unusable, not once checks have failed", "")
	return true
}

// rulesFor makes the part of a rule that follows from the backend's name.
func (h *hap) rulesFor(f *hapFront, name string, l *hapLine) ([]rule, string) {
	r := rule{from: []string{l.from()}, line: l.Line}
	before, rest, dynamic := strings.Cut(name, "%[")
	if !dynamic {
		if h.plan.placement(name) == nil {
			return nil, "the backend " + name + " became no placement"
		}
		r.to = target{placement: name}
		return []rule{r}, ""
	}
	i := strings.LastIndexByte(rest, ']')
	if i < 0 || strings.Contains(rest, "%[") {
		return nil, "its backend is not named by one expression"
	}
	e, ok := hapExpr(rest[:i])
	if !ok {
		return nil, "the expression in its name is not understood"
	}
	return h.dynamic(f, withVariable(e, f.vars), before, rest[i+1:], r, l)
}

// lastRule is for the requests that no rule takes; leads says that some request goes to a placement.
func (h *hap) lastRule(f *hapFront) (end rule, leads bool) {
	end = rule{to: target{reject: 503}, from: []string{f.section.head.from()}}
	if f.section.kind == "listen" && h.plan.placement(f.section.name) != nil {
		end.to = target{placement: f.section.name}
	}
	if l := f.fallback; l != nil {
		switch rules, fault := h.rulesFor(f, l.word(1), l); {
		case fault != "":
			l.not(fault+": requests that no rule takes are refused with 503", "")
			end.to = target{reject: 503}
		case strings.Contains(l.word(1), "%["):
			l.ok()
			f.rules = append(f.rules, rules...)
		default:
			l.ok()
			end = rules[0]
		}
	}
	return end, len(f.rules) > 0 || end.to.reject == 0
}

// routes writes the routes of a frontend for its listeners.
func (h *hap) routes(f *hapFront, end rule, several bool) {
	for i := range f.rules { // what a map lacks goes where requests go that no rule takes
		if r := &f.rules[i]; r.elsewhere {
			r.to = end.to
		}
	}
	f.rules = append(f.rules, end)
	routes, complete := expand(f.rules, h.plan.room())
	if !complete {
		f.section.head.not(tooManyRoutes, "use a map of keys in place of rules")
	}
	var listeners []string
	if several {
		listeners = f.listeners
	}
	h.plan.addRoutes(routes, listeners, "tenants")
}

// bind writes a listener for each address of a bind line.
func (h *hap) bind(f *hapFront, l *hapLine) {
	l.ok()
	for _, address := range strings.Split(l.word(1), ",") {
		host, port, fault := hapAddress(address)
		if fault != "" {
			l.not("its address "+strconv.Quote(address)+" is of no use here: "+fault, "")
			continue
		}
		if host == "*" || host == "0.0.0.0" || host == "::" {
			host = ""
		}
		if h.plan.listens(hostPort(host, port)) {
			l.not("another listener has the address "+address, "give each its own, or tell requests apart by host")
			continue
		}
		name := f.section.name
		for i := 2; h.plan.listeners.get(name) != nil; i++ {
			name = f.section.name + "-" + strconv.Itoa(i)
		}
		t := &tree{}
		t.set("address", quoted(hostPort(host, port)), l.from())
		h.bindOptions(f, l, t)
		h.listenerLimits(f, t)
		h.plan.listeners.setWhole(name, t)
		f.listeners = append(f.listeners, name)
	}
}

// listenerLimits writes what holds for all listeners of a frontend.
func (h *hap) listenerLimits(f *hapFront, t *tree) {
	if l := f.maxconn; l != nil && t.get("max_connections") == nil {
		if n, ok := l.countOf(l.word(1), 1<<31-1); ok && n > 0 {
			t.set("max_connections", strconv.Itoa(n), l.from())
			l.ok()
			l.differs("a connection beyond is closed, where HAProxy lets it wait; counted for each listener", "")
		}
	} else if l := h.global.line; l != nil && t.get("max_connections") == nil {
		if n, ok := l.countOf(h.global.maxconn, 1<<31-1); ok && n > 0 {
			t.set("max_connections", strconv.Itoa(n), l.from())
			l.ok()
			l.differs("a connection beyond is closed, where HAProxy lets it wait; counted for each listener, not for all together", "")
		}
	}
	header, idle := f.header, f.idle
	if header.at == nil {
		header = f.client
	}
	if idle.at == nil {
		idle = header
	}
	if f.handshake.at != nil && t.get("tls") != nil {
		t.set("timeouts/handshake", lengthOfTime(f.handshake.d), f.handshake.from()...)
	}
	if header.at != nil {
		t.set("timeouts/header", lengthOfTime(header.d), header.from()...)
	}
	if idle.at != nil {
		t.set("timeouts/idle", lengthOfTime(idle.d), idle.from()...)
	}
	if f.client.at != nil {
		t.set("http1/body_idle", lengthOfTime(f.client.d), f.client.from()...)
		t.set("http1/write", lengthOfTime(f.client.d), f.client.from()...)
	}
}
