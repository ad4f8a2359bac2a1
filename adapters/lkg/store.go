package lkg

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
)

const (
	currentName = "current"
	pendingName = "pending"
)

// ErrEmpty says that no copy has been kept yet.
var ErrEmpty = errors.New("no last-known-good copy")

// Store is one folder of copies. One router at a time may use a folder, but
// while it is upgraded its successor uses it too. Methods may be called from any
// goroutine.
type Store struct {
	mu            sync.Mutex
	began, before []byte // what this run has begun with, and had before

	dir     string
	disk    Disk
	current []byte // as last read or committed, nil for unknown
	pending []byte
}

// Open returns the store in dir, which it makes if it is not there.
func Open(dir string) (*Store, error) { return OpenOn(OS{}, dir) }

// OpenOn is Open on another disk, for tests.
func OpenOn(disk Disk, dir string) (*Store, error) {
	if err := disk.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("making the folder of last-known-good copies: %w", err)
	}
	return &Store{dir: dir, disk: disk}, nil
}

// Current returns the copy that a restart begins with. The error is ErrEmpty
// when there is none, and says what is damaged when it cannot be used.
func (s *Store) Current() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := s.read(currentName)
	if err != nil {
		return nil, err
	}
	s.current = body
	return body, nil
}

// Prepare puts body on the disk beside the current copy, which stays what a
// restart begins with. After an error nothing has changed.
func (s *Store) Prepare(body []byte) error {
	defer s.hold()()
	s.pending = body
	if s.kept() {
		return nil
	}
	return s.writePending()
}

func (s *Store) writePending() error {
	if err := s.disk.WriteSync(s.path(pendingName), seal(s.pending)); err != nil {
		return fmt.Errorf("writing the last-known-good copy: %w", err)
	}
	return nil
}

// Commit makes what Prepare wrote the current copy. After an error a restart
// may begin with either of the two.
func (s *Store) Commit() error {
	defer s.hold()()
	if s.kept() {
		return nil
	}
	s.current = nil
	if there, err := s.disk.ReadFile(s.path(pendingName)); err != nil || !bytes.Equal(there, seal(s.pending)) {
		if err := s.writePending(); err != nil { // the other process of an upgrade was at it
			return err
		}
	}
	if err := s.disk.Rename(s.path(pendingName), s.path(currentName)); err != nil {
		return fmt.Errorf("renaming the last-known-good copy: %w", err)
	}
	if err := s.disk.SyncDir(s.dir); err != nil {
		return fmt.Errorf("syncing the folder of last-known-good copies: %w", err)
	}
	s.current = s.pending
	return nil
}

// hold keeps other goroutines out, and the other process of an upgrade, until
// what it returns is called.
func (s *Store) hold() (release func()) {
	s.mu.Lock()
	unlock := s.disk.Lock(s.dir)
	return func() { unlock(); s.mu.Unlock() }
}

// kept reports whether what is pending is on disk already: a control plane
// sends its snapshot again at every connect. The other process of an upgrade may
// have put another copy in its place since.
func (s *Store) kept() bool {
	if s.current == nil || !bytes.Equal(s.current, s.pending) {
		return false
	}
	there, err := s.disk.ReadFile(s.path(currentName))
	return err == nil && bytes.Equal(there, seal(s.pending))
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

// seal puts the line before a body that open checks.
func seal(body []byte) []byte {
	return append(fmt.Appendf(nil, firstLine, len(body), sha256.Sum256(body)), body...)
}

const firstLine = "lockstep-copy 1 %d %x\n"

// open returns the body of a sealed copy.
func open(file []byte) ([]byte, error) {
	line, body, found := bytes.Cut(file, []byte("\n"))
	var length int
	var sum []byte
	if n, err := fmt.Sscanf(string(line)+"\n", firstLine, &length, &sum); !found || n != 2 || err != nil {
		return nil, errors.New("this is not a last-known-good copy, or its first line is damaged")
	}
	if len(body) != length {
		return nil, fmt.Errorf("the copy is damaged: it should hold %d bytes and has %d", length, len(body))
	}
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil, errors.New("the copy is damaged: its content does not match its hash")
	}
	return body, nil
}
