package accesslog

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// FlagImported is the flag in the header of every imported trace.
const FlagImported = "imported"

// ImportOptions say how the trace is written.
type ImportOptions struct {
	Form traces.Form
	// Name is what the trace is called; "" is the name of the first file.
	Name string
}

// Imported is what Import has written.
type Imported struct {
	Read
	Config    *core.Config   `json:"-"`
	Made      *Made          `json:"configuration_made,omitempty"` // nil where one was given
	Steps     uint64         `json:"steps"`
	Forwarded int            `json:"forwarded"`
	Refused   map[string]int `json:"refused,omitempty"` // by class
}

// Import writes the trace of a router that serves a log's requests. Each
// arrives at its time and is decided by core; each attempt ends as the log says
// of that endpoint, or as assumed where the router chose another: Outcomes has
// how many.
func Import(w io.Writer, f Feed, o ImportOptions) (*Imported, error) {
	out := &Imported{Refused: map[string]int{}}
	if f.Config == nil {
		made, err := makeConfig(f)
		if err != nil {
			return nil, err
		}
		out.Made, f.Config, f.Maps = made, made.config, append(made.maps, f.Maps...)
	}
	out.Config = f.Config
	p, err := newPass(&f)
	if err != nil {
		return nil, err
	}
	defer p.close()
	p.groups = out.Made != nil && out.Made.ByGroup
	var tw *traces.Writer
	observe := func(r *core.Router, origin int64) loop.Observer {
		tw = traces.NewWriter(w, o.Form, traceHeader(&f, o, origin), r)
		return tw
	}
	err = p.run(observe, func(fl *flight) {
		if fl.refuse.Kind == core.Reject {
			out.Refused[fl.refuse.Class.String()]++
		} else {
			out.Forwarded++
		}
	})
	if tw != nil {
		if closing := tw.Close(); err == nil {
			err = closing
		}
	}
	if err != nil {
		return nil, err
	}
	out.Read, out.Steps = p.read, p.machine.loop.Steps()
	return out, nil
}

func traceHeader(f *Feed, o ImportOptions, origin int64) traces.Header {
	h := traces.Header{Name: o.Name, Seed: f.Seed, Config: f.Config.Digest(), Flags: []string{FlagImported, FlagImported + ":" + string(f.Format)}, Origin: origin}
	names := make([]string, len(f.Files))
	for i, name := range f.Files {
		if names[i] = filepath.Base(name); name == Stdin {
			names[i] = "standard input"
		}
	}
	if h.Name == "" {
		h.Name = names[0]
	}
	const most = 3
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("%d more", len(f.Files)-most))
	}
	h.Why = "made of the access log " + strings.Join(names, ", ") + ": arrivals as logged, decisions by core, outcomes as logged or assumed"
	return h
}
