package conform

import (
	"bytes"
	"testing"

	"lockstep/traces"
)

func TestGoAnswersItsOwnQuestionsByteForByte(t *testing.T) {
	g := Generator{NDJSON: true, Binary: true}
	events, refused, kinds := 0, 0, map[string]int{}
	for seed := range uint64(120) {
		q, err := g.Make(seed)
		if err != nil {
			t.Fatal(err)
		}
		events += q.Events
		if q.Bugs > 0 {
			t.Errorf("%s: Go notes %d bugs", q.Name, q.Bugs)
		}
		kind, _, _ := bytes.Cut([]byte(q.Name), []byte(" "))
		kinds[string(kind)]++
		answer, err := Complete(q.Inputs, Tamper{})
		switch {
		case q.Answer == nil:
			refused++
			if err == nil {
				t.Errorf("%s must be refused", q.Name)
			}
		case err != nil:
			t.Errorf("%s: %v", q.Name, err)
		case !bytes.Equal(answer, q.Answer):
			t.Errorf("%s: the answer to the inputs is not the whole", q.Name)
		}
	}
	t.Logf("%d events, %d to refuse, %v", events, refused, kinds)
}

func TestTheInputsOfAQuestionAreThoseOfItsTrace(t *testing.T) {
	g := Generator{NDJSON: false, Binary: true}
	for seed := range uint64(30) {
		q := g.stream(seed)
		stripped, err := strip(q.Answer)
		if err != nil || !bytes.Equal(stripped, q.Inputs) {
			t.Errorf("%s: stripped it is not what was asked: %v", q.Name, err)
		}
		if rd, err := traces.NewReader(bytes.NewReader(q.Inputs)); err != nil || rd.Header().Name != q.Name {
			t.Errorf("%s: %v", q.Name, err)
		}
	}
}
