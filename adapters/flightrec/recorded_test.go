package flightrec

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"lockstep/traces"
)

var rewrite = flag.Bool("rewrite", false, "write the table of RECORDED.md anew")

// recordedField says of a field what it is, why it is recorded, and whom it can point to.
type recordedField struct{ what, why, whom string }

const (
	nobody   = "nobody"
	customer = "the customer (tenant) whose key it is"
)

var recordedFields = map[string]recordedField{
	"key":         {"the routing key, as the client sent it; with `key_hash` its pseudonym", "the decision depends on it: which placement, which limit", customer + "; a person, if keys are of persons; with `key_hash` only who has the secret can tell"},
	"id":          {"the request id, 128 bits; an id of another form is hashed", "to find the request that a person asks about, in logs of others too", "who made the request, together with a log that has the same id"},
	"split":       {"hash of what keeps somebody on one side of a split, such as a cookie", "the side depends on it", "the same client again, within this key source; not who it is"},
	"prefer":      {"identity of the endpoint that a sticky cookie names", "the choice depends on it", nobody + ": an endpoint"},
	"length":      {"bytes of the body, -1 unknown", "body limits; whether it can be sent again", nobody},
	"method":      {"class of the method: safe, idempotent, other", "whether it may be sent again", nobody},
	"source":      {"which of the route's sources gave the key", "why it has that key", nobody},
	"route":       {"number of the route", "which keys and defaults apply", nobody},
	"priority":    {"class of priority", "shedding at a full placement", nobody},
	"refuse":      {"why the edge or the match refuses it", "why it went nowhere", nobody},
	"replayable":  {"whether the body could be sent again", "retries", nobody},
	"term":        {"epoch of the configuration", "which configuration decided", nobody},
	"epoch":       {"epoch of the configuration", "which configuration decided", nobody},
	"slot":        {"place in the table of requests in flight", "to join what belongs to one attempt", nobody},
	"gen":         {"which holder of that place", "to join what belongs to one attempt", nobody},
	"status":      {"status of a response", "breakers and retries depend on it", nobody},
	"retry_after": {"what the upstream asked to wait", "retries", nobody},
	"class":       {"how an attempt or a request ended", "breakers and retries depend on it", nobody},
	"sent":        {"whether any byte went out", "whether it may be sent again", nobody},
	"endpoint":    {"number of an endpoint", "the choice", nobody + ": a machine of yours"},
	"token":       {"which health check", "to join question and answer", nobody},
	"ok":          {"whether a health check passed, or the control plane is there", "health", nobody},
	"config":      {"digest of a configuration", "what was pushed", nobody},
	"origin":      {"where a configuration came from", "what was pushed", nobody},
	"fault":       {"why a push could not be tried", "what was pushed", nobody},
	"deliberate":  {"whether the operator meant a large change", "guards", nobody},
	"up":          {"whether the control plane is there", "what was pushed", nobody},
	"deadline":    {"when a drain ends", "draining", nobody},
	"rule":        {"number of the rule that decided", "explanations", nobody},
	"placement":   {"number of a placement", "the choice", customer + ", where a placement is of one"},
	"reason":      {"why the key belongs there", "explanations", nobody},
	"circuit":     {"state of the breaker", "explanations", nobody},
	"failover":    {"why the home was left", "explanations", nobody},
	"probe":       {"whether the request is the probe of a breaker", "breakers", nobody},
	"at":          {"when it took effect", "order of events", nobody},
	"pin":         {"whether the sticky cookie is set", "selection", nobody},
	"count":       {"a count: of the queue, of attempts, of open endpoints", "explanations", nobody},
	"until":       {"until when", "breakers, waits, drains", nobody},
	"cause":       {"why a push was refused or an event ignored", "explanations", nobody},
	"trip":        {"which count opened a breaker", "explanations", nobody},
}

// recordedTable is the table of RECORDED.md.
func recordedTable(t *testing.T) string {
	in := map[string][]string{}
	var names []string
	for _, k := range traces.RecordedFields() {
		for _, f := range k.Fields {
			if !slices.Contains(names, f) {
				names = append(names, f)
			}
			in[f] = append(in[f], k.Kind)
		}
	}
	var b strings.Builder
	b.WriteString("| field | of | what | why | whom it can point to |\n|---|---|---|---|---|\n")
	for _, n := range names {
		f, known := recordedFields[n]
		if !known {
			t.Errorf("%s is recorded and not accounted for: add it to recordedFields", n)
		}
		of := strings.Join(in[n], ", ")
		if len(in[n]) > 6 {
			of = fmt.Sprintf("%s, ... (%d kinds)", strings.Join(in[n][:4], ", "), len(in[n]))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", n, of, f.what, f.why, f.whom)
	}
	for n := range recordedFields {
		if !slices.Contains(names, n) {
			t.Errorf("%s is accounted for and not recorded: remove it", n)
		}
	}
	return b.String()
}

func TestEveryRecordedFieldIsAccountedFor(t *testing.T) {
	const page, begin, end = "RECORDED.md", "<!-- generated: begin -->\n", "<!-- generated: end -->"
	table := recordedTable(t)
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", page)
	}
	if *rewrite {
		if err := os.WriteFile(page, []byte(before+begin+table+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table {
		t.Errorf("%s is not what the schema gives; run go test ./adapters/flightrec -rewrite", page)
	}
}
