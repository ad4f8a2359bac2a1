package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// unit reads a systemd unit: setting to value, comments left out.
func unit(t *testing.T, name string) map[string]string {
	t.Helper()
	b, err := os.ReadFile("package/" + name)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			out[key] = value
		}
	}
	return out
}

func TestTheServiceUnitUsesFlagsThatServeHas(t *testing.T) {
	u := unit(t, "lockstep.service")
	serve := newServeCommand()
	values := map[string]string{}
	words := strings.Fields(u["ExecStart"])
	for i, w := range words {
		name, long := strings.CutPrefix(w, "--")
		switch {
		case long && serve.Flags().Lookup(name) == nil:
			t.Errorf("serve has no flag %s", w)
		case long:
			values[name] = words[i+1]
		case strings.HasPrefix(w, "-") && serve.Flags().ShorthandLookup(w[1:]) == nil:
			t.Errorf("serve has no flag %s", w)
		}
	}
	total := time.Duration(0)
	for _, name := range []string{"lame-duck", "drain"} {
		d, err := time.ParseDuration(values[name])
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		total += d
	}
	if stop, err := time.ParseDuration(u["TimeoutStopSec"]); err != nil || stop <= total+time.Second {
		t.Errorf("systemd kills after %v, a drain takes %v and a second: %v", stop, total, err)
	}
	if u["Type"] != "notify" || u["NotifyAccess"] != "main" {
		t.Errorf("type %s, access %s: the main process reports ready, reloads and its successor", u["Type"], u["NotifyAccess"])
	}
}

func TestTheSocketUnitNamesItsListener(t *testing.T) {
	u := unit(t, "lockstep.socket")
	if !regexp.MustCompile(`^[a-z]+$`).MatchString(u["FileDescriptorName"]) || u["Service"] != "lockstep.service" {
		t.Errorf("%v", u)
	}
}
