package fuzz

import (
	"fmt"
	"strconv"
	"strings"
)

// Recipe says how a case is made: its first seed draws it, each further one
// draws a few of its choices, or of its parts, anew. A recipe is all that is
// needed to make its case again: 8841, or 8841+9032.
type Recipe []uint64

// MaxRecipe is the most seeds of one recipe.
const MaxRecipe = 24

// Of a case that a further seed changes, it draws one part in four anew, or one
// choice in sixteen.
const (
	partsAnew   = 2
	choicesAnew = 6
)

// Draw returns the choices of r, which is not empty.
func (r Recipe) Draw() *Seeded { return &Seeded{recipe: r, drawn: map[string]uint64{}} }

// seedOf is the seed that decides a choice: the last that draws it anew, or the first.
func (r Recipe) seedOf(label string, what uint64) uint64 {
	for i := len(r) - 1; i > 0; i-- {
		seed := r[i]
		switch below(2, mix(seed, hashOf("whole parts"))) {
		case 0:
			name, _, _ := strings.Cut(label, "/")
			if below(partsAnew, mix(seed, mix(hashOf("part"), hashOf(name)))) == 0 {
				return seed
			}
		case 1:
			if below(choicesAnew, mix(seed, mix(hashOf("choice"), what))) == 0 {
				return seed
			}
		}
	}
	return r[0]
}

// String returns the form that ParseRecipe reads.
func (r Recipe) String() string {
	var b strings.Builder
	for i, seed := range r {
		if i > 0 {
			b.WriteByte('+')
		}
		b.WriteString(strconv.FormatUint(seed, 10))
	}
	return b.String()
}

// ParseRecipe reads seeds joined by +.
func ParseRecipe(text string) (r Recipe, err error) {
	for field := range strings.SplitSeq(text, "+") {
		seed, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a case: write a seed, as 8841, or seeds joined by +, as 8841+9032", text)
		}
		r = append(r, seed)
	}
	if len(r) > MaxRecipe {
		return nil, fmt.Errorf("a case of %d seeds is too long: a search makes none of more than %d", len(r), MaxRecipe)
	}
	return r, nil
}
