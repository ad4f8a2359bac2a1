package story

import (
	"fmt"

	"lockstep/core"
)

// Requests that come again: what the loop does for them, the runner does too.

// end feeds a Finish or a Reply; if a retry follows, the label names the waiting request.
func (r *runner) end(at core.Time, label string, ev *core.Event, options map[string]string) error {
	again := r.router.MayComeAgain(ev.Handle)
	ev.Replayable = again
	for k, v := range options {
		var err error
		switch {
		case k == "sent":
			err = word(&ev.Sent, v, map[string]bool{"yes": true, "no": false})
		case k == "retry_after":
			err = duration(&ev.RetryAfter, v)
		case k == "body" && again:
			err = word(&ev.Replayable, v, map[string]bool{"kept": true, "gone": false})
		default:
			err = fmt.Errorf("there is no such option")
		}
		if err != nil {
			return fmt.Errorf("option %s=%s: %w", k, v, err)
		}
	}
	req := r.keys[ev.Handle.Slot]
	if err := r.step(at, ev, nil); err != nil {
		return err
	}
	if n := len(r.out); n > 0 && r.out[n-1].Kind == core.Retry {
		r.handles[label] = r.out[n-1].Handle
		r.keys[r.handles[label].Slot] = req
		return r.matchAgain(at)
	}
	return nil
}

// matchAgain lets every waiting request come again after another configuration.
func (r *runner) matchAgain(at core.Time) error {
	for {
		stale := r.router.AppendStale(nil)
		if len(stale) == 0 {
			return nil
		}
		for _, h := range stale {
			if err := r.comeAgain(at, h); err != nil {
				return err
			}
		}
	}
}

func (r *runner) comeAgain(at core.Time, h core.Handle) error {
	j, ok := r.router.Journey(h)
	if !ok || !j.Expected {
		return nil
	}
	req := r.keys[h.Slot]
	ev := &core.Event{Kind: core.Arrive, Handle: h, Request: j.Request, Epoch: r.router.Epoch(), Method: j.Method, Length: j.Length, Via: j.Via, Prefer: j.Prefer}
	ev.Route, _ = r.router.Config().MatchVia(j.Via, req.Key, ev.SplitHash())
	return r.step(at, ev, &req)
}
