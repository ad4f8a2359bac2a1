package configfile

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// Bounds on what is parsed, so that a hostile or mistaken file is an error and
// not a crash or a stall.
const (
	maxDepth = 64
	maxYAML  = 4 << 20 // bytes of one YAML file; tenants as CSV have no such bound
)

// readYAML parses one YAML document. The only YAML features missing are those
// that let a reader misjudge what a value is: anchors, aliases, merge keys,
// tags, directives, several documents, keys that are not plain text.
func readYAML(src *source) (root *node, fault *Problem) {
	whole := place{source: src}
	if len(src.text) > maxYAML {
		return nil, whole.problem(fmt.Sprintf("the file is larger than %d MiB", maxYAML>>20),
			"list tenants in a CSV file and include it: include: [tenants/*.csv]")
	}
	if !utf8.ValidString(src.text) {
		return nil, whole.problem("the file is not UTF-8 text", "save it as UTF-8")
	}
	// The parser is known to panic on some hostile inputs.
	defer func() {
		if p := recover(); p != nil {
			root, fault = nil, whole.problem("the YAML parser gave up on this file", "look for unbalanced brackets, quotes or indentation")
		}
	}()
	tokens := withoutComments(lexer.Tokenize(src.text))
	if fault := checkTokens(src, tokens); fault != nil {
		return nil, fault
	}
	if len(tokens) == 0 {
		return nil, whole.problem("there is nothing in the file", "")
	}
	r := yamlReader{src: src}
	root = r.block(tokens, 0, splitTokens)
	return root, r.fault
}

// withoutComments drops comments, and a --- on a line of its own at the start.
func withoutComments(all token.Tokens) token.Tokens {
	var out token.Tokens
	for _, t := range all {
		if t.Type != token.CommentType {
			out = append(out, t)
		}
	}
	if len(out) > 1 && out[0].Type == token.DocumentHeaderType && out[1].Position.Line > out[0].Position.Line {
		out = out[1:]
	}
	return out
}

// syntaxProblem shows a parser's error where its token stands. It never asks
// for the error's own text, which prints the file token by token.
func syntaxProblem(src *source, err error) *Problem {
	at, what := place{source: src}, "the parser gave up"
	if e, ok := err.(interface {
		GetToken() *token.Token
		GetMessage() string
	}); ok {
		at, what = tokenPlace(src, e.GetToken()), e.GetMessage()
	}
	return at.problem("this is not valid YAML: "+what, "check the indentation, and quote text that holds : or #")
}

func tokenPlace(src *source, t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{source: src}
	}
	width := utf8.RuneCountInString(strings.TrimSpace(t.Origin))
	if t.Type == token.StringType {
		width = utf8.RuneCountInString(t.Value)
	}
	return place{src, int32(t.Position.Line), int32(max(1, t.Position.Column)), int32(max(1, width))}
}

// checkTokens refuses what is never read, and nesting so deep that parsing it
// would exhaust the stack: brackets, and dashes in one line. Nesting by
// indentation is bounded by the size of the file.
func checkTokens(src *source, tokens token.Tokens) *Problem {
	depth, dashes, dashLine := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType:
			if t.Position.Line != dashLine {
				dashes, dashLine = 0, t.Position.Line
			}
			dashes++
		case token.InvalidType:
			return tokenPlace(src, t).problem("this is not valid YAML: "+t.Error, "check the quotes and brackets before it")
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return tokenPlace(src, t).problem("anchors and aliases are not read", "write the value out, or put it under profiles")
		case token.TagType, token.DirectiveType, token.MappingKeyType:
			return tokenPlace(src, t).problem("YAML tags, directives and ? keys are not read", "write plain keys and values")
		}
		if depth > maxDepth || dashes > maxDepth {
			return tokenPlace(src, t).problem(fmt.Sprintf("this is nested more than %d deep", maxDepth), "remove some levels")
		}
	}
	return nil
}

// yamlReader turns the parser's tree into nodes; fault is the first thing that has no node.
type yamlReader struct {
	src   *source
	fault *Problem
}

func (r *yamlReader) node(n ast.Node, depth int) *node {
	out := &node{}
	if n == nil {
		return out
	}
	t := n.GetToken()
	out.at = tokenPlace(r.src, t)
	if depth > maxDepth {
		r.fail(out.at, fmt.Sprintf("this is nested more than %d deep", maxDepth), "remove some levels")
		return out
	}
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		r.mapping(out, n.Values, depth)
		if n.IsFlowStyle {
			out.at = tokenPlace(r.src, n.Start)
		}
	case *ast.MappingValueNode:
		r.mapping(out, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		out.kind = sequence
		for i, v := range n.Values {
			item := r.node(v, depth+1)
			if isImplicitNull(v) && i < len(n.Entries) {
				item.at = tokenPlace(r.src, n.Entries[i].Start)
			}
			out.items = append(out.items, item)
		}
	case *ast.LiteralNode:
		out.kind, out.quoted, out.text = scalar, true, n.Value.Value
	case *ast.StringNode:
		out.kind, out.text = scalar, n.Value
		out.quoted = t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
		if !out.quoted && strings.Contains(n.Value, ": ") {
			// YAML knows no such text; the parser takes {get: /health every: 5s} for one long path all the same.
			r.fail(out.at, "this is not valid YAML: a colon and a space within plain text", "write a comma before the next setting, or quote the text")
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		out.kind, out.text = scalar, t.Value
	default:
		r.fail(out.at, "this kind of YAML is not read", "write plain maps, lists and values")
	}
	return out
}

func (r *yamlReader) mapping(out *node, values []*ast.MappingValueNode, depth int) {
	out.kind = mapping
	for i, v := range values {
		t := v.Key.GetToken()
		key := t.Value
		switch k := v.Key.(type) {
		case *ast.StringNode:
			key = k.Value
		case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
		default:
			r.fail(tokenPlace(r.src, t), "this key is not plain text", "write a plain word before the colon")
			continue
		}
		at := tokenPlace(r.src, t)
		value := r.node(v.Value, depth+1)
		if isImplicitNull(v.Value) {
			value.at = at
		}
		out.entries = append(out.entries, entry{key, at, value})
		if i == 0 {
			out.at = at
		}
	}
}

// isImplicitNull reports whether nothing at all is written where n stands; its
// key or dash is then the place to show.
func isImplicitNull(n ast.Node) bool {
	return n != nil && n.GetToken() != nil && n.GetToken().Type == token.ImplicitNullType
}

func (r *yamlReader) fail(at place, what, hint string) { r.failWith(at.problem(what, hint)) }

func (r *yamlReader) failWith(fault *Problem) {
	if r.fault == nil {
		r.fault = fault
	}
}
