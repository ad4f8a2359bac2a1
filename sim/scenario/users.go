package scenario

import (
	"slices"

	"lockstep/core"
	"lockstep/core/loop"
)

// Figures about users, that an observer has to count during the run.
const (
	movedFigure = "users_moved"
	backFigure  = "users_moved_back"
)

// users follows the home of every sender from request to request: who is moved
// by a split or a push, and who is moved back. A closed-loop user is a sender of
// his own; an open-loop client is one sender in all.
type users struct {
	now   map[uint64]*userHomes
	moves []move
}

// userHomes is where one sender's requests of one key belong, and belonged.
type userHomes struct {
	home string
	left []string
}

type move struct {
	at   core.Time
	to   string
	back bool // to a home that had been left
}

func newUsers() *users { return &users{now: map[uint64]*userHomes{}} }

// watch observes one life of a router; all of them count as one.
func (u *users) watch(_ int, r *core.Router) loop.Observer { return &userWatch{u, r} }

type userWatch struct {
	*users
	r *core.Router
}

// Observe books requests that have a home.
func (w *userWatch) Observe(now core.Time, ev *core.Event, req *loop.Request, _ []core.Decision) {
	if ev.Kind != core.Arrive || ev.Route.Placement < 0 {
		return
	}
	home := w.r.Config().Placement(int(ev.Route.Placement)).Name
	who := core.RequestHash(req.ID[0], core.RequestHash(ev.Route.Key, uint64(ev.Via)))
	at := w.now[who]
	if at == nil {
		w.now[who] = &userHomes{home: home}
		return
	}
	if at.home == home {
		return
	}
	w.moves = append(w.moves, move{now, home, slices.Contains(at.left, home)})
	if !slices.Contains(at.left, at.home) {
		at.left = append(at.left, at.home)
	}
	at.home = home
}

// moved counts the moves within e to a home that it is about.
func (u *users) moved(e *Expectation, back bool) (n int64) {
	for _, m := range u.moves {
		n += int64(b2i(e.within(m.at) && e.wantsPlacement(m.to) && (m.back || !back)))
	}
	return n
}
