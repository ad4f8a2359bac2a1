package httpproxy

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"lockstep/adapters/driver"
	"lockstep/core"
)

// ownAnswer is a response that the router makes itself: a refusal, or the news
// of an upstream that failed. status 0 means the one of the class's row in R16.
func ownAnswer(r *http.Request, adm *driver.Admission, id string, class core.Class, status uint16) *http.Response {
	if status == 0 {
		status = class.Row().Status
	}
	if status == 0 { // nobody should be left to read it; if it is a stalled upload, somebody is
		status = http.StatusRequestTimeout
	}
	text := class.String() + ": " + sentence(class, adm) + "\n"
	h := make(http.Header, 8)
	h["Content-Type"] = []string{"text/plain; charset=utf-8"}
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	if class == core.Draining {
		h["Connection"] = []string{"close"} // the client should open its next one elsewhere (R14)
	}
	if class == core.Shed || class == core.FairShare {
		h["Retry-After"] = []string{"1"} // what is missing is room, and that comes and goes in a second
	}
	if class == core.Unauthorized {
		h["Www-Authenticate"] = []string{"Bearer"} // RFC 9110, 15.5.2
	}
	announce(h, adm, id)
	res := &http.Response{
		Status:     strconv.Itoa(int(status)) + " " + http.StatusText(int(status)),
		StatusCode: int(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, ContentLength: int64(len(text)), Request: r,
		Body: io.NopCloser(strings.NewReader(text)),
	}
	if isGRPC(r) {
		speakGRPC(res, class, text)
	}
	return res
}

// say replaces the text of an answer of our own.
func say(r *http.Request, res *http.Response, text string) {
	if isGRPC(r) {
		res.Header["Grpc-Message"] = []string{percent(strings.TrimSuffix(text, "\n"))}
		return
	}
	res.Header["Content-Length"] = []string{strconv.Itoa(len(text))}
	res.ContentLength, res.Body = int64(len(text)), io.NopCloser(strings.NewReader(text))
}

// own reports whether a configuration finds keys in its own way.
func own(c *core.Config) bool {
	return c != nil && (c.Routes() > 1 || strings.HasPrefix(c.Edge(), `{"routing":`))
}

// sentence says to a person what a class means for this request.
func sentence(c core.Class, adm *driver.Admission) string {
	where := adm.PlacementName
	switch c {
	case core.NoKey:
		if own(adm.Config) {
			return "the request has no routing key where its route looks for one"
		}
		return "the request has no " + headerKey + " header"
	case core.UnknownKey:
		if own(adm.Config) {
			return "no placement is configured for the routing key of the request"
		}
		return "no placement is configured for this " + headerKey
	case core.NoRoute:
		return "no route takes requests for this host and path"
	case core.Unauthorized:
		return "the token of the request does not hold"
	case core.BadRequest:
		return "the request is not one that can be passed on"
	case core.BodyTooLarge:
		return "the request body is larger than its placement accepts"
	case core.LimitReached:
		return "placement " + where + " has as many requests in flight as it may"
	case core.QueueTimeout:
		return "placement " + where + " had no room for the request in time"
	case core.Shed:
		return "placement " + where + " is filling, and more critical requests come first"
	case core.FairShare:
		return "placement " + where + " is filling, and this tenant holds its share of it"
	case core.CircuitOpen:
		return "the circuit of placement " + where + " is open and no fallback takes the request"
	case core.NoEndpoint:
		return "placement " + where + " has no healthy endpoint and no fallback takes the request"
	case core.NotReady:
		return "the router has no configuration yet"
	case core.Draining:
		return "the router is shutting down"
	case core.RequestTimeout, core.ClientGone:
		return "the request did not arrive in time"
	case core.Internal:
		return "the router could not handle the request"
	}
	return upstreamSentence(c, where)
}

func upstreamSentence(c core.Class, where string) string {
	switch c {
	case core.DNS:
		return "the name of the upstream of " + where + " does not resolve"
	case core.ConnectRefused:
		return "the upstream of " + where + " refuses connections"
	case core.ConnectTimeout:
		return "the upstream of " + where + " did not accept the connection in time"
	case core.TLS:
		return "the TLS handshake with the upstream of " + where + " failed"
	case core.ResetBeforeResponse:
		return "the upstream of " + where + " closed the connection before it answered"
	case core.ResponseTimeout:
		return "the upstream of " + where + " did not answer in time"
	case core.BadResponse:
		return "the upstream of " + where + " answered with something that is not HTTP"
	}
	return "the upstream of " + where + " failed"
}
