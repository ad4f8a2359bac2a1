package metrics

import (
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"lockstep/core"
)

// lazy is the series of one vector that share their first labels, made when
// they are first counted. Readers take no lock. There are few of them (most
// placements see three or four classes), so a list beats a map.
type lazy struct {
	list atomic.Pointer[[]one]
}

type one struct {
	key    uint32
	series prometheus.Counter
	labels []string
}

// get returns the series of key, nil if it has not been made.
func (l *lazy) get(key uint32) prometheus.Counter {
	list := l.list.Load()
	if list == nil {
		return nil
	}
	for i := range *list {
		if (*list)[i].key == key {
			return (*list)[i].series
		}
	}
	return nil
}

// add makes a series; its caller holds the lock of the whole.
func (l *lazy) add(vec *prometheus.CounterVec, key uint32, labels []string) prometheus.Counter {
	if c := l.get(key); c != nil {
		return c
	}
	c := vec.WithLabelValues(labels...)
	var list []one
	if old := l.list.Load(); old != nil {
		list = append(list, *old...)
	}
	list = append(list, one{key, c, labels})
	l.list.Store(&list)
	return c
}

// drop deletes all series; the caller holds the lock of the whole.
func (l *lazy) drop(vec *prometheus.CounterVec) {
	if list := l.list.Load(); list != nil {
		for _, s := range *list {
			vec.DeleteLabelValues(s.labels...)
		}
	}
	l.list.Store(nil)
}

// placement is what one placement counts.
type placement struct {
	name           string
	requests       lazy
	retries        lazy // refused ones by RetryWhy
	granted        lazy // under RetryGranted
	duration       prometheus.Observer
	received, sent prometheus.Counter
	queued         atomic.Pointer[prometheus.Observer] // made when something waits
}

// endpoint is what one endpoint counts.
type endpoint struct {
	placement, label string
	attempts         lazy
	upstream         prometheus.Observer
}

// identity is what makes an endpoint the same across configurations (R12).
type identity struct{ placement, label string }

// set is the series of one configuration, by its indexes. It does not change.
type set struct {
	config     *core.Config
	placements []*placement
	endpoints  []*endpoint
	byName     map[string]*placement
	byIdentity map[identity]*endpoint
}

// vectors are the metrics that requests count.
type vectors struct {
	requests, attempts, received, sent *prometheus.CounterVec
	granted, refused                   *prometheus.CounterVec // retries
	duration, queued, upstream         *prometheus.HistogramVec

	mu      sync.Mutex // to make and delete series
	none    *placement // of requests without placement
	current atomic.Pointer[set]
}

func newVectors() *vectors {
	v := &vectors{
		requests: mRequests.counter(), attempts: mAttempts.counter(), received: mReceived.counter(), sent: mSent.counter(),
		granted: mRetries.counter(), refused: mNoRetry.counter(),
		duration: mDuration.histogram(), queued: mQueued.histogram(), upstream: mUpstream.histogram(),
	}
	v.none = v.newPlacement("")
	v.current.Store(&set{})
	return v
}

func (v *vectors) all() []prometheus.Collector {
	return []prometheus.Collector{v.requests, v.attempts, v.received, v.sent, v.granted, v.refused, v.duration, v.queued, v.upstream}
}

func (v *vectors) newPlacement(name string) *placement {
	return &placement{
		name: name, duration: v.duration.WithLabelValues(name),
		received: v.received.WithLabelValues(name), sent: v.sent.WithLabelValues(name),
	}
}

func (v *vectors) newEndpoint(id identity) *endpoint {
	return &endpoint{placement: id.placement, label: id.label, upstream: v.upstream.WithLabelValues(id.placement, id.label)}
}

// of returns the series of the configuration in force.
func (v *vectors) of(c *core.Config) *set {
	if s := v.current.Load(); s.config == c {
		return s
	}
	return v.follow(c)
}

// follow makes the series of a new configuration: those of what stays are kept,
// those of what left are deleted.
func (v *vectors) follow(c *core.Config) *set {
	v.mu.Lock()
	defer v.mu.Unlock()
	old := v.current.Load()
	if old.config == c || c == nil {
		return old
	}
	s := &set{config: c, byName: map[string]*placement{}, byIdentity: map[identity]*endpoint{}}
	for i := range c.Placements() {
		name := c.Placement(i).Name
		p := old.byName[name]
		if p == nil {
			p = v.newPlacement(name)
		}
		s.placements = append(s.placements, p)
		s.byName[name] = p
	}
	for i := range c.Endpoints() {
		at := c.Endpoint(i)
		id := identity{s.placements[at.Placement].name, endpointLabel(at.URL)}
		e := s.byIdentity[id]
		if e == nil {
			e = old.byIdentity[id]
		}
		if e == nil {
			e = v.newEndpoint(id)
		}
		s.endpoints = append(s.endpoints, e)
		s.byIdentity[id] = e
	}
	v.forget(old, s)
	v.current.Store(s)
	return s
}

// forget deletes the series of what s lacks.
func (v *vectors) forget(old, s *set) {
	for name, p := range old.byName {
		if s.byName[name] == nil {
			p.requests.drop(v.requests)
			p.retries.drop(v.refused)
			p.granted.drop(v.granted)
			v.duration.DeleteLabelValues(name)
			v.queued.DeleteLabelValues(name)
			v.received.DeleteLabelValues(name)
			v.sent.DeleteLabelValues(name)
		}
	}
	for id, e := range old.byIdentity {
		if s.byIdentity[id] == nil {
			e.attempts.drop(v.attempts)
			v.upstream.DeleteLabelValues(id.placement, id.label)
		}
	}
}

// endpointLabel is an endpoint's URL without what may be secret in it.
func endpointLabel(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return text
	}
	u.User = nil
	return u.String()
}
