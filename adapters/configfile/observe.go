package configfile

import (
	"net"
	"net/url"
	"strconv"
	"time"

	edgeset "lockstep/adapters/settings"
	"lockstep/core"
)

type admin struct {
	Address string `yaml:"address"`
}

type accessLog struct {
	Fields string       `yaml:"fields" oneof:"all baseline"`
	Sample maybe[share] `yaml:"sample"`
	Always []always     `yaml:"always"`
}

type metricsSettings struct {
	Exemplars bool `yaml:"exemplars"`
}

type tracing struct {
	OTLP   string       `yaml:"otlp"`
	Sample maybe[share] `yaml:"sample"`
}

// always is one sort of request that a sampled log never leaves out.
type always struct {
	word string
	slow core.Duration
}

func (a *always) decodeNode(d *decoder, n *node) {
	if n.kind == mapping {
		a.word, a.slow = "slow", decodeAs[slow](d, n).Slow
		return
	}
	if d.want(n, scalar) {
		d.choice(n, []string{"errors", "failovers", "retries"})
		a.word = n.text
	}
}

type slow struct {
	Slow core.Duration `yaml:"slow" check:"positive"`
}

// observe gives the sections admin, access_log, metrics and tracing their meaning.
func (l *loader) observe(root *node, in *nativeFile) edgeset.Observe {
	log := in.AccessLog.value
	out := edgeset.Observe{
		Admin: edgeset.Admin{Address: in.Admin.Address},
		AccessLog: edgeset.AccessLog{
			Off: in.AccessLog.none, Detail: log.Fields != "baseline",
			Sample: uint32(log.Sample.value), Sampled: log.Sample.set || log.Sample.none,
		},
		Metrics: edgeset.Metrics{Exemplars: in.Metrics.Exemplars},
		Tracing: edgeset.Tracing{
			OTLP: in.Tracing.OTLP, Sample: uint32(in.Tracing.Sample.value), Sampled: in.Tracing.Sample.set || in.Tracing.Sample.none,
		},
	}
	for _, a := range log.Always {
		switch a.word {
		case "errors":
			out.AccessLog.Errors = true
		case "failovers":
			out.AccessLog.Failovers = true
		case "retries":
			out.AccessLog.Retries = true
		case "slow":
			out.AccessLog.Slow = time.Duration(a.slow)
		}
	}
	l.checkObserve(root, in, &out)
	return out
}

// checkObserve reports what would do nothing.
func (l *loader) checkObserve(root *node, in *nativeFile, o *edgeset.Observe) {
	if n := root.value("admin").value("address"); n != nil && n.kind == scalar {
		if _, _, err := net.SplitHostPort(o.Admin.Address); err != nil {
			l.fail(n.at, strconv.Quote(o.Admin.Address)+" is not host:port", `write "127.0.0.1:9901", or ":9901" for the same`)
		}
	}
	if e := root.value("access_log").get("always"); e != nil && !o.AccessLog.Sampled {
		l.fail(e.at, "always says what sampling keeps, and there is no sampling", "write sample: 10% beside it, or remove it: every request has its line")
	}
	e := root.value("tracing").get("otlp")
	if e == nil || e.value.kind != scalar {
		return
	}
	if u, err := url.Parse(in.Tracing.OTLP); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		l.fail(e.value.at, strconv.Quote(in.Tracing.OTLP)+" is not an absolute http or https URL", "write the collector's, such as http://127.0.0.1:4318")
	}
}
