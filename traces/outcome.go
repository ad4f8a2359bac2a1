package traces

import (
	"errors"

	"lockstep/core"
)

// Outcome is the class of an attempt that ended with a class and a status: a
// complete answer of 500 and above is one of R16's too.
func Outcome(class core.Class, status uint16) core.Class {
	if class == core.ClassNone && status >= 500 {
		return core.Upstream5xx
	}
	return class
}

// Damaged reports whether err tells of a part of a trace that cannot be read,
// after which a Reader goes on.
func Damaged(err error) bool {
	_, damaged := errors.AsType[*DamageError](err)
	return damaged
}
