package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	liveTimeout = time.Minute
	liveMost    = 1 << 30 // bytes of a trace that a router may send; its memory is 64 MiB unless told otherwise
)

// fetchRing asks a running router for what its flight recorder holds and keeps
// it in a file that only its owner can read, until remove.
func fetchRing(admin string) (path string, remove func(), err error) {
	if !strings.Contains(admin, "://") {
		admin = "http://" + admin
	}
	u, err := url.Parse(admin)
	if err != nil || u.Host == "" {
		return "", nil, fmt.Errorf("--admin %q is no address of an admin listener; write http://127.0.0.1:9901", admin)
	}
	ctx, cancel := context.WithTimeout(context.Background(), liveTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.JoinPath("/debug/recording").String(), nil)
	if err != nil {
		return "", nil, err
	}
	// Straight to it: what is recorded must not pass through a proxy.
	client := &http.Client{Transport: &http.Transport{}}
	resp, err := client.Do(req)
	if err != nil {
		return "", nil, fmt.Errorf("asking the router at %s: %w; was it started with --admin?", u.Host, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 500)) // what it says is an aid only
		return "", nil, fmt.Errorf("the router at %s answers %s: %s", u.Host, resp.Status, strings.TrimSpace(string(said)))
	}
	return keepRing(resp.Body)
}

// keepRing writes a trace to a file in a folder of its own.
func keepRing(from io.Reader) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "lockstep-explain-") // mode 0700
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) } // a temporary folder that stays is no failure of the command
	path = filepath.Join(dir, "memory.lst")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err == nil {
		var n int64
		n, err = io.Copy(f, io.LimitReader(from, liveMost+1))
		if n > liveMost {
			err = fmt.Errorf("it sends more than %d bytes", liveMost)
		}
		if e := f.Close(); err == nil {
			err = e
		}
	}
	if err != nil {
		remove()
		return "", nil, fmt.Errorf("reading the router's recording: %w", err)
	}
	return path, remove, nil
}
