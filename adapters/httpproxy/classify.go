package httpproxy

import (
	"errors"

	"lockstep/adapters/upstream"
	"lockstep/core"
)

// classify names a failure that came before the response headers and that
// neither the client nor a timeout of ours caused.
func classify(err error) core.Class {
	var failure *upstream.Error
	if errors.As(err, &failure) {
		return failure.Class
	}
	return core.ResetBeforeResponse // the attempt was cancelled, by nobody who said why
}
