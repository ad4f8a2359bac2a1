package configimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// evNode is one value of an Envoy configuration, with the lines that it covers
// and what is said of it. A value that nothing has asked for is not translated.
type evNode struct {
	key     string // its name in the map that holds it, in snake_case; "" in a list
	path    string // for messages: the name of the nearest field
	text    string // of a scalar
	scalar  bool
	line    int // where it begins: its key, where it has one
	end     int // its last line
	entries []*evNode
	items   []*evNode
	asked   bool // something here has read it
	whole   bool // what is said of it holds for everything in it
	notes   []Note
	file    string
	anchor  *evNode // of an alias's copy: what it was copied from
}

// Bounds on what is parsed: a hostile file is an error, not a crash.
const (
	evMaxBytes = 8 << 20
	evMaxDepth = 100
)

// get returns the field of that name, nil when there is none. It is asked then.
func (n *evNode) get(path ...string) *evNode {
	for _, name := range path {
		if n == nil {
			return nil
		}
		var found *evNode
		for _, e := range n.entries {
			if e.key == name {
				found = e // the last counts, as in most parsers
			}
		}
		if found != nil {
			found.ask()
		}
		n = found
	}
	return n
}

// list returns the items of a field, asked.
func (n *evNode) list(path ...string) []*evNode {
	n = n.get(path...)
	if n == nil {
		return nil
	}
	for _, i := range n.items {
		i.ask()
	}
	return n.items
}

// str returns the text of a field, "" when there is none.
func (n *evNode) str(path ...string) string {
	if f := n.get(path...); f != nil {
		return f.text
	}
	return ""
}

// from is the comment that a value from this node gets.
func (n *evNode) from() string {
	if n == nil {
		return ""
	}
	return at(n.file, n.line)
}

func (n *evNode) note(c Class, why, do string) {
	for ; n != nil; n = n.anchor {
		n.asked = true
		n.notes = append(n.notes, Note{c, why, do})
	}
}

// ask says that the node is read.
func (n *evNode) ask() {
	for ; n != nil; n = n.anchor {
		n.asked = true
	}
}

// differs and not note what is known of a node; it counts for its first line.
func (n *evNode) differs(why, do string) { n.note(Different, why, do) }
func (n *evNode) not(why, do string)     { n.note(NotTranslated, why, do) }

// refuse lists the node and all that is in it as not translated.
func (n *evNode) refuse(why, do string) {
	if n != nil {
		n.not(why, do)
		n.all()
	}
}

// known asks for the fields that may be there and change nothing here. What else is there is listed.
func (n *evNode) known(paths ...string) {
	for _, p := range paths {
		n.get(strings.Split(p, "/")...)
	}
}

func (n *evNode) all() {
	for ; n != nil; n = n.anchor {
		n.whole = true
	}
}

// seconds reads a duration as Envoy writes it: 0.25s. ok is false where there is none.
func (n *evNode) seconds() (d time.Duration, ok bool) {
	if n == nil {
		return 0, false
	}
	n.ask()
	text, has := strings.CutSuffix(n.text, "s")
	v, err := strconv.ParseFloat(text, 64)
	if !has || err != nil || v < 0 || v > 1e9 {
		n.not(strconv.Quote(n.text)+" is not a duration, such as 0.25s", "")
		return 0, false
	}
	return time.Duration(v*1e6) * time.Microsecond, true
}

// length is seconds for a value of the native form.
func (n *evNode) length() (d time.Duration, ok bool) {
	d, ok = n.seconds()
	switch {
	case !ok:
	case d < time.Millisecond:
		n.differs("times begin at 1ms here", "")
		d = time.Millisecond
	case d > longest:
		n.differs("times end at 30 days here", "")
		d = longest
	}
	return d, ok
}

