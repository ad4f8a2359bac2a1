package httpproxy

import (
	"net/http"
	"testing"
	"time"

	"lockstep/adapters/driver"
	"lockstep/core"
)

func TestARequestThatNobodyObservesAllocatesNothingForIt(t *testing.T) {
	trip := NewRoundTripper(nil, Options{})
	r, adm := &http.Request{}, &driver.Admission{}
	n := testing.AllocsPerRun(100, func() {
		s := trip.sight(r, "id", time.Time{})
		s.routed(nil)
		l := s.attempt(adm, nil)
		l.replied()
		l.gave(1)
		s.took(1)
		s.waited(adm, adm, time.Time{})
		l.ended(core.ClassNone, 200, true, &driver.Admission{})
		s.ended(adm, 200, core.ClassNone, time.Time{})
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// watcher is an observer that does nothing.
type watcher struct{}

func (watcher) RequestBegun(*Request)           {}
func (watcher) AttemptBegun(*Request, *Attempt) {}
func (watcher) AttemptEnded(*Request, *Attempt) {}
func (watcher) RequestEnded(*Request)           {}
func (watcher) Waited(*Request, *Wait)          {}

// BenchmarkObservation is what a request with one attempt costs because
// somebody observes it, without what the observer does.
func BenchmarkObservation(b *testing.B) {
	trip := NewRoundTripper(nil, Options{Observer: watcher{}})
	r, adm := &http.Request{}, &driver.Admission{}
	b.ReportAllocs()
	for b.Loop() {
		s := trip.sight(r, "id", time.Time{})
		s.routed(new(way))
		l := s.attempt(adm, nil)
		l.replied()
		l.gave(1)
		l.ended(core.ClassNone, 200, true, &driver.Admission{})
		s.ended(adm, 200, core.ClassNone, time.Time{})
	}
}
