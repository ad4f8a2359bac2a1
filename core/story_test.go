package core_test

import (
	"os"
	"path/filepath"
	"testing"

	"lockstep/traces/story"
)

// TestCoreHoldsEveryStory runs the stories of traces/, plainly and with a
// snapshot between any two steps.
func TestCoreHoldsEveryStory(t *testing.T) {
	paths, err := filepath.Glob("../traces/*/*.story")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d stories: %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := story.Parse(path, string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []story.Options{{}, {Restore: true}} {
			got, err := s.Run(o)
			if err == nil {
				err = s.Check(got)
			}
			if err != nil {
				t.Errorf("restore %v: %v", o.Restore, err)
			}
		}
	}
}
