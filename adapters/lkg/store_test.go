package lkg

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func keep(t *testing.T, s *Store, body string) {
	t.Helper()
	if err := s.Prepare([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestARestartFindsWhatWasCommitted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Current(); !errors.Is(err, ErrEmpty) {
		t.Fatalf("an empty folder: %v", err)
	}
	for _, body := range []string{"one", "", "two\nlines\n", "two\nlines\n"} {
		keep(t, s, body)
		again, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := again.Current(); err != nil || string(got) != body {
			t.Errorf("%q, %v; want %q", got, err, body)
		}
	}
	if files, _ := filepath.Glob(dir + "/*"); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

func TestAPreparedCopyIsNotUsedBeforeItsCommit(t *testing.T) {
	dir := t.TempDir()
	s, _ := Open(dir)
	keep(t, s, "old")
	if err := s.Prepare([]byte("new")); err != nil {
		t.Fatal(err)
	}
	again, _ := Open(dir)
	if got, err := again.Current(); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestEveryDamagedByteIsNoticed(t *testing.T) {
	dir := t.TempDir()
	s, _ := Open(dir)
	keep(t, s, "version 7 of the configuration")
	path := filepath.Join(dir, currentName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := [][]byte{nil, append(bytes.Clone(whole), 'x')}
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 0x10
		damaged = append(damaged, whole[:i], flipped)
	}
	for _, d := range damaged {
		if err := os.WriteFile(path, d, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := s.Current()
		if err == nil || !strings.Contains(err.Error(), path) || errors.Is(err, ErrEmpty) {
			t.Fatalf("%q was taken for a copy, or the error does not name the file: %v", d, err)
		}
	}
}
