package recordings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"lockstep/traces"
)

// OpenTrace opens one file for who wants its items. The error says what the
// file is instead of a trace, where that can be seen.
func OpenTrace(path string) (*traces.Reader, io.Closer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, Fault{path, plain(err)}
	}
	rd, err := traces.NewReader(f)
	if err != nil {
		err = notATrace(f, err)
		_ = f.Close() // only read from
		return nil, nil, Fault{path, err}
	}
	return rd, f, nil
}

// packed are what files begin with that were compressed.
var packed = []struct{ begins, kind, mend string }{
	{"\x1f\x8b", "gzip", "gunzip it"},
	{"\x28\xb5\x2f\xfd", "Zstandard", "decompress it with zstd -d"},
	{"\xfd7zXZ", "xz", "decompress it with xz -d"},
	{"BZh", "bzip2", "bunzip2 it"},
	{"PK\x03\x04", "a zip archive", "unpack it"},
}

// notATrace says what a file is that could not be opened as a trace with err.
func notATrace(f *os.File, err error) error {
	if info, e := f.Stat(); e == nil && info.Size() == 0 {
		return errors.New("the file is empty: nothing was written to it")
	}
	head := make([]byte, 512)
	n, e := f.ReadAt(head, 0)
	if n == 0 {
		return errors.Join(err, e)
	}
	head = head[:n]
	for _, p := range packed {
		if bytes.HasPrefix(head, []byte(p.begins)) {
			return fmt.Errorf("the file is compressed (%s): %s first", p.kind, p.mend)
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("LSINDEX")):
		return fmt.Errorf("the file is an index: name the segment, %s", strings.TrimSuffix(filepath.Base(f.Name()), IndexSuffix))
	case bytes.HasPrefix(head, []byte("LSTRACE")), bytes.HasPrefix(head, []byte(`{"lockstep":`)):
		return err // a trace, of another version or damaged: the reader has said it
	case isText(head):
		line, _, _ := bytes.Cut(head, []byte("\n"))
		return fmt.Errorf("the file is text, not a recording; it begins with %q; an access log is read by lockstep import", cut(string(line), 60))
	}
	return errors.New("the file is no recording: it begins neither with LSTRACE nor with a {\"lockstep\":1 line")
}

func isText(b []byte) bool {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size < 2 {
			return len(b) < utf8.UTFMax // cut in the middle of one
		}
		if unicode.IsControl(r) && !unicode.IsSpace(r) && r != '\x1b' {
			return false
		}
		b = b[size:]
	}
	return true
}

// cut shortens a text to so many runes.
func cut(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "…"
}
