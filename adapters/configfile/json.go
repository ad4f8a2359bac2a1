package configfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// readJSON parses one JSON document token by token, so that duplicate keys are
// seen and a million keys cost one pass.
func readJSON(src *source) (*node, *Problem) {
	r := &jsonReader{src: src, decoder: json.NewDecoder(strings.NewReader(src.text)), line: 1, col: 1}
	r.decoder.UseNumber()
	root, err := r.value(0)
	if err == nil {
		if _, end := r.decoder.Token(); !errors.Is(end, io.EOF) {
			r.step(int(r.decoder.InputOffset()))
			return nil, r.here(1).problem("there is something after the end of the document", "remove it")
		}
		return root, nil
	}
	// The decoder counts offsets in two ways; a check of the whole text in one.
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal([]byte(src.text), new(json.RawMessage)), &syntax) {
		err = syntax
		r.rewind()
		r.step(int(syntax.Offset) - 1)
	}
	return nil, r.here(1).problem("this is not valid JSON: "+err.Error(), "look for a missing comma, quote or bracket just before")
}

// jsonReader follows the decoder with the line and column of its offset.
type jsonReader struct {
	src       *source
	decoder   *json.Decoder
	offset    int
	line, col int32
}

func (r *jsonReader) rewind() { r.offset, r.line, r.col = 0, 1, 1 }

// step moves the place forward to offset.
func (r *jsonReader) step(offset int) {
	offset = min(offset, len(r.src.text))
	part := r.src.text[r.offset:offset]
	if n := strings.Count(part, "\n"); n > 0 {
		r.line += int32(n)
		r.col = 1
		part = part[strings.LastIndexByte(part, '\n')+1:]
	}
	r.col += int32(utf8.RuneCountInString(part))
	r.offset = offset
}

func (r *jsonReader) here(width int) place {
	return place{r.src, r.line, r.col, int32(width)}
}

// token returns the next token and where it stands.
func (r *jsonReader) token() (json.Token, place, error) {
	t, err := r.decoder.Token()
	if err != nil {
		return nil, place{}, err
	}
	start := r.offset
	for start < len(r.src.text) && strings.IndexByte(" \t\r\n,:", r.src.text[start]) >= 0 {
		start++
	}
	r.step(start)
	end := int(r.decoder.InputOffset())
	at := r.here(utf8.RuneCountInString(r.src.text[start:end]))
	r.step(end)
	return t, at, nil
}

func (r *jsonReader) value(depth int) (*node, error) {
	t, at, err := r.token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("it is nested more than %d deep", maxDepth)
	}
	n := &node{at: at, kind: scalar}
	switch t := t.(type) {
	case json.Delim:
		err = r.container(n, t, depth)
	case string:
		n.text, n.quoted = t, true
	case json.Number:
		n.text = t.String()
	case bool:
		n.text = fmt.Sprint(t)
	case nil:
		n.kind = null
	}
	return n, err
}

func (r *jsonReader) container(n *node, open json.Delim, depth int) error {
	n.kind = sequence
	if open == '{' {
		n.kind = mapping
	}
	for r.decoder.More() {
		if n.kind == sequence {
			item, err := r.value(depth + 1)
			if err != nil {
				return err
			}
			n.items = append(n.items, item)
			continue
		}
		key, at, err := r.token()
		if err != nil {
			return err
		}
		value, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.entries = append(n.entries, entry{key.(string), at, value}) // the decoder lets only strings be keys
	}
	_, _, err := r.token()
	return err
}
