package core

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// TestPurityFindsWhatIsPlanted keeps the oracle honest: each snippet has one
// fault, which must be found once and answered with its own replacement.
func TestPurityFindsWhatIsPlanted(t *testing.T) {
	for name, c := range map[string]struct{ code, want string }{
		"nothing wrong":      {`type Router struct{ n int32; of []struct{ at uint64 } }`, ""},
		"clock":              {`import "time"; func f() int64 { return time.Now().UnixNano() }`, "import of time: now is an argument of Step"},
		"lock":               {`import "sync"; func f(m *sync.Mutex) { m.Lock() }`, "import of sync: the driver holds the lock"},
		"dice":               {`import "math/rand/v2"; func f() int { return rand.Int() }`, "import of math/rand/v2: draw from the words"},
		"IO":                 {`import "os"; func f() { os.Exit(1) }`, "import of os: the edge does IO"},
		"any other import":   {`import "hash/fnv"; func f() { fnv.New64() }`, "import of hash/fnv: it is not on allowedImports"},
		"goroutine":          {`func f() { go f() }`, "goroutine: return a Decision"},
		"channel type":       {`func f(c chan int) {}`, "channel: events come in through Step"},
		"select":             {`func f() { select {} }`, "channel: events come in through Step"},
		"package variable":   {`var count int32`, "package variable count: a constant"},
		"init":               {`func init() {}`, "func init: do it in New"},
		"float":              {`func f(n int32) bool { return float64(n) > 1 }`, "float: integers"},
		"float constant":     {`const half = 0.5`, "float: integers"},
		"float by inference": {"import \"math\"\nfunc f() { x := math.Sqrt(2); _ = x }", "float: integers"},
		"map order":          {`func f(m map[string]int32) (n int32) { for _, v := range m { n += v }; return n }`, "range over a map: its order is random"},
		"panic":              {`func f() { panic("x") }`, "panic: r.ensure"},
		"print":              {`func f() { println("x") }`, "println: the edge does IO"},
		"method value":       {`type T struct{}; func (T) m() {}; func f(t T) func() { return t.m }`, "method value m: it allocates"},
		"int in state":       {`type Router struct{ n int }`, "state field n is int: a fixed size"},
		"uint far in state":  {`type row struct{ k uint }; type Router struct{ rows []*row }`, "state field k is uint: a fixed size"},
		"map in state":       {`type Router struct{ m map[string]int32 }`, "state field m is a map: its order is random"},
		"func in state":      {`type Router struct{ f func() }`, "state field f is not a plain value"},
		"interface in state": {`type Router struct{ e error }`, "state field e is not a plain value"},
		"a shadowed panic":   {`func f() { panic := func(string) {}; panic("x") }`, ""},
		"int outside state":  {`type Router struct{}; type view struct{ n int }`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			files := token.NewFileSet()
			f, err := parser.ParseFile(files, "planted.go", "package core\n"+c.code, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			found := impurities(t, files, []*ast.File{f})
			switch {
			case c.want == "" && len(found) != 0:
				t.Errorf("found %q in pure code", found)
			case c.want != "" && (len(found) != 1 || !strings.Contains(found[0], c.want)):
				t.Errorf("found %q, want one finding with %q", found, c.want)
			}
		})
	}
}
