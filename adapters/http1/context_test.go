package http1

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// told counts how often it is cancelled.
type told struct{ times int }

func (t *told) Cancel() { t.times++ }

func TestTheContextOfARequestEndsLikeOneOfPackageContext(t *testing.T) {
	type key struct{}
	for _, early := range []bool{false, true} { // whether it ends before anybody asks
		synctest.Test(t, func(t *testing.T) {
			r := &requestContext{Context: context.WithValue(context.Background(), key{}, 7)}
			if early {
				r.end()
			} else if r.Err() != nil {
				t.Error("it has ended before its end")
			}
			hook, second := new(told), new(told)
			if !r.OnCancel(hook) {
				t.Error("the hook was refused")
			}
			if !early && r.OnCancel(second) {
				t.Error("there are two hooks at a time")
			}
			var called atomic.Int64
			stop := context.AfterFunc(r, func() { called.Add(1) })
			stopped := context.AfterFunc(r, func() { called.Add(100) })
			if got := stopped(); got == early {
				t.Errorf("stopping it before its end says %v, early %v", got, early)
			}
			child, cancel := context.WithCancel(r)
			defer cancel()
			r.end()
			r.end()
			<-r.Done()
			<-child.Done()
			synctest.Wait()
			if hook.times != 1 || second.times != 0 || r.Value(key{}) != 7 {
				t.Errorf("the hook was called %d times, the refused one %d, value %v", hook.times, second.times, r.Value(key{}))
			}
			if want := 1 + map[bool]int64{true: 100}[early]; called.Load() != want || stop() {
				t.Errorf("functions were called for %d, want %d, or one could be stopped after its call", called.Load(), want)
			}
			if !errors.Is(r.Err(), context.Canceled) || context.Cause(child) != context.Canceled {
				t.Errorf("errors are %v and %v", r.Err(), context.Cause(child))
			}
		})
	}
}

func TestAHookThatIsTakenBackIsNotCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &requestContext{Context: context.Background()}
		first, second := new(told), new(told)
		r.OnCancel(first)
		r.OffCancel(second) // not the one that is there
		r.OffCancel(first)
		if !r.OnCancel(second) {
			t.Error("the place is not free again")
		}
		r.end()
		synctest.Wait()
		if first.times != 0 || second.times != 1 {
			t.Errorf("they were called %d and %d times, want 0 and 1", first.times, second.times)
		}
		if cost := testing.AllocsPerRun(100, func() {
			r := requestContext{Context: context.Background()}
			r.OnCancel(first)
			r.OffCancel(first)
			r.end()
		}); cost > 1 {
			t.Errorf("a request's context costs %v allocations, want the one of itself", cost)
		}
	})
}

func TestAHeaderIsTakenOverOnlyBeforeSomebodyElseHasOne(t *testing.T) {
	h := map[string][]string{"A": {"1"}}
	w := new(response)
	if !w.TakeHeader(h) || w.Header().Get("A") != "1" {
		t.Error("the header was not taken")
	}
	w = new(response)
	w.Header().Set("Connection", "close")
	if w.TakeHeader(h) || w.Header().Get("Connection") != "close" {
		t.Error("a header that was set is lost")
	}
}
