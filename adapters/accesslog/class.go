package accesslog

import (
	"net/http"
	"slices"
	"strings"

	"lockstep/core"
)

// refusedAs is the class of what the other router refused by itself, from
// nothing but the status.
func refusedAs(code uint16) core.Class {
	switch code {
	case http.StatusUnauthorized:
		return core.Unauthorized
	case http.StatusNotFound:
		return core.NoRoute
	case http.StatusRequestTimeout:
		return core.RequestTimeout
	case http.StatusRequestEntityTooLarge:
		return core.BodyTooLarge
	case http.StatusRequestURITooLong:
		return core.URITooLong
	case http.StatusMisdirectedRequest:
		return core.UnknownKey
	case http.StatusTooManyRequests:
		return core.LimitReached
	case http.StatusRequestHeaderFieldsTooLarge, 494:
		return core.HeaderTooLarge
	case http.StatusServiceUnavailable, http.StatusBadGateway:
		return core.NoEndpoint
	case statusClientGone:
		return core.ClientGone
	}
	switch {
	case code >= http.StatusInternalServerError:
		return core.Internal
	case code >= http.StatusBadRequest:
		return core.BadRequest
	}
	return core.ClassNone
}

// classLabels are the labels of R16.
var classLabels = func() (all []string) {
	for c := range core.Classes {
		all = append(all, core.Class(c).String())
	}
	return all
}()

// ownClass is what our own log says in class or failover_reason.
func ownClass(label string) core.Class {
	switch label {
	case "concurrency_limit":
		return core.LimitReached
	case "body_size_limit":
		return core.BodyTooLarge
	}
	return core.Class(max(0, slices.Index(classLabels, label)))
}

// conclude fills in how the request and its last attempt ended, where the format
// has not said it yet.
func (p *parser) conclude(e *Entry) {
	final := e.Final()
	switch p.format {
	case HAProxy:
		return
	case Envoy, EnvoyJSON:
		e.Class = envoyClass(e.flags, e.Status)
	case Own:
		e.Class = ownClass(e.flags)
		if final != nil && e.Class < core.FirstFailure && e.Class != core.ClientGone && e.Class != core.Internal {
			e.Class = core.ClassNone // a reason for leaving the first candidate, not an end
		}
	}
	if final == nil {
		if e.Class == core.ClassNone && (e.Told || e.Status == statusClientGone) {
			e.Class = refusedAs(e.Status)
		}
		return
	}
	if final.Took == unknown {
		final.Took = e.Took
	}
	if final.Class == core.ClassNone && e.Class != core.ClassNone {
		final.Class = e.Class
	}
	final.finish(e)
	e.Class = final.Class
}

// finish fills in the status of an attempt that has none of its own, and its class.
func (a *Attempt) finish(e *Entry) {
	if a.Class == core.ClassNone || a.Class == core.Upstream5xx {
		if a.Status == 0 {
			a.Status = e.Status
		}
		switch {
		case e.Status == statusClientGone && a.Status == statusClientGone:
			a.Class, a.Status = core.ClientGone, 0
		case a.Status >= http.StatusInternalServerError:
			a.Class = core.Upstream5xx
		}
	}
}

// refused reports whether the other router answered an error by itself.
func (e *Entry) refused() bool {
	return e.Told && e.Final() == nil && e.Status >= http.StatusBadRequest || e.lonely()
}

// lonely reports whether the only attempt is the name of a group in which nobody
// was live: nobody was asked.
func (e *Entry) lonely() bool {
	return len(e.Attempts) == 1 && e.Attempts[0].Class == core.NoEndpoint && !strings.ContainsAny(e.Attempts[0].Upstream, ":/")
}

// unread reports whether the other router could not read the request: then
// nobody knows where it was to go.
func (e *Entry) unread() bool {
	if e.URI != "" || len(e.Attempts) > 0 {
		return false
	}
	switch e.Class {
	case core.BadRequest, core.RequestTimeout, core.HeaderTooLarge, core.URITooLong:
		return true
	}
	return false
}
