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
		l.ended(core.ClassNone, 200, true)
		s.ended(adm, 200, core.ClassNone, time.Time{})
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
