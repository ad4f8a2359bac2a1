package configfile

import (
	"strings"
	"testing"

	edgeset "lockstep/adapters/settings"
)

func TestWhereThePriorityIsGoesIntoTheTextForTheEdge(t *testing.T) {
	for _, c := range []struct{ written, want, fault string }{
		{"{header: x-priority, default: 3}", "X-Priority", ""},
		{"{header: Priority}", "Priority", ""},
		{"{default: 3}", "", "priority names no header"},
		{"{header: \"two words\"}", "", "is not the name of a header"},
		{"{header: X, default: 8}", "", "is no priority"},
	} {
		f, err := Parse("c", []byte("lockstep: 1\npriority: "+c.written+"\nplacements: {a: {endpoints: {one: {url: \"http://a:1\"}}}}\n"))
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%s: %v, want %s", c.written, err, c.fault)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if w, err := edgeset.ReadWhole(f.Spec.Edge); err != nil || w.Priority == nil || w.Priority.Header != c.want {
			t.Errorf("%s: the edge reads %+v, %v", c.written, w.Priority, err)
		}
	}
}
