package whatif_test

import (
	"bytes"
	"io/fs"
	"path"
	"testing"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/whatif"
)

// first returns the first configuration that a trace has in force or adopts.
func first(t *testing.T, data []byte) (c *core.Config, adopts int) {
	t.Helper()
	var had bool
	_, err := traces.Verify(reader(t, data), traces.Options{
		Before: func(_ *traces.Fact, r *core.Router) { had = r.Config() != nil },
		After: func(_ *traces.Fact, r *core.Router, out []core.Decision) {
			if c == nil {
				c = r.Config()
			}
			for i := range out {
				if out[i].Kind == core.NoteAdopted && had {
					adopts++
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, adopts
}

func reader(t *testing.T, data []byte) *traces.Reader {
	t.Helper()
	rd, err := traces.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return rd
}

// try replays one trace under a configuration.
func try(t *testing.T, data []byte, o whatif.Options) *whatif.Result {
	t.Helper()
	o.Samples = whatif.NewSamples()
	if err := o.Samples.Learn("r1", reader(t, data)); err != nil {
		t.Fatal(err)
	}
	w, err := whatif.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Replay("r1", reader(t, data)); err != nil {
		t.Fatal(err)
	}
	return w.Result()
}

func TestUnderTheRecordedConfigurationNothingChanges(t *testing.T) {
	judged := 0
	err := fs.WalkDir(traces.Vectors(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".ndjson" {
			return err
		}
		data, err := fs.ReadFile(traces.Vectors(), name)
		if err != nil {
			return err
		}
		if name == "routing/a-route-of-another-epoch-is-internal.ndjson" {
			return nil // its edge matched under an epoch that is not in force, which is not done again
		}
		c, adopts := first(t, data)
		if c == nil || adopts > 0 {
			return nil
		}
		t.Run(name, func(t *testing.T) {
			r := try(t, data, whatif.Options{Config: c})
			judged++
			if r.Moved+r.Statuses > 0 || r.Before.Opened != r.After.Opened || r.Decisions.Recorded != r.Requests || r.Outcomes.Recorded != r.Requests {
				t.Errorf("%d moved, %d statuses, opened %d and %d, %d of %d decisions and %d outcomes recorded", r.Moved, r.Statuses,
					r.Before.Opened, r.After.Opened, r.Decisions.Recorded, r.Requests, r.Outcomes.Recorded)
				for _, m := range r.Moves() {
					t.Log(m.From, m.To, m.Examples)
				}
			}
			if r.Before.Statuses != r.After.Statuses || r.Before.Open != r.After.Open || r.Before.Refused != r.After.Refused {
				t.Errorf("before %d open, after %d open", r.Before.Open, r.After.Open)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if judged < 30 {
		t.Errorf("only %d traces were judged", judged)
	}
}
