package accesslog

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

const (
	readSize = 256 << 10
	// maxLine is the longest line that is read; a longer one is malformed.
	maxLine = 64 << 10
	// sampled is how many lines of a file are looked at to guess its format and
	// find the time at which it begins.
	sampled = 200
)

// Stdin is the name of the standard input.
const Stdin = "-"

// source is one file, or the standard input.
type source struct {
	name  string
	begin int64 // time of its first entry that could be read, 0 for none
}

// readOnce says what a file is that cannot be read a second time, such as a pipe:
// what was read ahead would be lost. It is "" for others.
func readOnce(name string) string {
	if name == Stdin {
		return "the standard input"
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return name + " is no regular file, so it"
	}
	return ""
}

// lines reads a file line by line, unpacked if it is gzip.
type lines struct {
	in    *bufio.Reader
	close []io.Closer // last first
	long  bool        // the last line was longer than maxLine, and is cut
}

// openLines opens a file; in stands for the standard input.
func openLines(name string, in io.Reader) (*lines, error) {
	l := new(lines)
	if name != Stdin {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		in, l.close = f, append(l.close, f)
	}
	l.in = bufio.NewReaderSize(in, readSize)
	if magic, _ := l.in.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(l.in)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: unpacking: %w", name, err), l.Close())
		}
		l.close = append(l.close, z)
		l.in = bufio.NewReaderSize(z, readSize)
	}
	return l, nil
}

// next returns a line without its end; it is valid until the next call.
func (l *lines) next() ([]byte, error) {
	b, err := l.in.ReadSlice('\n')
	l.long = errors.Is(err, bufio.ErrBufferFull) || len(b) > maxLine
	if l.long {
		b = slices.Clone(b[:maxLine])
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.in.ReadSlice('\n')
		}
	}
	if len(b) == 0 && err != nil {
		return nil, err
	}
	if n := len(b); b[n-1] == '\n' {
		b = b[:n-1]
	}
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	if errors.Is(err, io.EOF) {
		err = nil // the last line has no end
	}
	return b, err
}

func (l *lines) Close() (err error) {
	for _, c := range slices.Backward(l.close) {
		err = errors.Join(err, c.Close())
	}
	return err
}

// sample returns the first lines of a file.
func sample(name string) (all []string, err error) {
	l, err := openLines(name, nil)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	for len(all) < sampled {
		b, err := l.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, string(b))
	}
	return all, nil
}

// inOrder puts files in the order of the times at which they begin, as rotated
// logs are wanted, whatever their names.
func inOrder(names []string, f Format, o FormatOptions) ([]source, error) {
	sources := make([]source, len(names))
	if len(names) == 1 {
		sources[0].name = names[0]
		return sources, nil
	}
	for i, name := range names {
		sources[i].name = name
		if what := readOnce(name); what != "" {
			return nil, fmt.Errorf("%s can be read once only: read it alone", what)
		}
		text, err := sample(name)
		if err != nil {
			return nil, err
		}
		p, err := newParser(f, o)
		if err != nil {
			return nil, err
		}
		var e Entry
		for _, line := range text {
			if p.parse(line, &e) == nil {
				sources[i].begin = e.Arrival
				break
			}
		}
	}
	slices.SortStableFunc(sources, func(a, b source) int { return cmp.Compare(a.begin, b.begin) })
	return sources, nil
}

// Guess says which format the first lines of a log are most likely of, how many
// of them it reads, and of how many; "" where none reads half of them.
func Guess(text []string, o FormatOptions) (best Format, read, of int) {
	for _, line := range text {
		if line != "" {
			of++
		}
	}
	for _, f := range Formats() {
		fo := FormatOptions{Zone: o.Zone}
		if f == Nginx || f == Envoy {
			fo.LogFormat = o.LogFormat
		}
		p, err := newParser(f, fo)
		if err != nil {
			continue
		}
		n := 0
		var e Entry
		for _, line := range text {
			if line != "" && p.parse(line, &e) == nil {
				n++
			}
		}
		// JSON that every reader of JSON takes tells more to one of them.
		if n > read {
			best, read = f, n
		}
	}
	if 2*read < of {
		return "", read, of
	}
	return best, read, of
}

// GuessFile is Guess for the first lines of a file.
func GuessFile(name string, o FormatOptions) (Format, error) {
	if what := readOnce(name); what != "" {
		return "", fmt.Errorf("%s can be read once only, and its format not be guessed: name it", what)
	}
	text, err := sample(name)
	if err != nil {
		return "", err
	}
	if len(text) == 0 {
		return "", fmt.Errorf("%s: %w", name, errEmpty)
	}
	f, read, of := Guess(text, o)
	if f == "" {
		return "", fmt.Errorf("%s: no format reads half of its first %d lines (the best reads %d): name the format, and nginx's or Envoy's own with its log format", name, of, read)
	}
	return f, nil
}
