package story_test

import (
	"strings"
	"testing"

	"lockstep/traces/story"
)

// The stories test the machine; these tests test the stories.

const sound = `# R6: a failure opens the breaker.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
2s  repeat 2 get visa 200
      2x reject 503 circuit_open visa dedicated open visa/a
`

func TestAWrongExpectationIsNamedWithFileLineAndBothSides(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"another time", "until 6s", "until 7s", []string{
			"planted.story:7: 1s  get visa 500", "  forward visa/a", "- opened visa/a until 7s", "+ opened visa/a until 6s",
		}},
		{"a decision too many", "2x reject", "3x reject", []string{
			"planted.story:10:", "- 3x reject 503", "+ 2x reject 503",
		}},
		{"a decision too few", "      opened visa/a until 6s\n", "", []string{
			"planted.story:7:", "+ opened visa/a until 6s",
		}},
		{"another endpoint", "forward visa/a", "forward visa/b", []string{
			"planted.story:7:", "- forward visa/b dedicated closed", "+ forward visa/a dedicated closed",
		}},
		{"another setting", "failures=1", "failures=2", []string{
			"planted.story:7:", "- opened visa/a until 6s",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := story.Parse("planted.story", strings.Replace(sound, c.old, c.new, 1))
			if err != nil {
				t.Fatal(err)
			}
			err = s.Check(run(t, s, story.Options{}))
			if err == nil {
				t.Fatal("the wrong story holds")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in:\n%v", want, err)
				}
			}
		})
	}
}

func TestTheSoundStoryHolds(t *testing.T) {
	s, err := story.Parse("sound.story", sound)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(run(t, s, story.Options{})); err != nil {
		t.Error(err)
	}
}

func TestAStoryThatCannotRunSaysWhereAndWhy(t *testing.T) {
	const config = "# R1: why.\nconfig\n  key visa -> visa\n  placement visa endpoints=a limit=1\n"
	for _, c := range []struct{ text, want string }{
		{"1s tick\n", "x.story:1: there is no why"},
		{"# R1: why.\n", "x.story:1: there is no command"},
		{"# R1: why.\n  tick\n", "x.story:2: this indented line belongs to nothing"},
		{"# R1: why.\nsoon tick\n", `x.story:2: "soon" is no time`},
		{"# R1: why.\n2s tick\n1s tick\n", "x.story:3: time runs backwards: 1s after 2s"},
		{"# R1: why.\n1s\n", "x.story:2: there is a time but no command"},
		{"# R1: why.\n1s repeat 0 tick\n", "x.story:2: repeat"},
		{"# R1: why.\n1s dance\n", `x.story:2: "dance" is not a command`},
		{"# R1: why.\n1s adopt v9\n", `x.story:2: there is no configuration "v9"`},
		{"# R1: why.\n1s finish r1 200\n", `x.story:2: no request is called "r1"`},
		{"# R1: why.\nconfig\n  speed 5\n", `x.story:3: "speed 5" is not a line of a config block`},
		{"# R1: why.\nconfig\n  placement visa endpoints=a colour=red\n", "x.story:3: option colour=red: there is no such option"},
		{"# R1: why.\nconfig\n  placement visa endpoints=a when_full=wait\n", `x.story:3: option when_full=wait: "wait" is not a value`},
		{"# R1: why.\nconfig\n  placement visa endpoints=a fallback=spare\n", `x.story:2: compiling configuration "":`},
		{"# R1: why.\nconfig a\nconfig a\n", `x.story:2: compiling configuration "a": placements: there are 0`},
		{config + "1s finish nobody sunk\n", `x.story:5: "sunk" is neither a status nor a class of R16`},
		{config + "1s probed visa/b ok\n", `x.story:5: there is no endpoint "visa/b"`},
		{config + "1s probed visa/a maybe\n", "x.story:5: a probe ends with ok or fail"},
		{config + "1s get visa 200 hurry=yes\n", "x.story:5: option hurry=yes: there is no such option"},
		{config + "1s adopt invalid epoch=5\n", `x.story:5: epoch "5": write it as term.number`},
		{config + "1s repeat 2 arrive visa as r#\n2s finish r2 200\n", `x.story:6: request "r2" was refused`},
	} {
		s, err := story.Parse("x.story", c.text)
		if err == nil {
			_, err = s.Run(story.Options{})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}
