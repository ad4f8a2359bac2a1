package core

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowedImports is what core may import: pure functions over values.
var allowedImports = []string{
	"cmp", "encoding/binary", "errors", "math", "math/bits", "slices", "strconv", "strings",
}

// replacements says what to use instead of an import that is tempting. For any
// other import outside the list the hint is otherImport.
var replacements = map[string]string{
	"time":         "now is an argument of Step; use Time and Duration of time.go",
	"sync":         "the driver holds the lock; core has one caller at a time",
	"sync/atomic":  "the driver holds the lock; core has one caller at a time",
	"context":      "a cancelled request is a Finish with its class",
	"math/rand":    "draw from the words of the request, as random.go does",
	"math/rand/v2": "draw from the words of the request, as random.go does",
	"fmt":          "strconv and strings in Compile; Step carries no strings",
	"os":           otherIO,
	"io":           otherIO,
	"net":          otherIO,
	"net/http":     otherIO,
	"log/slog":     "append a note Decision; the edge logs it",
	"maps":         "a map has no order; keep a sorted slice",
	"unsafe":       "fixed-size structs and indexes",
	"reflect":      "write the fields out; names.go and snapshot.go show how",
}

const (
	otherIO     = "the edge does IO: report it as an Event, ask for it with a Decision"
	otherImport = "it is not on allowedImports in purity_test.go; put the code at the edge or write the few lines here"
)

func TestCoreIsPure(t *testing.T) {
	files := token.NewFileSet()
	var parsed []*ast.File
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	for _, found := range impurities(t, files, parsed) {
		t.Error(found)
	}
}

// purity is one scan of a package.
type purity struct {
	files *token.FileSet
	info  *types.Info
	pkg   *types.Package
	found []string
}

// impurities returns what is impure in a package, as "file:line: what: use
// this instead", in the order of the source.
func impurities(t *testing.T, files *token.FileSet, parsed []*ast.File) []string {
	t.Helper()
	p := &purity{files: files, info: &types.Info{
		Types:      map[ast.Expr]types.TypeAndValue{},
		Defs:       map[*ast.Ident]types.Object{},
		Uses:       map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}}
	checker := types.Config{Importer: importer.ForCompiler(files, "source", nil)}
	pkg, err := checker.Check("core", files, parsed, p.info)
	if err != nil {
		t.Fatalf("type-checking core: %v", err)
	}
	p.pkg = pkg
	for _, f := range parsed {
		p.imports(f)
		p.declarations(f)
		p.statements(f)
	}
	p.floats()
	p.state()
	return p.found
}

func (p *purity) report(at token.Pos, what, instead string) {
	where := p.files.Position(at)
	p.found = append(p.found, filepath.Base(where.Filename)+":"+strconv.Itoa(where.Line)+": "+what+": "+instead)
}

func (p *purity) imports(f *ast.File) {
	for _, spec := range f.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		if slices.Contains(allowedImports, path) {
			continue
		}
		instead, ok := replacements[path]
		if !ok {
			instead = otherImport
		}
		p.report(spec.Pos(), "import of "+path, instead)
	}
}

func (p *purity) declarations(f *ast.File) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				p.report(d.Pos(), "func init", "do it in New or Compile")
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR && v.Names[0].Name != "_" {
					p.report(v.Pos(), "package variable "+v.Names[0].Name, "a constant, a switch, or a field of Router")
				}
			}
		}
	}
}

func (p *purity) statements(f *ast.File) {
	called := map[ast.Expr]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			p.report(n.Pos(), "goroutine", "return a Decision and let the edge run it")
		case *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
			p.report(n.Pos(), "channel", "events come in through Step, decisions go out through its result")
		case *ast.RangeStmt:
			if _, ok := p.info.TypeOf(n.X).Underlying().(*types.Map); ok {
				p.report(n.Pos(), "range over a map", "its order is random; keep a sorted slice")
			}
		case *ast.CallExpr:
			called[n.Fun] = true
			p.call(n)
		case *ast.SelectorExpr:
			if s := p.info.Selections[n]; s != nil && s.Kind() == types.MethodVal && !called[n] {
				p.report(n.Pos(), "method value "+n.Sel.Name, "it allocates and hides its receiver; call the method")
			}
		}
		return true
	})
}

// call finds the builtins that stop or print.
func (p *purity) call(n *ast.CallExpr) {
	name, ok := n.Fun.(*ast.Ident)
	if !ok {
		return
	}
	if _, builtin := p.info.Uses[name].(*types.Builtin); !builtin {
		return
	}
	switch name.Name {
	case "panic":
		if filepath.Base(p.files.Position(n.Pos()).Filename) != "invariant.go" {
			p.report(n.Pos(), "panic", "r.ensure of invariant.go, which serves on in production")
		}
	case "print", "println":
		p.report(n.Pos(), name.Name, otherIO)
	}
}

// floats finds every value, constant or type that is a float or complex.
func (p *purity) floats() {
	lines := map[string]token.Pos{} // one report a line is enough
	add := func(at token.Pos, t types.Type) {
		if b, ok := t.Underlying().(*types.Basic); ok && b.Info()&(types.IsFloat|types.IsComplex) != 0 {
			where := p.files.Position(at)
			lines[where.Filename+strconv.Itoa(where.Line)] = at
		}
	}
	for e, tv := range p.info.Types {
		add(e.Pos(), tv.Type)
	}
	for id, o := range p.info.Defs {
		if o != nil {
			add(id.Pos(), o.Type())
		}
	}
	for _, at := range slices.Sorted(maps.Values(lines)) {
		p.report(at, "float", "integers: parts per million, or fixed point")
	}
}

// state walks every type reachable from Router.
func (p *purity) state() {
	router := p.pkg.Scope().Lookup("Router")
	if router == nil {
		return
	}
	seen := map[types.Type]bool{}
	var walk func(at token.Pos, field string, t types.Type)
	walk = func(at token.Pos, field string, t types.Type) {
		switch u := t.Underlying().(type) {
		case *types.Basic:
			if k := u.Kind(); k == types.Int || k == types.Uint || k == types.Uintptr {
				p.report(at, field+" is "+u.Name(), "a fixed size, such as int32 or uint64: the same on every machine")
			}
		case *types.Slice:
			walk(at, field, u.Elem())
		case *types.Array:
			walk(at, field, u.Elem())
		case *types.Pointer:
			walk(at, field, u.Elem())
		case *types.Struct:
			if seen[t] {
				return
			}
			seen[t] = true
			for i := range u.NumFields() {
				walk(u.Field(i).Pos(), "state field "+u.Field(i).Name(), u.Field(i).Type())
			}
		case *types.Map:
			p.report(at, field+" is a map", "its order is random; keep a sorted slice or an open-addressing table")
		default:
			p.report(at, field+" is not a plain value", "numbers, strings, structs and slices can be hashed and written down")
		}
	}
	walk(router.Pos(), "Router", router.Type())
}
