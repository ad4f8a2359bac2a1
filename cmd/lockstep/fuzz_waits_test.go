package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestAQueueThatCannotHelpIsDoubtedByCheckWithoutARun(t *testing.T) {
	path := scenariosDir + "/flawed/waits-in-vain.yaml"
	var b bytes.Buffer
	if err := runCheck(&b, []string{path}, checkFlags{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		":8:46: quotes: with 2 in flight and 300ms an answer, 4.8s are enough for 32 places: who has a later one of the 100 waits for a refusal",
		":8:57: quotes: a request that waits all of its 4.8s has 200ms of timeouts.request left, and an answer takes 300ms: it is served in vain",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("check does not say\n  %s\nbut\n%s", want, b.String())
		}
	}
}
