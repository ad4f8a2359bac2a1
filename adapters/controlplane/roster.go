package controlplane

import "slices"

// RouterState is what a control plane knows of one connected router.
type RouterState struct {
	Address string `json:"address"`
	Sent    string `json:"sent,omitempty"`   // version last sent
	Acked   string `json:"acked,omitempty"`  // version last acknowledged; a baseline router's is empty
	Nacked  string `json:"nacked,omitempty"` // version last refused, and not acknowledged since
	Error   string `json:"error,omitempty"`  // why
	Answers int    `json:"answers"`          // acks and nacks so far
}

// hear notes an answer; it returns false for a type it does not know.
func (r *RouterState) hear(a answer) bool {
	switch a.Type {
	case typeAck:
		r.Acked, r.Nacked, r.Error = a.Version, "", ""
	case typeNack:
		r.Nacked, r.Error = a.Version, a.Error
	default:
		return false
	}
	r.Answers++
	return true
}

// roster is the connected routers in the order they came. The server's lock
// guards it and what it points to.
type roster []*RouterState

func (r *roster) join(address string) *RouterState {
	s := &RouterState{Address: address}
	*r = append(*r, s)
	return s
}

func (r *roster) leave(s *RouterState) {
	*r = slices.DeleteFunc(*r, func(x *RouterState) bool { return x == s })
}

func (r roster) states() []RouterState {
	out := make([]RouterState, 0, len(r))
	for _, s := range r {
		out = append(out, *s)
	}
	return out
}
