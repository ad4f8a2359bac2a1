package configfile

import (
	"strconv"
	"strings"

	"lockstep/core"
)

// R5's queue and R11's retries as they are written.

// whenFull is a word, or the settings of a queue.
type whenFull struct {
	full core.WhenFull
	queue
}

type queue struct {
	Queue uint32        `yaml:"queue" check:"positive"`
	Wait  core.Duration `yaml:"wait" check:"positive"`
	Order string        `yaml:"order" oneof:"fifo newest_first"`
}

func (w *whenFull) decodeNode(d *decoder, n *node) {
	if n.kind == mapping {
		w.full, w.queue = core.QueueWhenFull, decodeAs[queue](d, n)
		if n.get("queue") == nil || n.get("wait") == nil {
			d.fail(n.at, "a queue needs its places and a wait", "write when_full: {queue: 50, wait: 200ms}")
		}
		return
	}
	if n.isWord("queue") {
		d.fail(n.at, "a queue needs its places and a wait", "write when_full: {queue: 50, wait: 200ms}")
		return
	}
	if !d.want(n, scalar) {
		return
	}
	d.choice(n, []string{"reject", "fail_over"})
	if n.text == "fail_over" {
		w.full = core.FailOverWhenFull
	}
}

// lower adds what is set to a limit.
func (w *whenFull) lower(l *core.LimitSpec) {
	l.WhenFull, l.Queue, l.Wait = w.full, int32(min(w.Queue, 1<<31-1)), w.Wait
	if w.Order == "newest_first" {
		l.Order = core.NewestFirst
	}
}

type retries struct {
	Max           uint32        `yaml:"max" check:"positive"`
	On            retryOn       `yaml:"on"`
	Methods       string        `yaml:"methods" oneof:"safe idempotent any"`
	BackOff       backOff       `yaml:"backoff"`
	RetryAfterMax core.Duration `yaml:"retry_after_max" check:"positive"`
	Budget        maybe[budget] `yaml:"budget"`
	BodyMax       size          `yaml:"body_max" check:"positive"`
}

type backOff struct {
	Base core.Duration `yaml:"base" check:"positive"`
	Max  core.Duration `yaml:"max" check:"positive"`
}

type budget struct {
	Percent percent `yaml:"percent" check:"positive"`
	Floor   uint32  `yaml:"floor" check:"positive"`
}

// retryOn is a list of ways to fail.
type retryOn core.RetryOn

// retryWays are the ways to fail, in the order of their bits.
var retryWays = []string{"connect", "reset", "timeout", "bad_response", "gateway", "5xx"}

func (o *retryOn) decodeNode(d *decoder, n *node) {
	if !d.want(n, sequence) {
		return
	}
	for _, item := range n.items {
		if !d.want(item, scalar) {
			continue
		}
		d.choice(item, retryWays)
		for bit, way := range retryWays {
			if item.text == way {
				*o |= 1 << bit
			}
		}
	}
	if len(n.items) == 0 {
		d.fail(n.at, "no way to fail is listed", "write retries: none, or list some: [connect, reset, gateway]")
	}
}

func lowerRetries(m maybe[retries]) core.RetrySpec {
	r := m.value
	s := core.RetrySpec{
		Max: r.Max, On: core.RetryOn(r.On), BackOff: r.BackOff.Base, BackOffMax: r.BackOff.Max, RetryAfter: r.RetryAfterMax,
		Percent: uint32(r.Budget.value.Percent), Floor: r.Budget.value.Floor, NoBudget: r.Budget.none, BodyMax: int64(r.BodyMax),
	}
	switch r.Methods {
	case "idempotent":
		s.Methods = core.RetryIdempotent
	case "any":
		s.Methods = core.RetryAny
	}
	return s
}

func waysText(on core.RetryOn) string {
	var names []string
	for bit, way := range retryWays {
		if on&(1<<bit) != 0 {
			names = append(names, way)
		}
	}
	return "[" + strings.Join(names, ", ") + "]"
}

// effectiveQueue lists what a full placement does.
func effectiveQueue(l core.LimitSpec, add func(path, value string)) {
	switch l.WhenFull {
	case core.FailOverWhenFull:
		add("limit.when_full", "fail_over")
	case core.QueueWhenFull:
		add("limit.when_full.queue", strconv.Itoa(int(l.Queue)))
		add("limit.when_full.wait", duration(l.Wait))
		add("limit.when_full.order", [...]string{"fifo", "newest_first"}[l.Order])
	default:
		add("limit.when_full", "reject")
	}
}

// effectiveRetries lists R11's settings.
func effectiveRetries(s core.RetrySpec, add func(path, value string)) {
	if s.Max == 0 {
		add("retries", "none")
		return
	}
	add("retries.max", strconv.Itoa(int(s.Max)))
	add("retries.on", waysText(s.On))
	add("retries.methods", [...]string{"safe", "idempotent", "any"}[s.Methods])
	add("retries.backoff.base", duration(s.BackOff))
	add("retries.backoff.max", duration(s.BackOffMax))
	add("retries.retry_after_max", duration(s.RetryAfter))
	if s.NoBudget {
		add("retries.budget", "none")
	} else {
		add("retries.budget.percent", strconv.Itoa(int(s.Percent))+"%")
		add("retries.budget.floor", strconv.Itoa(int(s.Floor)))
	}
	add("retries.body_max", sizeText(s.BodyMax))
}