// number reads a count up to most.
func (n *evNode) number(most int) (v int, ok bool) {
	if n == nil {
		return 0, false
	}
	n.ask()
	f, err := strconv.ParseFloat(n.text, 64)
	switch {
	case err != nil || f < 0 || f != float64(int64(f)):
		n.not(strconv.Quote(n.text)+" is not a count", "")
		return 0, false
	case f > float64(most):
		n.differs(n.text+" is more than there can be here: "+strconv.Itoa(most), "")
		return most, true
	}
	return int(f), true
}

func (n *evNode) isTrue(path ...string) bool { return n.str(path...) == "true" }

// kind is the last part of the @type of a typed_config: HttpConnectionManager.
func (n *evNode) kind() string {
	t := n.str("@type")
	return t[strings.LastIndexByte(t, '.')+1:]
}

// readEnvoy parses YAML or JSON into nodes.
func readEnvoy(in Input) (root *evNode, err error) {
	if len(in.Data) > evMaxBytes {
		return nil, fmt.Errorf("%s: the file is larger than %d MiB", in.Name, evMaxBytes>>20)
	}
	text := strings.TrimPrefix(string(in.Data), "\ufeff")
	defer func() { // the parser of YAML is known to panic on some inputs
		if p := recover(); p != nil {
			root, err = nil, fmt.Errorf("%s: the YAML parser gave up on this file; look for unbalanced brackets, quotes or indentation", in.Name)
		}
	}()
	if strings.HasPrefix(strings.TrimSpace(text), "{") && json.Valid([]byte(text)) {
		root, err = readEnvoyJSON(text)
	} else {
		root, err = readEnvoyYAML(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%s%w", in.Name, err)
	}
	root.finish("", in.Name)
	return root, nil
}

// finish fills in what follows from the place in the tree.
func (n *evNode) finish(path, file string) int {
	n.file, n.path = file, path
	if n.key != "" {
		n.path = n.key
	}
	n.end = max(n.end, n.line)
	for _, e := range n.entries {
		n.end = max(n.end, e.finish(n.path, file))
	}
	for _, i := range n.items {
		n.end = max(n.end, i.finish(n.path, file))
	}
	return n.end
}

// snake writes a field's name as protobuf's text does; JSON may have it in camelCase.
func snake(name string) string {
	if strings.ContainsAny(name, "_.@ /-") || name == "" || name[0] < 'a' {
		return name
	}
	var b strings.Builder
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

// readEnvoyJSON reads JSON with the lines of its values.
func readEnvoyJSON(text string) (*evNode, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	lines := lineCounter{text: text}
	root, err := jsonNode(d, &lines, 0)
	if err == nil && len(root.entries) == 0 {
		err = errors.New("there is nothing in it")
	}
	if err != nil {
		return nil, fmt.Errorf(":%d: %w", lines.at(d.InputOffset()), err)
	}
	return root, nil
}

// lineCounter tells the line of an offset; offsets only grow.
type lineCounter struct {
	text   string
	offset int64
	line   int
}

func (l *lineCounter) at(offset int64) int {
	l.line += strings.Count(l.text[l.offset:offset], "\n")
	l.offset = offset
	return l.line + 1
}

func jsonNode(d *json.Decoder, lines *lineCounter, depth int) (*evNode, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	n := &evNode{line: lines.at(d.InputOffset())}
	n.end = n.line
	delim, is := t.(json.Delim)
	if !is {
		n.scalar = true
		if t != nil {
			n.text = fmt.Sprint(t)
		}
		return n, nil
	}
	if depth > evMaxDepth {
		return nil, fmt.Errorf("this is nested more than %d deep", evMaxDepth)
	}
	for d.More() {
		key, line := "", 0
		if delim == '{' {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			key, line = snake(fmt.Sprint(k)), lines.at(d.InputOffset())
		}
		v, err := jsonNode(d, lines, depth+1)
		if err != nil {
			return nil, err
		}
		if delim == '{' {
			v.key, v.line = key, line
			n.entries = append(n.entries, v)
		} else {
			n.items = append(n.items, v)
		}
	}
	_, err = d.Token()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	n.end = lines.at(d.InputOffset())
	return n, nil
}

// yamlTree turns the parser's tree into nodes.
type yamlTree struct {
	anchors map[string]*evNode
	err     error
	count   int
}

func readEnvoyYAML(text string) (*evNode, error) {
	tokens := lexer.Tokenize(text)
	var kept token.Tokens
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case token.CommentType:
			continue
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.InvalidType:
			return nil, fmt.Errorf(":%d: this is not valid YAML: %s", t.Position.Line, t.Error)
		}
		if depth > evMaxDepth {
			return nil, fmt.Errorf(":%d: this is nested more than %d deep", t.Position.Line, evMaxDepth)
		}
		kept = append(kept, t)
	}
	file, err := parser.Parse(kept, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, yamlFault(err)
	}
	switch {
	case len(file.Docs) > 1:
		return nil, fmt.Errorf(": there are %d documents in the file, not one", len(file.Docs))
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		return nil, errors.New(": there is nothing in the file")
	}
	t := &yamlTree{anchors: map[string]*evNode{}}
	root := t.node(file.Docs[0].Body, 0)
	if t.err != nil {
		return nil, t.err
	}
	if len(root.entries) == 0 {
		return nil, errors.New(": it holds no map of settings")
	}
	return root, nil
}

