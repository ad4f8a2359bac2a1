// Package explore tries everything that may happen to one real core.Router in a
// small world, in every order, and judges each step by the rules. README.md says
// what a world is, when two states are the same, and what is left out.
package explore

// Options bound an exploration.
type Options struct {
	// Depth is the longest interleaving, in actions; 0 for no bound.
	Depth int
	// Stop is asked now and then with the depth reached and the reduced states
	// seen; true ends the exploration. nil: never.
	Stop func(depth, reduced int) bool
	// Step stands in for Router.Step; nil for the router's own.
	Step StepFunc
	// Raw tells every state from every other, as a check on the reduction. It
	// explores far more.
	Raw bool
}

// Result is what an exploration showed.
type Result struct {
	// Depth is the longest interleaving of which every shorter one was also
	// explored in full.
	Depth int
	// Complete says that no state has a successor that was not seen: the bound
	// is the world itself, not the depth.
	Complete    bool
	Reduced     int // states, up to time relative to now and renaming of like things
	Raw         int // states met, each as it is; of the ones alike only one was followed
	Transitions int // actions tried and judged
	Violation   *Violation
	Story       []string // the shortest way to the violation
}

// node is one reduced state: how it was first reached.
type node struct {
	parent int32
	action action
}

// explorer is a breadth-first search. It keeps no routers, only how each state
// was reached; the worlds on the way to the latest one are kept for the next.
type explorer struct {
	*scene
	options Options
	nodes   []node
	seen    map[sum]struct{}
	met     map[uint64]struct{} // raw states, by half of their sum: they are counted only
	path    []int32             // node at each depth of worlds
	worlds  []*world            // along path
	result  Result
}

// Explore tries every interleaving of a world's actions, the short ones first.
func Explore(w *World, o Options) (*Result, error) {
	x, err := explore(w, o)
	if err != nil {
		return nil, err
	}
	return &x.result, nil
}

func explore(w *World, o Options) (*explorer, error) {
	s, err := newScene(w, o.Step)
	if err != nil {
		return nil, err
	}
	x := &explorer{scene: s, options: o, seen: map[sum]struct{}{}, met: map[uint64]struct{}{}}
	first := s.start()
	first.compare()
	x.worlds, x.path = []*world{first}, []int32{0}
	x.add(first, node{parent: -1})
	if x.result.Violation = first.violation; x.result.Violation == nil {
		x.run()
	}
	x.result.Reduced, x.result.Raw = len(x.seen), len(x.met)
	return x, nil
}

// add keeps the state of w if it is new.
func (x *explorer) add(w *world, n node) {
	raw, reduced := w.raw().a, w.reduced()
	_, old := x.seen[reduced]
	x.seen[reduced] = struct{}{}
	if x.options.Raw {
		_, old = x.met[raw]
	}
	x.met[raw] = struct{}{}
	if !old {
		x.nodes = append(x.nodes, n)
	}
}

func (x *explorer) run() {
	var todo []action
	next := &world{}
	for from, end := 0, len(x.nodes); from < end; from, end = end, len(x.nodes) {
		if x.options.Depth > 0 && x.result.Depth == x.options.Depth {
			return
		}
		for i := from; i < end; i++ {
			if x.options.Stop != nil && i%256 == 0 && x.options.Stop(x.result.Depth, len(x.seen)) {
				return
			}
			w := x.at(int32(i))
			todo = w.actions(todo[:0])
			for _, a := range todo {
				next.copyFrom(w)
				next.apply(a)
				x.result.Transitions++
				if next.violation != nil {
					x.result.Violation = next.violation
					x.result.Story = x.tell(int32(i), a)
					return
				}
				x.add(next, node{int32(i), a})
			}
		}
		x.result.Depth++
	}
	x.result.Complete = true
}

// at returns the world of node i. Neighbours share most of their way, so little
// is stepped again.
func (x *explorer) at(i int32) *world {
	depth := x.walk(i)
	return x.worlds[depth]
}

// walk makes the worlds along the way to node i and returns its depth.
func (x *explorer) walk(i int32) int {
	if i == 0 {
		return 0
	}
	n := x.nodes[i]
	depth := x.walk(n.parent) + 1
	if depth < len(x.path) && x.path[depth] == i {
		return depth
	}
	x.path = append(x.path[:depth], i)
	if depth == len(x.worlds) {
		x.worlds = append(x.worlds, &world{})
	}
	w := x.worlds[depth]
	w.copyFrom(x.worlds[depth-1])
	w.apply(n.action)
	return depth
}
