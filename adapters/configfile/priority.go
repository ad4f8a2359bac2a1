package configfile

import (
	"net/textproto"
	"strconv"

	edgeset "lockstep/adapters/settings"
	"lockstep/core"
)

// priority is where the edge finds how critical a request is.
type priority struct {
	Header  string `yaml:"header"`
	Default int32  `yaml:"default"`
}

// priority puts the setting into the text for the edge, beside what is there.
// It must come after the routes.
func (l *loader) priority(in priority, at *node) {
	if at == nil || at.kind != mapping {
		return
	}
	if in.Header == "" {
		l.fail(at.at, "priority names no header", "write {header: X-Priority, default: 3}")
		return
	}
	if !isToken(in.Header) {
		l.fail(at.get("header").at, strconv.Quote(in.Header)+" is not the name of a header", "use Priority (RFC 9218), or a name of your own such as X-Priority")
	}
	if in.Default < 0 || in.Default >= core.MaxPriorities {
		l.fail(at.value("default").at, strconv.Itoa(int(in.Default))+" is no priority", "use 0, the most critical, to "+strconv.Itoa(core.MaxPriorities-1))
		return
	}
	whole, err := edgeset.ReadWhole(l.file.Spec.Edge)
	if err != nil {
		return // nobody but this program has written it
	}
	whole.Priority = &edgeset.Priority{Header: textproto.CanonicalMIMEHeaderKey(in.Header), Default: uint8(in.Default)}
	l.file.Spec.Edge = whole.Text()
}