// yamlFault is a parser's error with its line. It never asks for the error's own text, which prints the file.
func yamlFault(err error) error {
	if e, ok := err.(interface {
		GetToken() *token.Token
		GetMessage() string
	}); ok && e.GetToken() != nil && e.GetToken().Position != nil {
		return fmt.Errorf(":%d: this is not valid YAML: %s", e.GetToken().Position.Line, e.GetMessage())
	}
	return errors.New(": this is not valid YAML")
}

func (t *yamlTree) node(n ast.Node, depth int) *evNode {
	out := &evNode{}
	t.count++
	if depth > evMaxDepth || t.count > 1<<20 {
		t.err = errors.New(": the file is nested too deep, or too large")
		return out
	}
	if n == nil {
		out.scalar = true
		return out
	}
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		out.line = tk.Position.Line
	}
	out.end = out.line
	switch v := n.(type) {
	case *ast.MappingNode:
		for _, e := range v.Values {
			t.entry(out, e, depth)
		}
		if v.End != nil && v.End.Position != nil {
			out.end = v.End.Position.Line
		}
	case *ast.MappingValueNode:
		t.entry(out, v, depth)
	case *ast.SequenceNode:
		for _, i := range v.Values {
			out.items = append(out.items, t.node(i, depth+1))
		}
		if v.End != nil && v.End.Position != nil {
			out.end = v.End.Position.Line
		}
	case *ast.AnchorNode:
		inner := t.node(v.Value, depth+1)
		inner.line = min(orLine(inner.line, out.line), out.line)
		t.anchors[v.Name.String()] = inner
		return inner
	case *ast.AliasNode:
		if found := t.anchors[v.Value.String()]; found != nil {
			return t.alias(found, out.line, 0)
		}
		t.err = fmt.Errorf(":%d: there is no anchor named %s", out.line, v.Value.String())
	case *ast.TagNode:
		return t.node(v.Value, depth+1)
	case *ast.LiteralNode:
		out.scalar = true
		out.text = v.Value.Value
		out.end = out.line + strings.Count(v.Value.Token.Origin, "\n")
	case ast.ScalarNode:
		out.scalar = true
		if tk := n.GetToken(); tk != nil {
			out.text = tk.Value
			if tk.Type != token.SingleQuoteType && tk.Type != token.DoubleQuoteType && n.Type() == ast.NullType {
				out.text = ""
			}
			out.end = out.line + strings.Count(strings.Trim(tk.Origin, "\n\r\t "), "\n")
		}
	default:
		out.scalar = true
		t.err = fmt.Errorf(":%d: this part of YAML is not read", out.line)
	}
	return out
}

func orLine(line, otherwise int) int {
	if line == 0 {
		return otherwise
	}
	return line
}

