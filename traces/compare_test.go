package traces_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"lockstep/traces"
)

// compared compares two traces given as bytes.
func compared(t *testing.T, a, b []byte) (*traces.Difference, uint64) {
	t.Helper()
	left, err := traces.NewReader(bytes.NewReader(a))
	if err != nil {
		t.Fatal(err)
	}
	right, err := traces.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	d, steps, err := traces.Compare(left, right)
	if err != nil {
		t.Fatal(err)
	}
	return d, steps
}

func TestTheTwoFormsOfATraceDoNotDiffer(t *testing.T) {
	file, _ := small(t, 5, 4)
	d, steps := compared(t, file, convert(t, traces.NDJSON, file))
	if d != nil || steps < 10 {
		t.Errorf("%d steps, then %v", steps, d)
	}
}

func TestTwoTracesPartAtTheFirstStepThatDiffers(t *testing.T) {
	file, _ := small(t, 5, 4)
	printed := string(convert(t, traces.NDJSON, file))
	lines := strings.SplitAfter(printed, "\n")
	for _, c := range []struct{ name, line, from, to, a, b string }{
		{"a decision", `"decision":"opened"`, `"rule":6`, `"rule":7`, `"rule":6`, `"rule":7`},
		{"an input", `"event":"finish"`, `"class":"connect_refused"`, `"class":"client_gone"`, `connect_refused`, `client_gone`},
	} {
		edited, at := "", -1
		for i, line := range lines {
			if at < 0 && strings.Contains(line, c.line) && strings.Contains(line, c.from) {
				line, at = strings.Replace(line, c.from, c.to, 1), i
			}
			edited += line
		}
		d, _ := compared(t, []byte(printed), []byte(edited))
		if at < 0 || d == nil || !strings.Contains(d.A, c.a) || !strings.Contains(d.B, c.b) {
			t.Errorf("%s: %v", c.name, d)
		}
	}
	later := regexp.MustCompile(`"step":(\d+)`).ReplaceAllString(printed, `"step":7000$1`) // as a later segment has them
	marked := strings.LastIndex(later, `{"digest":`)
	if d, _ := compared(t, []byte(later), []byte(later[:marked]+regexp.MustCompile(`\w{16}`).ReplaceAllString(later[marked:], "00000000000000ff"))); d == nil || d.Step < 70000 {
		t.Errorf("the step at which states parted: %v", d)
	}
	other := regexp.MustCompile(`\{"digest":"\w+"`).ReplaceAllString(printed, `{"digest":"00000000000000ff"`)
	if d, _ := compared(t, []byte(printed), []byte(other)); d == nil || d.B != "digest 00000000000000ff after it" {
		t.Errorf("a state that parted without a decision: %v", d)
	}
	cut := strings.Join(lines[:len(lines)-5], "")
	if d, _ := compared(t, []byte(printed), []byte(cut)); d == nil || d.B != "" || d.A == "" || !strings.Contains(d.String(), "has ended") {
		t.Errorf("a shorter trace: %v", d)
	}
}
