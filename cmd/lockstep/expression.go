package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"lockstep/sim/scenario"
)

// compileExpression is scenario.Compile in the language of expr-lang/expr. A
// count is a whole number, a share a number from 0 to 1, a time a duration, so
// that a time compared with a number is refused before anything runs.
func compileExpression(text string, units map[string]scenario.Unit, others []string) (*scenario.Expression, error) {
	figures, env := types.Map{}, types.Map{}
	for name, unit := range units {
		figures[name] = types.TypeOf(valueOf(unit, 1))
	}
	for _, name := range others {
		env[name] = figures
	}
	for name, t := range figures {
		env[name] = t
	}
	program, err := expr.Compile(text, expr.Env(env), expr.AsBool(), expr.DisableAllBuiltins(), expr.EnableBuiltin("duration"),
		expr.Function("scaled", scaled, new(func(float64, time.Duration) time.Duration), new(func(time.Duration, float64) time.Duration)),
		expr.Operator("*", "scaled"),
		expr.Function("ratio", ratio, new(func(float64, float64) float64), new(func(int, int) float64), new(func(int, float64) float64), new(func(float64, int) float64)),
		expr.Operator("/", "ratio"))
	if err != nil {
		return nil, readable(err)
	}
	names := namesOf{units: units, others: others}
	node := program.Node()
	ast.Walk(&node, &names)
	if len(names.uses) == 0 && names.err == nil {
		names.err = errors.New("it names no figure")
	}
	if names.err != nil {
		return nil, names.err
	}
	x := &scenario.Expression{Uses: names.uses, Holds: func(values []int64) (bool, error) {
		return holds(program, units, names.uses, values)
	}}
	_, err = x.Holds(slices.Repeat([]int64{1}, len(names.uses))) // what cannot be computed shows now
	return x, err
}

// valueOf is a figure as expressions see it.
func valueOf(unit scenario.Unit, v int64) any {
	switch unit {
	case scenario.Part:
		return float64(v) / 1e6
	case scenario.Time:
		return time.Duration(v)
	}
	return int(v)
}

// scaled multiplies a time, which the language does by whole numbers only.
func scaled(args ...any) (any, error) {
	d, factor := args[0], args[1]
	if _, ok := factor.(time.Duration); ok {
		d, factor = factor, d
	}
	product := float64(d.(time.Duration)) * factor.(float64)
	if math.Abs(product) >= math.MaxInt64 {
		return nil, fmt.Errorf("%v times %v is too long a time", d, factor)
	}
	return time.Duration(product), nil
}

// ratio divides. Nothing of nothing would be a number that every comparison
// denies, so that its opposite holds.
func ratio(args ...any) (any, error) {
	a, b := number(args[0]), number(args[1])
	if a == 0 && b == 0 {
		return nil, errors.New("0 is divided by 0")
	}
	return a / b, nil
}

func number(v any) float64 {
	if n, ok := v.(int); ok {
		return float64(n)
	}
	return v.(float64)
}

// holds runs a program over the values of the figures that it names.
func holds(program *vm.Program, units map[string]scenario.Unit, uses []scenario.Ref, values []int64) (bool, error) {
	env := map[string]any{}
	for i, r := range uses {
		into := env
		if r.Of != "" {
			if env[r.Of] == nil {
				env[r.Of] = map[string]any{}
			}
			into = env[r.Of].(map[string]any)
		}
		into[r.Figure] = valueOf(units[r.Figure], values[i])
	}
	v, err := expr.Run(program, env)
	if err != nil {
		return false, readable(err)
	}
	return v.(bool), nil
}

// readable is an error of the language on one line.
func readable(err error) error {
	if e, ok := errors.AsType[*file.Error](err); ok {
		return fmt.Errorf("%s, at character %d", e.Message, e.Column+1)
	}
	return err
}

// namesOf collects the figures that an expression names.
type namesOf struct {
	units  map[string]scenario.Unit
	others []string
	uses   []scenario.Ref
	err    error
}

// Visit implements ast.Visitor.
func (n *namesOf) Visit(node *ast.Node) {
	var r scenario.Ref
	switch x := (*node).(type) {
	case *ast.IdentifierNode:
		if _, ok := n.units[x.Value]; !ok {
			return // another expectation, whose figure is the node above
		}
		r.Figure = x.Value
	case *ast.MemberNode:
		of, isName := x.Node.(*ast.IdentifierNode)
		figure, isText := x.Property.(*ast.StringNode)
		if !isName || !isText || !slices.Contains(n.others, of.Value) {
			n.err = errors.New("a figure of another expectation is written name.figure")
			return
		}
		r = scenario.Ref{Of: of.Value, Figure: figure.Value}
	default:
		return
	}
	if !slices.Contains(n.uses, r) {
		n.uses = append(n.uses, r)
	}
}
