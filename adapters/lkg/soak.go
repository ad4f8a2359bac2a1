package lkg

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// The second generation (R13): a copy that a router has lived with for its soak
// becomes `lkg`; one that two routers in a row died with in their soak is not
// started with again. `runs` counts, by the hash of a copy, the runs that began
// with it and have neither soaked nor ended in good order.

const (
	lkgName  = "lkg"
	runsName = "runs"
	newName  = "new" // what lkg and runs are written as before their rename
)

// MaxDeaths is how many runs may die with a copy within its soak.
const MaxDeaths = 2

// maxRuns is how many copies are counted at once: the one in force, one on its
// way, and a few that were tried before.
const maxRuns = 4

// run counts the runs that began with a copy.
type run struct {
	hash  [sha256.Size]byte
	begun int
}

// Choice is what a router starts with.
type Choice struct {
	Body []byte
	// Soaked says that it is the older generation, since the current copy cannot
	// be used: Damaged says why, or else Deaths runs died with it.
	Soaked  bool
	Damaged error
	// Deaths is how many runs in a row died with the current copy within its soak.
	// At MaxDeaths and without Soaked there was no older generation to go back to.
	Deaths int
}

// Start returns the copy to start with: the current one, or the one before that
// has soaked, if the current one is damaged or MaxDeaths runs died with it. The
// error is ErrEmpty when nothing has been kept yet.
func (s *Store) Start() (Choice, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := s.read(currentName)
	soaked, soakedErr := s.read(lkgName)
	if err == nil {
		s.current = body
		deaths := 0
		if soakedErr != nil || !bytes.Equal(body, soaked) {
			deaths = s.begun(body)
		}
		if deaths < MaxDeaths || soakedErr != nil {
			return Choice{Body: body, Deaths: deaths}, nil
		}
		return Choice{Body: soaked, Soaked: true, Deaths: deaths}, nil
	}
	if soakedErr == nil && !errors.Is(err, ErrEmpty) {
		return Choice{Body: soaked, Soaked: true, Damaged: err}, nil
	}
	return Choice{}, err
}

// Condemned reports whether MaxDeaths runs died with a copy within its soak.
func (s *Store) Condemned(body []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.running(body) && s.begun(body) >= MaxDeaths && !s.isSoaked(body)
}

// Begin notes that a run begins with a copy, before it does. One that has soaked
// already, or that this run has, is not counted. After an error nothing has changed.
func (s *Store) Begin(body []byte) error {
	defer s.hold()()
	if s.running(body) {
		return nil
	}
	if !s.isSoaked(body) {
		if err := s.count(body, +1); err != nil {
			return fmt.Errorf("counting the run: %w", err)
		}
	}
	s.before, s.began = s.began, bytes.Clone(body)
	return nil
}

// Forgive begins a copy's count anew: the operator insists on it.
func (s *Store) Forgive(body []byte) error {
	defer s.hold()()
	return s.count(body, -s.begun(body))
}

// Abandon takes back the last Begin: the copy was not adopted.
func (s *Store) Abandon(body []byte) error {
	defer s.hold()()
	if !s.running(body) {
		return nil
	}
	s.began, s.before = s.before, nil
	return s.count(body, -1)
}

// Leave notes that this run ends in good order, or goes on with another copy:
// whatever ends it later is not the fault of this one.
func (s *Store) Leave(body []byte) error {
	defer s.hold()()
	return s.count(body, -1)
}

// Soaked keeps a copy as the older generation. After an error the one before is
// still there, whole.
func (s *Store) Soaked(body []byte) error {
	defer s.hold()()
	if s.isSoaked(body) {
		return nil
	}
	if err := s.replace(lkgName, seal(body)); err != nil {
		return fmt.Errorf("keeping the copy that has soaked: %w", err)
	}
	return s.count(body, -s.begun(body))
}

func (s *Store) running(body []byte) bool { return s.began != nil && bytes.Equal(s.began, body) }

func (s *Store) isSoaked(body []byte) bool {
	soaked, err := s.read(lkgName)
	return err == nil && bytes.Equal(soaked, body)
}

func (s *Store) begun(body []byte) int {
	hash := sha256.Sum256(body)
	for _, r := range s.runs() {
		if r.hash == hash {
			return r.begun
		}
	}
	return 0
}

// count adds to a copy's runs, which never fall below 0.
func (s *Store) count(body []byte, n int) error {
	was := s.begun(body)
	if max(0, was+n) == was {
		return nil
	}
	hash := sha256.Sum256(body)
	out := []run{{hash, max(0, was+n)}}
	for _, r := range s.runs() {
		if r.hash != hash && r.begun > 0 && len(out) < maxRuns {
			out = append(out, r)
		}
	}
	var text []byte
	for _, r := range out {
		text = fmt.Appendf(text, runLine, r.hash, r.begun)
	}
	return s.replace(runsName, text)
}

const runLine = "%x %d\n"

// runs reads the counts, the newest first. What is damaged counts nothing: a
// count that is lost costs one more attempt.
func (s *Store) runs() (out []run) {
	text, err := s.disk.ReadFile(s.path(runsName))
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(text) {
		var r run
		var hash []byte
		if n, err := fmt.Sscanf(string(line), runLine, &hash, &r.begun); n != 2 || err != nil || len(hash) != len(r.hash) || r.begun < 0 {
			return out
		}
		copy(r.hash[:], hash)
		out = append(out, r)
	}
	return out
}

// replace writes a file whole or not at all.
func (s *Store) replace(name string, data []byte) error {
	if err := s.disk.WriteSync(s.path(newName), data); err != nil {
		return err
	}
	if err := s.disk.Rename(s.path(newName), s.path(name)); err != nil {
		return err
	}
	return s.disk.SyncDir(s.dir)
}

// read returns the body of a sealed copy.
func (s *Store) read(name string) ([]byte, error) {
	path := filepath.Join(s.dir, name)
	file, err := s.disk.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrEmpty
	}
	if err != nil {
		return nil, fmt.Errorf("reading the last-known-good copy: %w", err)
	}
	body, err := open(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; move it away to look at it later", path, err)
	}
	return body, nil
}
