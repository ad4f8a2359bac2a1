package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/adapters/recordings"
	"lockstep/traces"
)

func TestRecordingsAreCalledByWhatTellsThemApart(t *testing.T) {
	rec := func(name, path string, origin, from int64) *recordings.Recording {
		return &recordings.Recording{Header: traces.Header{Name: name, Origin: origin}, Segments: []*recordings.Segment{{Path: path, From: from}}}
	}
	noon := time.Date(2026, 11, 19, 12, 0, 0, 0, time.UTC).UnixNano()
	later := noon + int64(90*time.Second)
	for what, c := range map[string]struct {
		all  []*recordings.Recording
		want []string
	}{
		"one":                {[]*recordings.Recording{rec("edge", "a/x.lst", noon, noon)}, []string{"edge"}},
		"names of their own": {[]*recordings.Recording{rec("edge", "a/x.lst", noon, noon), rec("mesh", "a/y.lst", noon, noon)}, []string{"edge", "mesh"}},
		"folders":            {[]*recordings.Recording{rec("edge", "r1/20261119T120000.000Z-000001.lst", noon, noon), rec("edge", "r2/20261119T120000.000Z-000001.lst", noon, noon)}, []string{"r1", "r2"}},
		"lives in a folder":  {[]*recordings.Recording{rec("edge", "r1/20261119T120000.000Z-000001.lst", noon, noon), rec("edge", "r1/20261119T120130.000Z-000001.lst", noon, later)}, []string{"r1 since 12:00:00", "r1 since 12:01:30"}},
		"at one time":        {[]*recordings.Recording{rec("edge", "r1/20261119T120000.000Z-000001.lst", noon, noon), rec("edge", "r1/20261119T120130.000Z-000001.lst", noon, noon)}, []string{"r1 since 12:00:00 (1)", "r1 since 12:00:00 (2)"}},
		"made":               {[]*recordings.Recording{rec("s", "t/x.lst", noon, noon), rec("s", "t/y.lst", noon, noon)}, []string{"x", "y"}},
		"simulated":          {[]*recordings.Recording{rec("s", "t/x.ndjson", 0, 0), rec("s", "t/y.ndjson", 0, 0)}, []string{"x", "y"}},
	} {
		if diff := cmp.Diff(c.want, recordingNames(c.all)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}
