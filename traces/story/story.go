// Package story reads and runs the stories from which the golden traces are
// made: one behaviour of the machine each, written for people. README.md has
// the grammar. A story holds names; numbers, handles and tokens stay here.
package story

import (
	"fmt"
	"strconv"
	"strings"

	"lockstep/core"
)

// Story is one parsed story file.
type Story struct {
	Path    string // as given to Parse, for messages
	Why     string // the comment it begins with, on one line
	Seed    uint64
	Configs []Config // in the order of the file
	Steps   []Step

	lines []string // of the file, for Rewrite
}

// Config is one named configuration; the name "" is in force from the start.
type Config struct {
	Name     string
	Compiled *core.Config
}

// Step is one command of the timeline and what the machine must say to it.
type Step struct {
	Line    int // of the command, from 1
	At      core.Time
	Times   int // repetitions, at least 1
	Command string
	Args    []string
	Expect  []string // in the form of Decisions, `4x` still folded
	end     int      // line after the last expected one
}

// Config returns the configuration of that name, nil when there is none.
func (s *Story) Config(name string) *core.Config {
	for _, c := range s.Configs {
		if c.Name == name {
			return c.Compiled
		}
	}
	return nil
}

// parser walks the lines of one file.
type parser struct {
	story *Story
	at    int // index of the line being read
	last  core.Time
}

// Parse reads a story. Errors name path and line.
func Parse(path, text string) (*Story, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	p := &parser{story: &Story{Path: path, Seed: 1, lines: lines}}
	p.why()
	for p.at < len(lines) {
		if err := p.block(); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, p.at+1, err)
		}
	}
	switch {
	case p.story.Why == "":
		return nil, fmt.Errorf("%s:1: there is no why; begin the file with a comment that cites the rule and gives the reason", path)
	case len(p.story.Steps) == 0:
		return nil, fmt.Errorf("%s:%d: there is no command; write one as: 1s get KEY 200", path, len(lines))
	}
	return p.story, nil
}

func (p *parser) why() {
	var why []string
	for ; p.at < len(p.story.lines) && strings.HasPrefix(p.story.lines[p.at], "#"); p.at++ {
		why = append(why, strings.TrimSpace(p.story.lines[p.at][1:]))
	}
	p.story.Why = strings.Join(why, " ")
}

// block reads one line that is not indented, and those that belong to it. On
// an error p.at is the line at fault.
func (p *parser) block() error {
	line := p.story.lines[p.at]
	words := strings.Fields(line)
	switch {
	case len(words) == 0 || line[0] == '#':
		p.at++
		return nil
	case line[0] == ' ' || line[0] == '\t':
		return fmt.Errorf("this indented line belongs to nothing")
	case words[0] == "seed" && len(words) == 2:
		seed, err := strconv.ParseUint(words[1], 10, 64)
		p.story.Seed = seed
		p.at++
		return err
	case words[0] == "config" && len(words) <= 2:
		return p.config(strings.Join(words[1:], ""))
	}
	return p.step(words)
}

// indented reports whether the line at p.at belongs to the one above it.
func (p *parser) indented() bool {
	return p.at < len(p.story.lines) && strings.HasPrefix(p.story.lines[p.at], " ") && strings.TrimSpace(p.story.lines[p.at]) != ""
}

func (p *parser) config(name string) error {
	if p.story.Config(name) != nil {
		return fmt.Errorf("configuration %q is there twice", name)
	}
	begin := p.at
	b := newConfigBuilder(name)
	for p.at++; p.indented(); p.at++ {
		if err := b.line(strings.Fields(p.story.lines[p.at])); err != nil {
			return err
		}
	}
	c, err := core.Compile(b.spec)
	if err != nil {
		p.at = begin
		return fmt.Errorf("compiling configuration %q: %w", name, err)
	}
	p.story.Configs = append(p.story.Configs, Config{name, c})
	return nil
}

func (p *parser) step(words []string) error {
	at, err := parseTime(words[0])
	if err != nil {
		return fmt.Errorf("%q is no time, seed or config; a command begins with its time, as: 1s get KEY 200", words[0])
	}
	if core.Time(at) < p.last {
		return fmt.Errorf("time runs backwards: %s after %s", words[0], printTime(p.last))
	}
	p.last = core.Time(at)
	s := Step{Line: p.at + 1, At: p.last, Times: 1}
	words = words[1:]
	if len(words) > 1 && words[0] == "repeat" {
		if s.Times, err = strconv.Atoi(words[1]); err != nil || s.Times < 1 {
			return fmt.Errorf("repeat %q: write how many times, 1 or more", words[1])
		}
		words = words[2:]
	}
	if len(words) == 0 {
		return fmt.Errorf("there is a time but no command")
	}
	s.Command, s.Args = words[0], words[1:]
	for p.at++; p.indented(); p.at++ {
		s.Expect = append(s.Expect, strings.Join(strings.Fields(p.story.lines[p.at]), " "))
	}
	s.end = p.at
	p.story.Steps = append(p.story.Steps, s)
	return nil
}
