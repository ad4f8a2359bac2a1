package configfile

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/lexer"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// readWith parses text in parts of at most limit tokens.
func readWith(t interface{ Fatal(...any) }, text string, limit int) (*node, *Problem) {
	src := &source{"f", text}
	tokens := withoutComments(lexer.Tokenize(text))
	if len(tokens) == 0 || checkTokens(src, tokens) != nil {
		return &node{}, nil
	}
	r := yamlReader{src: src}
	return r.block(tokens, 0, limit), r.fault
}

// shape prints a tree with every place.
func shape(n *node, b *strings.Builder) {
	fmt.Fprintf(b, "%d:%d+%d %v %t %q", n.at.line, n.at.col, n.at.width, n.kind, n.quoted, n.text)
	for _, e := range n.entries {
		fmt.Fprintf(b, "\n%q %d:%d ", e.key, e.at.line, e.at.col)
		shape(e.value, b)
	}
	for _, item := range n.items {
		b.WriteString("\n- ")
		shape(item, b)
	}
	b.WriteString(";")
}

func shaped(n *node) string {
	var b strings.Builder
	shape(n, &b)
	return b.String()
}

// drawYAML writes a random block of YAML at that indentation.
func drawYAML(t *rapid.T, b *strings.Builder, indent, depth int) {
	pad := strings.Repeat(" ", indent)
	for i := range rapid.IntRange(1, 4).Draw(t, "entries") {
		if rapid.IntRange(0, 5).Draw(t, "comment") == 0 {
			b.WriteString(strings.Repeat(" ", rapid.IntRange(0, 9).Draw(t, "at")) + "# note: x\n")
		}
		key := rapid.SampledFrom([]string{"k%d", "k %d", `"q:%d"`, "'s%d'", "0%d", "é%d"}).Draw(t, "key")
		b.WriteString(pad + fmt.Sprintf(key, i) + ":")
		switch c := rapid.IntRange(0, 9).Draw(t, "value"); {
		case c < 3 && depth > 0:
			b.WriteString("\n")
			drawYAML(t, b, indent+rapid.IntRange(1, 3).Draw(t, "step"), depth-1)
		case c == 4:
			b.WriteString("\n" + pad + "- x: 1\n" + pad + "  y: 2\n" + pad + "- [a, b]\n")
		default:
			b.WriteString(rapid.SampledFrom([]string{
				" plain\n", "\n", " ~\n", " {a: 1, b: [2, {c: d}]}\n", " |\n" + pad + "  k: v\n" + pad + "  w\n", " \"a\\n: b\" # c\n",
				" two\n" + pad + "  lines\n", " {a: 1,\n" + pad + "b: 2}\n", " >-\n" + pad + "    folded\n", " http://h:1/x\n",
			}).Draw(t, "scalar"))
		}
	}
}

func TestAFileReadInPartsIsTheFileReadWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		b.WriteString(rapid.SampledFrom([]string{"", "---\n", "# head\n\n"}).Draw(t, "head"))
		drawYAML(t, &b, rapid.IntRange(0, 2).Draw(t, "indent"), 3)
		whole, fault := readWith(t, b.String(), 1<<30)
		if fault != nil {
			t.Skip("the parser itself refuses it")
		}
		parts, fault := readWith(t, b.String(), rapid.IntRange(1, 20).Draw(t, "limit"))
		if fault != nil {
			t.Fatalf("in parts it is refused: %v\n%s", fault, b.String())
		}
		if d := cmp.Diff(shaped(whole), shaped(parts)); d != "" {
			t.Fatalf("%s\n%s", b.String(), d)
		}
	})
}

// Any text: parts never panic, and what both ways read they read alike.
func FuzzSplit(f *testing.F) {
	addExamples(f, func(text string) { f.Add(text) })
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 {
			return
		}
		defer func() { _ = recover() }() // the parser's own panics are readYAML's to catch
		whole, fault := readWith(t, text, 1<<30)
		if fault != nil {
			return
		}
		parts, fault := readWith(t, text, 8)
		if fault == nil && shaped(whole) != shaped(parts) {
			t.Errorf("whole and in parts differ:\n%s", cmp.Diff(shaped(whole), shaped(parts)))
		}
	})
}

// Four times the keys may allocate little more than four times the bytes; the
// parser alone takes sixteen times, and its stack grows with every key.
func TestReadingABlockOfManyKeysIsNotQuadratic(t *testing.T) {
	allocated := func(keys int) uint64 {
		text := strings.Repeat("  key: value\n", keys)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		root, fault := readYAML(&source{"f", "lockstep: 1\nkeys:\n" + text})
		runtime.ReadMemStats(&after)
		if fault != nil || len(root.value("keys").entries) != keys {
			t.Fatal(fault)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	if few, many := allocated(5_000), allocated(20_000); many > 6*few {
		t.Errorf("5,000 keys allocate %d bytes, 20,000 allocate %d", few, many)
	}
}
