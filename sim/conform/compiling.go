package conform

import (
	"bytes"
	"fmt"
	"reflect"

	"lockstep/core"
	"lockstep/traces"
)

// compiling asks what configurations compile to. Half of the questions have
// several that do, as an operator might write them: unsorted, with defaults
// written out, presets and chained fallbacks. The others have one with a setting
// or a text spoilt, which mostly does not.
func compiling(seed uint64) Question {
	q := Question{Name: fmt.Sprint("configurations ", seed)}
	s := specs{dice: throw(seed, purposeCompile)}
	s.large = s.oneIn(16)
	var texts [][]byte
	if s.oneIn(2) {
		for range s.between(1, 8) {
			texts = append(texts, s.written())
		}
	} else {
		texts = append(texts, s.spoilt())
	}
	return AskConfigs(q.Name, texts...)
}

// AskConfigs makes the question what some configurations, as JSON, compile to.
// Those that are the same as one before are left out.
func AskConfigs(name string, texts ...[]byte) Question {
	q := Question{Name: name, blockless: true}
	q.Inputs = traces.AppendFile(nil, traces.Header{Name: q.Name})
	q.Answer = append([]byte(nil), q.Inputs...)
	seen := map[uint64]bool{}
	for _, text := range texts {
		c, err := compiled(text)
		if err == nil && seen[c.Digest()] {
			continue
		}
		q.Inputs = traces.AppendUnstated(q.Inputs, text)
		if err != nil {
			q.Answer = nil
			break
		}
		seen[c.Digest()] = true
		q.Answer = traces.AppendConfig(q.Answer, c)
	}
	return q
}

// ConfigsOf lists the configurations of a trace as texts.
func ConfigsOf(trace []byte) (texts [][]byte) {
	rd, err := traces.NewReader(bytes.NewReader(trace))
	for err == nil {
		var it traces.Item
		if it, err = rd.Next(); err == nil && it.Kind == traces.ItemConfig {
			spec := traces.SpecOf(it.Config)
			texts = append(texts, traces.EncodeSpec(&spec))
		}
	}
	return texts
}

// Texts returns the configurations of a question that AskConfigs made, nil for another.
func (q *Question) Texts() (texts [][]byte) {
	if !q.blockless {
		return nil
	}
	all := q.Inputs
	if all[0] != '{' {
		all = lines(all)
	}
	for line := range bytes.Lines(all) {
		if _, text, ok := bytes.Cut(line, []byte(`,"spec":`)); ok && bytes.HasPrefix(line, []byte(`{"config"`)) {
			texts = append(texts, bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("}")))
		}
	}
	return texts
}

func compiled(text []byte) (*core.Config, error) {
	s, err := traces.DecodeSpec(text)
	if err != nil {
		return nil, err
	}
	return core.Compile(s)
}

// written is a configuration that compiles, with some defaults written out.
func (s *specs) written() []byte {
	spec, c := s.valid()
	if s.oneIn(2) {
		return traces.EncodeSpec(&spec)
	}
	for i := range spec.Placements {
		p := &spec.Placements[i]
		at, _ := c.FindPlacement(p.Name)
		full := c.Placement(at)
		p.Kind, p.Timeouts, p.Health = full.Kind, full.Timeouts, full.Health
		if s.oneIn(2) {
			p.Breaker, p.Retries, p.Limit = full.Breaker, full.Retries, full.Limit
		}
	}
	return traces.EncodeSpec(&spec)
}

// spoilt is a configuration with something changed that need not fit.
func (s *specs) spoilt() []byte {
	spec, _ := s.valid()
	if s.oneIn(6) {
		return s.spoilText(traces.EncodeSpec(&spec))
	}
	for range s.between(1, 2) {
		var all []reflect.Value
		collect(reflect.ValueOf(&spec).Elem(), &all)
		s.spoil(all[s.between(0, len(all)-1)])
	}
	return traces.EncodeSpec(&spec)
}

// collect lists everything in v that can be set.
func collect(v reflect.Value, all *[]reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			collect(v.Field(i), all)
		}
	case reflect.Slice:
		*all = append(*all, v)
		for i := range v.Len() {
			collect(v.Index(i), all)
		}
	case reflect.Array:
		for i := range v.Len() {
			collect(v.Index(i), all)
		}
	default:
		*all = append(*all, v)
	}
}

// spoil sets one setting to something else.
func (s *specs) spoil(v reflect.Value) {
	switch {
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.CanInt():
		v.SetInt(int64(pick(s.dice, 0, 1, s.magnitude(), -s.magnitude(), uint64(v.Int())+1, uint64(v.Int())-1, 1<<63, 1<<63-1)))
	case v.CanUint():
		v.SetUint(pick(s.dice, 0, 1, s.magnitude(), v.Uint()+1, v.Uint()-1, 1<<64-1))
	case v.Kind() == reflect.String:
		v.SetString(s.otherText(v.String()))
	case v.Kind() == reflect.Slice:
		s.spoilList(v)
	}
}

func (s *specs) otherText(now string) string {
	switch s.below(8) {
	case 0:
		return ""
	case 1:
		return now + " "
	case 2:
		return now + string(bytes.Repeat([]byte("x"), s.between(1, 250)))
	case 3:
		return pick(s.dice, "http://", "http://:80", "ftp://h", "http:/h", "HTTP://h", "http://h h", "https://h\x7f", "http:///p", "http://u:p@h")
	case 4:
		return pick(s.dice, "p0", "p1", "split 0", "t0", "baseline", "envoy2", "x")
	}
	return s.label(now)
}

// spoilList takes an element away, doubles one, or makes the list too long.
func (s *specs) spoilList(v reflect.Value) {
	n := v.Len()
	switch s.below(4) {
	case 0:
		v.SetLen(0)
	case 1:
		if n > 0 {
			v.SetLen(n - 1)
		}
	case 2:
		if n > 0 {
			v.Set(reflect.Append(v, v.Index(s.between(0, n-1))))
		}
	default:
		for n > 0 && v.Len() < pick(s.dice, 9, 20, 1025) {
			v.Set(reflect.Append(v, v.Index(s.between(0, n-1))))
		}
	}
}

// spoilText breaks the text itself.
func (s *specs) spoilText(text []byte) []byte {
	switch s.below(5) {
	case 0:
		return text[:s.between(0, len(text)-1)]
	case 1:
		return append(text, pick(s.dice, "}", " x", "{}", ",")...)
	case 2:
		return bytes.Replace(text, []byte(`{"version"`), []byte(`{"no_such_member":1,"version"`), 1)
	case 3:
		return bytes.Replace(text, []byte(`"version":"`), []byte(`"version":1,"x":"`), 1)
	}
	return bytes.Replace(text, []byte(`"placements":[`), []byte(`"placements":[null,`+pick(s.dice, "1", `"p"`, "[]", "{},{}")+`,`), 1)
}
