package upstream

import (
	"errors"
	"net/http"

	"lockstep/adapters/settings"
)

var errSpeaksHTTP1 = errors.New("the endpoint speaks HTTP/1.1")

func (p *Pool) speaksH2() bool {
	return p.settings.Protocol == settings.H2C && !p.secure || p.secure && (p.settings.Protocol == settings.H2TLS || p.settings.Protocol == settings.Auto)
}

type h2pool struct{ p *Pool }

func newH2Pool(p *Pool) *h2pool { return &h2pool{p} }
func (h *h2pool) roundTrip(call *Call, r *http.Request) (*http.Response, error) {
	return nil, errSpeaksHTTP1
}
func (h *h2pool) closeIdle()     {}
func (h *h2pool) close()         {}
func (h *h2pool) count(s *Stats) {}
