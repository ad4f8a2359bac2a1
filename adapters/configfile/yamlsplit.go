package configfile

import (
	"fmt"

	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The parser recurses once for every key of a block mapping and copies what it
// has so far each time: ten thousand placements would take seconds, and a
// hostile million exhaust the stack. So a large block is cut between its keys
// and parsed in parts. Tokens keep their places, so nothing else changes.

const (
	// splitTokens is the most tokens that are parsed in one go when they can be cut.
	splitTokens = 1000
	// maxUncut is the most keys in a block that cannot be cut: one inside a list, say.
	maxUncut = 4000
)

// block parses the tokens of one value. limit is splitTokens, less in tests.
func (r *yamlReader) block(tokens token.Tokens, depth, limit int) *node {
	if len(tokens) <= limit || depth > maxDepth {
		return r.parse(tokens, depth)
	}
	starts := entryStarts(tokens)
	switch {
	case len(starts) > 1:
		cut := starts[len(starts)/2]
		first, second := r.block(tokens[:cut], depth, limit), r.block(tokens[cut:], depth, limit)
		if first.kind != mapping || second.kind != mapping {
			r.fail(second.at, "this does not fit what stands above it", "write key: value, with the indentation of the lines above")
			return first
		}
		first.entries = append(first.entries, second.entries...)
		return first
	case len(starts) == 1 && len(tokens) > 3 && holdsBlock(tokens):
		// The key alone has no value to parse: it stands before a null.
		one := r.parse(tokens[:2:2], depth)
		if one.kind == mapping && len(one.entries) == 1 {
			one.entries[0].value = r.block(tokens[2:], depth+1, limit)
		}
		return one
	}
	return r.parse(tokens, depth)
}

// entryStarts returns where the entries of the block mapping in tokens begin:
// at the tokens that head a line in its column. It is empty when tokens are no
// such mapping, or hold something less indented, which is for the parser to refuse.
func entryStarts(tokens token.Tokens) []int {
	column, depth := tokens[0].Position.Column, 0
	var starts []int
	for i, t := range tokens {
		head := i == 0 || t.Position.Line != tokens[i-1].Position.Line && !isBlockText(tokens[i-1])
		if t.Type == token.DocumentHeaderType || t.Type == token.DocumentEndType {
			return nil
		}
		if depth == 0 && head {
			if t.Position.Column < column || i == 0 && !isKey(tokens) {
				return nil
			}
			if t.Position.Column == column && t.Type != token.SequenceEntryType {
				starts = append(starts, i)
			}
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
	}
	return starts
}

// isKey reports whether tokens begin with a key and its colon.
func isKey(tokens token.Tokens) bool {
	return len(tokens) > 1 && tokens[1].Type == token.MappingValueType && tokens[1].Position.Line == tokens[0].Position.Line
}

// isBlockText reports whether the token after t is the text of | or >.
func isBlockText(t *token.Token) bool {
	return t.Type == token.LiteralType || t.Type == token.FoldedType
}

// holdsBlock reports whether the value of the one entry in tokens is a block
// mapping: on lines of its own, further in.
func holdsBlock(tokens token.Tokens) bool {
	first := tokens[2]
	return first.Position.Line > tokens[1].Position.Line && first.Position.Column > tokens[0].Position.Column && isKey(tokens[2:])
}

// parse hands tokens to the parser and makes nodes of its tree.
func (r *yamlReader) parse(tokens token.Tokens, depth int) *node {
	if blockKeys(tokens) > maxUncut {
		r.fail(tokenPlace(r.src, tokens[0]), fmt.Sprintf("there are more than %d keys in what begins here", maxUncut), "write a map of names instead of a list, or several files")
		return &node{}
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	switch {
	case err != nil:
		r.failWith(syntaxProblem(r.src, err))
	case len(file.Docs) != 1 || file.Docs[0].Body == nil:
		r.fail(place{source: r.src}, fmt.Sprintf("there are %d documents in the file", len(file.Docs)), "write exactly one")
	default:
		return r.node(file.Docs[0].Body, depth)
	}
	return &node{}
}

// blockKeys counts the keys in tokens that are not in braces.
func blockKeys(tokens token.Tokens) (n int) {
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.MappingValueType:
			if depth == 0 {
				n++
			}
		}
	}
	return n
}
