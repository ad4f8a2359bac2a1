package configfile

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"lockstep/core"
)

// scalar reads one word into text, a truth value or a number. A word in quotes is text and nothing else.
func (d *decoder) scalar(n *node, v reflect.Value) {
	if !d.want(n, scalar) {
		return
	}
	var err error
	switch {
	case v.Kind() == reflect.String:
		if d.lenient && !n.quoted {
			d.fail(n.at, n.text+" is not text", "put it in quotes")
			return
		}
		v.SetString(n.text)
		return
	case n.quoted:
		err = strconv.ErrSyntax
	case v.Kind() == reflect.Bool:
		if n.text != "true" && n.text != "false" {
			d.fail(n.at, strconv.Quote(n.text)+" is neither true nor false", "write true or false")
			return
		}
		v.SetBool(n.text == "true")
		return
	case v.CanFloat():
		var f float64
		f, err = strconv.ParseFloat(n.text, v.Type().Bits())
		v.SetFloat(f)
	case v.CanInt():
		var i int64
		i, err = strconv.ParseInt(n.text, 10, v.Type().Bits())
		v.SetInt(i)
	case v.CanUint():
		var u uint64
		u, err = strconv.ParseUint(n.text, 10, v.Type().Bits())
		v.SetUint(u)
	default:
		err = fmt.Errorf("a %s cannot be read from a file", v.Type())
	}
	if err != nil {
		d.fail(n.at, strconv.Quote(n.text)+" is not a "+numberName(v, err), "write a bare number, without unit or quotes")
	}
}

func numberName(v reflect.Value, err error) string {
	switch {
	case v.CanFloat():
		return "number"
	case errors.Is(err, strconv.ErrRange):
		return "count that fits"
	}
	return "count"
}

func setDuration(v reflect.Value, text string) error {
	t, err := time.ParseDuration(text)
	if err != nil {
		return &mistake{strconv.Quote(text) + " is not a length of time", "write it with its unit, such as 250ms, 5s or 10m"}
	}
	v.SetInt(int64(t))
	return nil
}

// choice reports a word outside the list.
func (d *decoder) choice(n *node, words []string) {
	for _, w := range words {
		if n.text == w {
			return
		}
	}
	hint := "write " + strings.Join(words, " or ")
	if best := core.Nearest(n.text, words); best != "" {
		hint = "did you mean " + strconv.Quote(best) + "?"
	}
	d.fail(n.at, strconv.Quote(n.text)+" is not a choice here", hint)
}
