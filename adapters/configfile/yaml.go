package configfile

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds on what is parsed, so that a hostile or mistaken file is an error and
// not a crash or a stall.
const (
	maxDepth = 64
	maxYAML  = 8 << 20 // bytes of one YAML file; tenants as CSV have no such bound
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
	tokens := lexer.Tokenize(src.text)
	if fault := checkTokens(src, tokens); fault != nil {
		return nil, fault
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxProblem(src, err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, whole.problem(fmt.Sprintf("there are %d documents in the file", len(file.Docs)), "write exactly one")
	}
	r := yamlReader{src: src}
	root = r.node(file.Docs[0].Body, 0)
	return root, r.fault
}

// syntaxProblem shows a parser's error where its token stands.
func syntaxProblem(src *source, err error) *Problem {
	at := place{source: src}
	what := err.Error()
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
		for _, v := range n.Values {
			out.items = append(out.items, r.node(v, depth+1))
		}
	case *ast.LiteralNode:
		out.kind, out.quoted, out.text = scalar, true, n.Value.Value
	case *ast.StringNode:
		out.kind, out.text = scalar, n.Value
		out.quoted = t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
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
		out.entries = append(out.entries, entry{key, at, r.node(v.Value, depth+1)})
		if i == 0 {
			out.at = at
		}
	}
}

func (r *yamlReader) fail(at place, what, hint string) {
	if r.fault == nil {
		r.fault = at.problem(what, hint)
	}
}
