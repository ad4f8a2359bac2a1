package story

import (
	"fmt"
	"strconv"
	"strings"

	"lockstep/core"
	"lockstep/core/loop"
)

// command runs repetition n of a step.
func (r *runner) command(s *Step, n int) error {
	words, options := splitOptions(s.Args, n)
	switch {
	case s.Command == "arrive" && len(words) == 3 && words[1] == "as":
		return r.arrive(s.At, words[0], words[2], options)
	case s.Command == "get" && len(words) == 2:
		return r.get(s.At, words[0], words[1], options)
	case s.Command == "finish" && len(words) == 2:
		return r.finish(s.At, words[0], words[1], options)
	case s.Command == "reply" && len(words) == 2:
		return r.reply(s.At, words[0], words[1], options)
	case s.Command == "probed" && len(words) == 2:
		return r.probed(s.At, words[0], words[1])
	case s.Command == "adopt" && len(words) == 1:
		return r.adopt(s.At, words[0], options)
	case s.Command == "control" && len(words) == 1 && (words[0] == "up" || words[0] == "down"):
		return r.step(s.At, &core.Event{Kind: core.Control, OK: words[0] == "up"}, nil)
	case s.Command == "drain" && len(words) == 1:
		d, err := parseTime(words[0])
		if err != nil {
			return err
		}
		return r.step(s.At, &core.Event{Kind: core.Drain, Deadline: s.At.Add(d)}, nil)
	case s.Command == "tick" && len(words) == 0:
		return r.step(s.At, &core.Event{Kind: core.Tick}, nil)
	}
	return fmt.Errorf("%q is not a command; README.md lists them", strings.Join(append([]string{s.Command}, s.Args...), " "))
}

// splitOptions parts the name=value arguments from the rest, and puts n for # in the rest.
func splitOptions(args []string, n int) (words []string, options map[string]string) {
	options = map[string]string{}
	for _, a := range args {
		if k, v, ok := strings.Cut(a, "="); ok {
			options[k] = v
		} else {
			words = append(words, strings.ReplaceAll(a, "#", strconv.Itoa(n)))
		}
	}
	return words, options
}

func (r *runner) arrive(at core.Time, key, label string, options map[string]string) error {
	if key == "-" {
		key = ""
	}
	r.request++
	req := &loop.Request{Key: key, ID: [2]uint64{0, r.request}}
	ev := &core.Event{Kind: core.Arrive, Request: core.RequestHash(0, r.request), Epoch: r.router.Epoch(), Route: core.Route{Placement: -1}}
	if name, ok := options["prefer"]; ok {
		ev.Prefer = r.identity(name)
		delete(options, "prefer")
	}
	for k, v := range options {
		if err := setArrival(ev, k, v); err != nil {
			return fmt.Errorf("option %s=%s: %w", k, v, err)
		}
	}
	if c := r.router.Config(); c != nil && ev.Route.Refuse == core.ClassNone {
		ev.Route, _ = c.MatchVia(ev.Via, key, ev.SplitHash())
	}
	if err := r.step(at, ev, req); err != nil {
		return err
	}
	r.handles[label] = r.out[len(r.out)-1].Handle
	r.keys[r.handles[label].Slot] = *req
	return nil
}

// identity is what a cookie that names an endpoint says: placement and URL, hashed. An unknown name is a cookie of long ago.
func (r *runner) identity(name string) uint64 {
	for n, known := range r.endpoints {
		if known == name && n >= 0 {
			return r.router.Identity(n)
		}
	}
	return core.HashString(name)
}

func setArrival(ev *core.Event, key, value string) (err error) {
	switch key {
	case "length":
		return count(&ev.Length, value)
	case "priority":
		n, err := strconv.ParseUint(value, 10, 8)
		ev.Priority = uint8(n)
		return err
	case "epoch":
		ev.Epoch, err = parseEpoch(value)
		return err
	case "method":
		if n, err := strconv.ParseUint(value, 10, 8); err == nil { // one outside the list
			ev.Method = core.Method(n)
			return nil
		}
		return word(&ev.Method, value, map[string]core.Method{"safe": core.MethodSafe, "idempotent": core.MethodIdempotent, "other": core.MethodOther})
	case "route":
		return count(&ev.Via, value)
	case "refuse":
		ev.Route.Refuse, err = parseClass(value)
		return err
	case "user":
		ev.Split = core.HashString(value)
		return nil
	}
	return fmt.Errorf("there is no such option")
}

// get is a whole request at once.
func (r *runner) get(at core.Time, key, result string, options map[string]string) error {
	const label = "get"
	if err := r.arrive(at, key, label, options); err != nil {
		return err
	}
	defer delete(r.handles, label)
	if r.handles[label] == (core.Handle{}) {
		return nil
	}
	return r.finish(at, label, result, nil)
}

func (r *runner) finish(at core.Time, label, result string, options map[string]string) error {
	h, err := r.handle(label)
	if err != nil {
		return err
	}
	ev := &core.Event{Kind: core.Finish, Handle: h}
	if status, err := strconv.ParseUint(result, 10, 16); err == nil {
		ev.Status, ev.Sent = uint16(status), true
	} else if ev.Class, err = parseClass(result); err != nil {
		return err
	}
	return r.end(at, label, ev, options)
}

func (r *runner) reply(at core.Time, label, status string, options map[string]string) error {
	h, err := r.handle(label)
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(status, 10, 16)
	if err != nil {
		return err
	}
	return r.end(at, label, &core.Event{Kind: core.Reply, Handle: h, Status: uint16(n)}, options)
}

func (r *runner) handle(label string) (core.Handle, error) {
	h, ok := r.handles[label]
	switch {
	case !ok:
		return h, fmt.Errorf("no request is called %q; name one with: arrive KEY as %s", label, label)
	case h == core.Handle{}:
		return h, fmt.Errorf("request %q was refused: there is nothing to end", label)
	}
	return h, nil
}

func parseClass(label string) (core.Class, error) {
	for c := range core.Class(core.Classes) {
		if c != core.ClassNone && c.String() == label {
			return c, nil
		}
	}
	return 0, fmt.Errorf("%q is neither a status nor a class of R16", label)
}

func (r *runner) probed(at core.Time, name, result string) error {
	if result != "ok" && result != "fail" {
		return fmt.Errorf("a probe ends with ok or fail, not %q", result)
	}
	for n, known := range r.endpoints {
		if known == name {
			return r.step(at, &core.Event{Kind: core.Probed, Endpoint: n, Token: r.tokens[n], OK: result == "ok"}, nil)
		}
	}
	return fmt.Errorf("there is no endpoint %q", name)
}

func (r *runner) adopt(at core.Time, name string, options map[string]string) (err error) {
	ev := &core.Event{Kind: core.Adopt, Origin: core.OriginControl}
	switch name {
	case "invalid":
		ev.Fault = core.FaultInvalid
	case "not_persisted":
		ev.Fault = core.FaultNotPersisted
	default:
		if ev.Config = r.story.Config(name); ev.Config == nil {
			return fmt.Errorf("there is no configuration %q", name)
		}
	}
	if text, ok := options["epoch"]; ok {
		if ev.Epoch, err = parseEpoch(text); err != nil {
			return err
		}
	}
	if text, ok := options["origin"]; ok {
		if err := oneOf(&ev.Origin, text, core.OriginFile, core.OriginControl, core.OriginDisk, core.OriginBootstrap); err != nil {
			return err
		}
	}
	ev.Deliberate = options["deliberate"] == "yes"
	if err := r.step(at, ev, nil); err != nil {
		return err
	}
	return r.matchAgain(at)
}
