package accesslog

// A heap with four children a node: fewer levels than with two, so fewer places
// of memory to visit.

// ordered is what a heap holds: T knows what comes before it.
type ordered[T any] interface {
	*T
	before(other *T) bool
}

// push adds an item.
func push[T any, P ordered[T]](h *[]T, item T) {
	*h = append(*h, item)
	x := *h
	for i := len(x) - 1; i > 0; {
		up := (i - 1) / 4
		if !P(&x[i]).before(&x[up]) {
			return
		}
		x[i], x[up] = x[up], x[i]
		i = up
	}
}

// pop takes the first item out of a heap that is not empty.
func pop[T any, P ordered[T]](h *[]T) T {
	x := *h
	var none T
	top, last := x[0], len(x)-1
	x[0], x[last] = x[last], none
	x = x[:last]
	*h = x
	for i := 0; ; {
		least := i
		for kid := 4*i + 1; kid < min(4*i+5, len(x)); kid++ {
			if P(&x[kid]).before(&x[least]) {
				least = kid
			}
		}
		if least == i {
			return top
		}
		x[i], x[least] = x[least], x[i]
		i = least
	}
}
