package story_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lockstep/traces/story"
)

var rewrite = flag.Bool("rewrite", false, "write what the machine says into the stories and make the golden traces anew")

// each runs a test on every story below traces/.
func each(t *testing.T, test func(t *testing.T, s *story.Story)) {
	t.Helper()
	paths, err := filepath.Glob("../*/*.story")
	if err != nil || len(paths) < 60 {
		t.Fatalf("found %d stories (%v); there were 60 from the start", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(path), "../"), ".story")
		t.Run(name, func(t *testing.T) {
			test(t, parse(t, path))
		})
	}
}

func parse(t *testing.T, path string) *story.Story {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := story.Parse(path, string(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t *testing.T, s *story.Story, o story.Options) [][]string {
	t.Helper()
	got, err := s.Run(o)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTheMachineSaysWhatEveryStoryExpects(t *testing.T) {
	each(t, func(t *testing.T, s *story.Story) {
		got := run(t, s, story.Options{})
		if *rewrite {
			if err := os.WriteFile(s.Path, s.Rewrite(got), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		if err := s.Check(got); err != nil {
			t.Error(err)
		}
	})
}

func TestASnapshotAfterEveryStepChangesNoStory(t *testing.T) {
	each(t, func(t *testing.T, s *story.Story) {
		plain, restored := run(t, s, story.Options{}), run(t, s, story.Options{Restore: true})
		if !slices.EqualFunc(plain, restored, slices.Equal) {
			t.Errorf("plain    %q\nrestored %q", plain, restored)
		}
	})
}

func TestRewritingAStoryThatHoldsChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *story.Story) {
		text, err := os.ReadFile(s.Path)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Rewrite(run(t, s, story.Options{})); string(got) != string(text) && !*rewrite {
			t.Errorf("%s is not as -rewrite would leave it; run go test ./traces/story -rewrite and read the diff", s.Path)
		}
	})
}

func TestEveryStoryCitesARuleAndGivesAReason(t *testing.T) {
	cited := regexp.MustCompile(`^((R[1-9]|Bad input: ).*\. .|Flaw \d+: .*\. R[1-9])`)
	each(t, func(t *testing.T, s *story.Story) {
		if !cited.MatchString(s.Why) {
			t.Errorf("%s: the why should begin with its rule and add a sentence that says why: %q", s.Path, s.Why)
		}
	})
}
