package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/promise"
	"lockstep/traces/say"
)

// verifyResult is the verdict on all recordings.
type verifyResult struct {
	Config     string             `json:"config"`
	OK         bool               `json:"ok"`
	Itself     []string           `json:"broken_by_config,omitempty"` // promises that it breaks whatever was recorded
	Recordings []recordingVerdict `json:"recordings"`
	Replay     replayJSON         `json:"replay"`

	config  *core.Config
	folders []string // that were given, and hold one recording
	replay  replayResult
}

// recordingVerdict is what one router's recording says of the promises.
type recordingVerdict struct {
	Name     string           `json:"name"`
	File     string           `json:"file"` // the first of it
	Requests uint64           `json:"requests"`
	From     string           `json:"from"`
	To       string           `json:"to"`
	Late     uint64           `json:"late,omitempty"` // events not judged, because later ones had been
	Configs  []recordedConfig `json:"configs"`        // in force at some time
	Promises []promiseVerdict `json:"promises"`
}

// recordedConfig is a configuration that decided.
type recordedConfig struct {
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Same    bool   `json:"same"` // as the one that promises
}

// promiseVerdict is what a recording says of one promise.
type promiseVerdict struct {
	Name     string      `json:"name"`
	State    string      `json:"state"` // holds, broken or not judged
	Promised string      `json:"promised"`
	Found    string      `json:"found"`
	Requests uint64      `json:"requests"`
	Bad      uint64      `json:"bad"`
	First    *firstSight `json:"first,omitempty"` // of what breaks it
}

// firstSight is where a promise was first broken.
type firstSight struct {
	Step      uint64 `json:"step"`
	T         int64  `json:"t"`
	Time      string `json:"time"`
	Key       string `json:"key,omitempty"`
	Request   string `json:"request,omitempty"`
	Placement string `json:"placement,omitempty"`
	Endpoint  string `json:"endpoint,omitempty"`
	Explain   string `json:"explain"`
}

// judge adds the verdicts on one recording.
func (v *verifyResult) judge(r *recording) {
	out := recordingVerdict{
		Name: r.header.Name, File: r.begins[0].file, Requests: r.requests, Late: r.late, From: clock(r.header, r.first), To: clock(r.header, r.last),
		Configs: []recordedConfig{}, Promises: []promiseVerdict{},
	}
	for _, c := range r.configs {
		out.Configs = append(out.Configs, recordedConfig{c.Version(), fmt.Sprintf("%016x", c.Digest()), c.Digest() == v.config.Digest()})
	}
	for _, x := range r.judge.Verdicts() {
		p := promiseVerdict{x.Promise.Name, x.State.String(), x.Promise.String(), x.Found, x.All, x.Bad, nil}
		if s := &x.First; x.State == promise.Broken {
			p.First = &firstSight{
				Step: s.Step, T: int64(s.Time), Time: clock(r.header, s.Time), Key: s.Key, Placement: s.Placement, Endpoint: s.Endpoint,
				Explain: fmt.Sprintf("lockstep explain %s --step %d", r.source(s.Step, v.folders), s.Step),
			}
			if s.Key != "" {
				p.First.Request = traces.FormatRequestID(s.Request)
			}
		}
		out.Promises = append(out.Promises, p)
	}
	v.Recordings = append(v.Recordings, out)
}

// clock prints a time of a recording in UTC, or since its start when it is simulated.
func clock(h traces.Header, t core.Time) string {
	if text := wallTime(h, int64(t)); text != "" {
		return text
	}
	return time.Duration(t).String()
}

func (v *verifyResult) passed() bool {
	whole := v.replay.Report.OK() && len(v.replay.Damage)+len(v.replay.Chain.Holes) == 0
	return whole && !slices.ContainsFunc(v.Recordings, func(r recordingVerdict) bool {
		return slices.ContainsFunc(r.Promises, func(p promiseVerdict) bool { return p.State == promise.Broken.String() })
	})
}

func (v *verifyResult) json() *verifyResult {
	v.OK, v.Replay = v.passed(), v.replay.json()
	return v
}

// print says first whether the recordings can be believed.
func (v *verifyResult) print(w io.Writer) {
	v.replay.print(w)
	if len(v.Itself) > 0 {
		fmt.Fprintf(w, "note       %s alone breaks %s: lockstep check %s\n", v.Config, strings.Join(v.Itself, ", "), v.Config)
	}
	for i := range v.Recordings {
		r := &v.Recordings[i]
		fmt.Fprintf(w, "%s   %s requests, %s to %s, from %s\n", r.name(), say.Count(r.Requests), r.From, r.To, r.File)
		if r.Late > 0 {
			fmt.Fprintf(w, "  note        %s events are not judged, because later ones came first: name the files in their order, dumps last\n", say.Count(r.Late))
		}
		v.printConfigs(w, r)
		widest := 0
		for _, p := range r.Promises {
			widest = max(widest, len(p.Name))
		}
		for _, p := range r.Promises {
			fmt.Fprintf(w, "  %-10s  %-*s  %s\n", p.State, widest, p.Name, p.Found)
			if s := p.First; s != nil {
				fmt.Fprintf(w, "  %-10s  %-*s  promised: %s; first broken %s\n", "", widest, "", p.Promised, s)
			}
		}
	}
}

func (r *recordingVerdict) name() string {
	if r.Name == "" {
		return "recording"
	}
	return r.Name
}

// printConfigs says which configuration decided first, if it is not the one that promises.
func (v *verifyResult) printConfigs(w io.Writer, r *recordingVerdict) {
	others := slices.DeleteFunc(slices.Clone(r.Configs), func(c recordedConfig) bool { return c.Same })
	if len(others) == 0 {
		return
	}
	text := fmt.Sprintf("decided by configuration %q, digest %s", others[0].Version, others[0].Digest)
	if n := len(others) - 1; n > 0 {
		text += fmt.Sprintf(", and by %d more", n)
	}
	fmt.Fprintf(w, "  note        %s; %s is %q, digest %016x: promises, labels and regions are its own\n", text, v.Config, v.config.Version(), v.config.Digest())
}

// String tells where it is, and how to see why.
func (s *firstSight) String() string {
	text := fmt.Sprintf("at step %d, %s", s.Step, s.Time)
	if s.Key != "" {
		text += ", key " + s.Key + ", request " + s.Request
	}
	return text + "   " + s.Explain
}
