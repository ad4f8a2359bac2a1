package configimport

import "errors"

// Envoy translates one Envoy configuration.
func Envoy(in Input, opts Options) (*Result, error) { return nil, errors.New("later") }
