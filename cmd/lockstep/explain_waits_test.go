package main

import (
	"strings"
	"testing"
)

// A request that waits, or is tried again, has its whole story: every attempt,
// every wait, and the end that its client saw.
func TestExplainTellsEveryAttemptAndEveryWait(t *testing.T) {
	for _, c := range []struct {
		trace, request string
		want, not      []string
	}{
		{
			"retry/a-failed-attempt-is-tried-elsewhere", "00000000000000000000000000000001",
			[]string{
				"no status was sent after 50ms 2 attempts, the last to visa/b",
				"connect_refused after 10ms: counts against the endpoint, failure 1 of the 5 in a row that open its breaker (R7); attempt 2 is due 7.49ms later (R11); budget: 0 under way and 0.0 granted lately, of 3.2   step 3",
				"attempt 2 forwarded to visa/b after 17.49ms (R3), breaker closed",
				"client_gone after 50ms: does not count (R7)   step 4",
			},
			[]string{"not ended"},
		},
		{
			"retry/a-poison-request-counts-once", "00000000000000000000000000000001",
			[]string{
				"reset_before_response after 100ms: counts against the endpoint (R7); it opened the breaker; attempt 2 is due",
				"reset_before_response after 1.1s: does not count, an earlier attempt of this request has (R7); attempt 3 is due",
				"reset_before_response after 2.1s: does not count, an earlier attempt of this request has (R7); no more: it has had all its retries (R11)",
				"502 after 2.1s 3 attempts, the last to visa/c",
			},
			nil,
		},
		{
			"retry/a-response-is-asked-about-first", "00000000000000000000000000000001",
			[]string{
				"503 after 100ms: counts against the endpoint, failure 1 of the 5 in a row that open its breaker (R7); attempt 2 is due 1.01s later (R11)",
				"503 after 1.6s: does not count, an earlier attempt of this request has (R7); no more: the request's time ends first",
				"503 after 1.7s 2 attempts, the last to visa/b",
			},
			[]string{"its body still flowed"},
		},
		{
			"retry/a-retry-may-wait-in-the-queue", "00000000000000000000000000000001",
			[]string{
				"attempt 2 waits in the queue of visa after 107.49ms, 1 there, until it gives up after 607.49ms (R5)",
				"attempt 2 forwarded to visa/b after 400ms (R3)",
			},
			nil,
		},
		{
			"retry/a-retry-may-wait-in-the-queue", "00000000000000000000000000000002",
			[]string{
				"visa was full: 1 of 1 in flight, none of them a guest. It waited 100ms in the queue, then visa had room for it.",
				"waits in the queue of visa, 1 there, until it gives up after 500ms (R5)",
				"forwarded to visa/b after 100ms (R3), breaker closed",
				"complete after 400ms: counts as ok (R7)",
				"200 after 400ms sent to visa/b",
			},
			[]string{"nothing was sent"},
		},
		{
			"queue/a-wait-ends-at-its-time", "00000000000000000000000000000002",
			[]string{
				"503 after 200ms nothing was sent to any endpoint",
				"answered 503 after 200ms, class queue_timeout (R5)",
			},
			[]string{"not ended", "forwarded"},
		},
		{
			"queue/a-drain-lets-wait-until-its-deadline", "00000000000000000000000000000003",
			[]string{"answered 503 after 1.1s, class drain (R14)"},
			nil,
		},
		{
			"queue/a-drain-lets-wait-until-its-deadline", "00000000000000000000000000000002",
			[]string{"aborted after 1.1s, class drain (R14)"},
			nil,
		},
	} {
		code, out, errs := lockstep("explain", "../../traces/"+c.trace+".ndjson", "--request", c.request)
		if code != exitOK {
			t.Fatalf("%s: %d %s", c.trace, code, errs)
		}
		for _, want := range c.want {
			if !strings.Contains(flat(out), flat(want)) {
				t.Errorf("%s, request %s: %q is missing in\n%s", c.trace, c.request, want, out)
			}
		}
		for _, not := range c.not {
			if strings.Contains(flat(out), flat(not)) {
				t.Errorf("%s, request %s: it says %q:\n%s", c.trace, c.request, not, out)
			}
		}
	}
}

// A push lets who waits be matched again: an arrive that is no request of its own.
func TestExplainTellsARequestThatWasMatchedAgainOnce(t *testing.T) {
	_, out, _ := lockstep("explain", "../../traces/queue/a-push-lets-everyone-come-again.ndjson", "--request", "00000000000000000000000000000002")
	if strings.Contains(out, "requests carried this id") || strings.Count(out, "Candidates") != 1 {
		t.Errorf("%s", out)
	}
}
