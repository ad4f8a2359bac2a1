package main

import (
	"bytes"
	"fmt"
	"os"
)

// shortestStickyKey keeps a key from being guessed along with what it hides.
const shortestStickyKey = 16

// stickyKeyOf reads the key of sticky cookies from a file, nil without one.
// Space at its end does not count, since editors put it there.
func stickyKeyOf(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key of sticky cookies: %w", err)
	}
	if key = bytes.TrimSpace(key); len(key) < shortestStickyKey {
		return nil, fmt.Errorf("the key of sticky cookies in %s has %d bytes; write at least %d, such as: head -c 32 /dev/urandom | base64 > %s", path, len(key), shortestStickyKey, path)
	}
	return key, nil
}