// alias copies what an anchor names, all of it at the line of the alias. What is
// said of the copy is said of the original too.
func (t *yamlTree) alias(n *evNode, line, depth int) *evNode {
	out := &evNode{key: n.key, text: n.text, scalar: n.scalar, line: line, end: line, anchor: n}
	t.count++
	if depth > evMaxDepth || t.count > 1<<20 {
		t.err = fmt.Errorf(":%d: aliases of aliases make the file too large", line)
		return out
	}
	for _, e := range n.entries {
		out.entries = append(out.entries, t.alias(e, line, depth+1))
	}
	for _, i := range n.items {
		out.items = append(out.items, t.alias(i, line, depth+1))
	}
	return out
}

func (t *yamlTree) entry(out *evNode, e *ast.MappingValueNode, depth int) {
	v := t.node(e.Value, depth+1)
	if e.Key.IsMergeKey() {
		for _, m := range v.entries { // what the map says itself counts for more
			has := false
			for _, have := range out.entries {
				has = has || have.key == m.key
			}
			if !has {
				out.entries = append([]*evNode{m}, out.entries...)
			}
		}
		return
	}
	if k := e.Key.GetToken(); k != nil {
		v.key = snake(k.Value)
		if k.Position != nil {
			v.end = max(v.end, k.Position.Line)
			v.line = k.Position.Line
		}
	}
	out.entries = append(out.entries, v)
}

// lines says of each line of the file what its nodes say.
func (n *evNode) lines(byNumber map[int]*Line) {
	n.mark(byNumber, 0, nil)
	covering := map[int]Class{}
	n.cover(covering, 0)
	for number, l := range byNumber {
		if l.Class == 0 {
			l.Class = covering[number]
			if l.Class == NotTranslated {
				l.Notes = append(l.Notes, Note{NotTranslated, "it belongs to what is not translated above it", ""})
			}
			if l.Class == 0 && strings.Trim(l.Text, "-{}[], .") == "" {
				l.Class = Translated
			}
		}
	}
}

// class returns what is said of the node itself; inherited is that of a node around it which holds for all of it.
func (n *evNode) class(inherited Class) Class {
	switch {
	case inherited != 0:
		return inherited
	case !n.asked:
		return NotTranslated
	}
	c := Translated
	for _, note := range n.notes {
		c = max(c, note.Class)
	}
	return c
}

// mark puts what is said of nodes on the lines where they begin.
func (n *evNode) mark(byNumber map[int]*Line, inherited Class, above *evNode) {
	c := n.class(inherited)
	l := byNumber[n.line]
	if l != nil && (above == nil || n.key != "" || n.scalar || len(n.notes) > 0 || !n.asked) {
		l.Class = max(l.Class, c)
		for _, note := range n.notes {
			l.note(note)
		}
		switch {
		case inherited != 0 && c == NotTranslated && above != nil && above.line != n.line && len(l.Notes) == 0:
			l.note(Note{NotTranslated, "it belongs to " + above.path + ", line " + strconv.Itoa(above.line), ""})
		case inherited == 0 && c == NotTranslated && len(n.notes) == 0:
			l.note(evAbsent(n))
		}
	}
	around := above
	if inherited == 0 && (n.whole || c == NotTranslated && !n.asked) {
		inherited, around = c, n
		if c == Different {
			inherited = Translated
		}
	}
	if inherited == 0 {
		around = n
	}
	for _, e := range n.entries {
		e.mark(byNumber, inherited, around)
	}
	for _, i := range n.items {
		i.mark(byNumber, inherited, around)
	}
}

// cover says for each line what the innermost node around it has.
func (n *evNode) cover(out map[int]Class, inherited Class) {
	c := n.class(inherited)
	if c == Different {
		c = Translated // the difference is told where it begins
	}
	for line := n.line; line <= n.end; line++ {
		out[line] = c
	}
	if inherited == 0 && (n.whole || c == NotTranslated && !n.asked) {
		inherited = c
	}
	for _, e := range n.entries {
		e.cover(out, inherited)
	}
	for _, i := range n.items {
		i.cover(out, inherited)
	}
}
