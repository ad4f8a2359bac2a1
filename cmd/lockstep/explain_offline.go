package main

import (
	"errors"
	"io"
)

func explainConfig(_ io.Writer, _ *explainHooks, _ *explainFlags) error {
	return errors.New("not yet")
}
