package conform

import (
	"bytes"
	"errors"
	"io"

	"lockstep/core"
	"lockstep/traces"
)

// strip returns the inputs of a trace in either form, in the stored form.
func strip(trace []byte) ([]byte, error) {
	rd, err := traces.NewReader(bytes.NewReader(trace))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = traces.Strip(&out, rd)
	return out.Bytes(), err
}

// configIn returns the configuration of a trace that has the digest, nil for none.
func configIn(trace []byte, digest uint64) *core.Config {
	rd, err := traces.NewReader(bytes.NewReader(trace))
	if err != nil {
		return nil
	}
	for {
		if _, err := rd.Next(); errors.Is(err, io.EOF) {
			return rd.Config(digest)
		}
	}
}
