package accesslog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Format is what wrote a log, and in which form.
type Format string

// The formats.
const (
	Nginx     Format = "nginx"      // combined, or any log_format with Options.LogFormat
	NginxJSON Format = "nginx-json" // log_format ... escape=json
	HAProxy   Format = "haproxy"    // httplog and httpslog
	Envoy     Format = "envoy"      // the default format string, or any with Options.LogFormat
	EnvoyJSON Format = "envoy-json" // json_format with the usual names
	Caddy     Format = "caddy"      // its JSON
	Own       Format = "lockstep"   // the log of lockstep serve
)

// Formats lists the formats in the order in which Guess tries them: what is more particular first.
func Formats() []Format { return []Format{Own, Caddy, EnvoyJSON, NginxJSON, HAProxy, Envoy, Nginx} }

// About says in a few words what a format is.
func (f Format) About() string {
	switch f {
	case Nginx:
		return "nginx combined, or with --log-format any log_format"
	case NginxJSON:
		return "nginx with a JSON log_format (escape=json)"
	case HAProxy:
		return "HAProxy httplog or httpslog"
	case Envoy:
		return "Envoy's default format, or with --log-format any format string"
	case EnvoyJSON:
		return "Envoy json_format with the usual names"
	case Caddy:
		return "Caddy's JSON access log"
	case Own:
		return "the access log of lockstep serve"
	}
	return "no format"
}

// FormatOptions say how lines are read. The zero value is usable.
type FormatOptions struct {
	// LogFormat is the log_format of nginx, or the format string of Envoy; "" is
	// combined, or Envoy's default. The other formats have none.
	LogFormat string
	// Fields says what names mean that are the operator's own: the name in the log
	// to the variable of nginx that has such a value, or routing_key.
	Fields map[string]string
	// Captures names the request headers that HAProxy captures, in their order.
	Captures []string
	// Zone is of times that name none, as HAProxy's; nil is UTC.
	Zone *time.Location
}

// parser reads the lines of one format. It is not safe for concurrent use.
type parser struct {
	format   Format
	read     func(p *parser, line string, e *Entry) error
	stamps   stamps
	template *template
	root     *node
	json     jsonReader
	captured []field

	// Of the present line.
	query, group, logger string
	before               []Attempt // ours: before the last one
	coded                bool      // it has a status, if only 0 for no answer
}

// newParser checks the options of a format.
func newParser(f Format, o FormatOptions) (*parser, error) {
	p := &parser{format: f, stamps: stamps{zone: o.Zone}}
	if p.stamps.zone == nil {
		p.stamps.zone = time.UTC
	}
	if o.LogFormat != "" && f != Nginx && f != Envoy {
		return nil, fmt.Errorf("%s has one form only: a log format goes with nginx or envoy", f)
	}
	if len(o.Captures) > 0 && f != HAProxy {
		return nil, fmt.Errorf("captures are of haproxy, not of %s", f)
	}
	own := map[string]field{}
	for name, variable := range o.Fields {
		if own[name] = nginxField(strings.TrimPrefix(variable, "$")); own[name].means == ignored {
			return nil, fmt.Errorf("%s=%s: nothing is known by the name %q; use routing_key or a variable of nginx such as http_x_tenant, upstream_addr, host", name, variable, variable)
		}
	}
	return p, p.choose(o, own)
}

// choose sets up what reads the lines.
func (p *parser) choose(o FormatOptions, own map[string]field) (err error) {
	p.read = parseJSON
	switch p.format {
	case Nginx:
		err = p.useTemplate(o.LogFormat, nginxCombined, nextNginx, nginxField, own)
	case Envoy:
		err = p.useTemplate(o.LogFormat, envoyDefault, nextEnvoy, envoyField, own)
	case HAProxy:
		p.read = parseHAProxy
		for _, name := range o.Captures {
			p.captured = append(p.captured, captureField(name))
		}
		if len(own) > 0 {
			err = errors.New("the fields of haproxy have no names: name its captures instead")
		}
	case NginxJSON:
		p.root = nginxJSON()
	case EnvoyJSON:
		p.root = envoyJSON()
	case Caddy:
		p.root = caddyJSON()
	case Own:
		p.root = ownJSON()
	default:
		err = fmt.Errorf("%q is no format: use one of %v", p.format, Formats())
	}
	if p.root != nil {
		for name, f := range own {
			p.root.kids[name] = &node{field: f}
		}
	}
	return err
}

// captureField is of a captured request header. Host is one like others to HAProxy.
func captureField(name string) field {
	switch f := headerField(name); f.name {
	case "Host":
		return field{means: host}
	case "X-Request-Id":
		return field{means: id}
	default:
		return f
	}
}

func (p *parser) useTemplate(format, usual string, next func(string) (string, string, string, error), lookup func(string) field, own map[string]field) (err error) {
	if format == "" {
		format = usual
	}
	p.read = func(p *parser, line string, e *Entry) error { return p.template.parse(p, line, e) }
	p.template, err = compileTemplate(format, next, func(name string) field {
		if f, ok := own[name]; ok {
			return f
		}
		return lookup(name)
	})
	if err != nil {
		return fmt.Errorf("the log format: %w", err)
	}
	means := func(all ...meaning) bool {
		return slices.ContainsFunc(p.template.pieces, func(w piece) bool { return slices.Contains(all, w.field.means) })
	}
	switch {
	case !means(timeEnd, timeStart):
		return errors.New("the log format has no time: it needs $time_local, $time_iso8601 or $msec, or %START_TIME%")
	case !means(code):
		return errors.New("the log format has no status: it needs $status or %RESPONSE_CODE%")
	}
	return nil
}

// parse reads one line. errOther says that it is of no request; any other error
// says what was expected.
func (p *parser) parse(line string, e *Entry) error {
	e.reset()
	e.line = line
	e.Attempts = e.one[:0]
	p.query, p.group, p.logger, p.before, p.coded = "", "", "", p.before[:0], false
	if err := p.read(p, line, e); err != nil {
		return err
	}
	if p.format == Caddy && !strings.HasPrefix(p.logger, "http.log.access") {
		return errOther
	}
	if e.Arrival == 0 && e.end == 0 {
		return errors.New("it has no time")
	}
	if p.format == Caddy {
		e.Resolution = min(e.Resolution, 1000) // a number without its zeros does not tell its step
	}
	if !p.coded {
		return errors.New("it has no status")
	}
	p.assemble(e)
	p.conclude(e)
	return nil
}

// assemble puts together what stands in several fields.
func (p *parser) assemble(e *Entry) {
	if p.query != "" && strings.IndexByte(e.URI, '?') < 0 {
		e.URI += "?" + p.query
	}
	if e.Arrival == 0 {
		e.Arrival = max(1, e.end-max(0, e.Took))
	}
	e.lists.join(e)
	if len(p.before) > 0 {
		e.Attempts = append(append(make([]Attempt, 0, len(p.before)+1), p.before...), e.Attempts...)
	}
	if p.group == "" {
		return
	}
	for i := range e.Attempts {
		if e.Attempts[i].Group == "" {
			e.Attempts[i].Group = p.group
		}
	}
}
