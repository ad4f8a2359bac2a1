package httpproxy

import (
	"net/http"
	"strconv"
	"strings"

	"lockstep/core"
)

// Codes of gRPC that our own answers use.
const (
	grpcCancelled         = 1
	grpcUnknown           = 2
	grpcInvalidArgument   = 3
	grpcDeadlineExceeded  = 4
	grpcNotFound          = 5
	grpcResourceExhausted = 8
	grpcUnimplemented     = 12
	grpcInternal          = 13
	grpcUnavailable       = 14
	grpcUnauthenticated   = 16
)

// isGRPC reports whether the client speaks gRPC: it reads a status from trailers
// and takes any HTTP status but 200 for a broken proxy.
func isGRPC(r *http.Request) bool {
	t := r.Header["Content-Type"]
	if len(t) == 0 {
		return false
	}
	rest, ok := strings.CutPrefix(t[0], "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

// grpcCode is the status that tells a gRPC client of a class. README.md has the
// table with its reasons. What may succeed when it is tried again elsewhere or
// later is UNAVAILABLE, which is what gRPC clients retry.
func grpcCode(c core.Class) int {
	switch c {
	case core.NoKey:
		return grpcInvalidArgument
	case core.UnknownKey:
		return grpcNotFound
	case core.NoRoute:
		return grpcUnimplemented
	case core.Unauthorized:
		return grpcUnauthenticated
	case core.BodyTooLarge, core.HeaderTooLarge, core.URITooLong, core.LimitReached, core.FairShare:
		return grpcResourceExhausted
	case core.RequestTimeout, core.ResponseTimeout:
		return grpcDeadlineExceeded
	case core.ClientGone:
		return grpcCancelled
	case core.BadRequest, core.BadResponse, core.Internal:
		return grpcInternal
	case core.QueueTimeout, core.CircuitOpen, core.NoEndpoint, core.NotReady, core.Draining, core.Shed,
		core.DNS, core.ConnectRefused, core.ConnectTimeout, core.TLS, core.ResetBeforeResponse:
		return grpcUnavailable
	}
	return grpcUnknown
}

// speakGRPC turns an answer of our own into one that a gRPC client understands:
// status 200, no body, the status and its text in the header. That is gRPC's
// "trailers only" form. The HTTP status that it replaces is lost on the wire.
func speakGRPC(res *http.Response, class core.Class, text string) {
	res.Status, res.StatusCode = "200 OK", http.StatusOK
	res.Body, res.ContentLength = http.NoBody, 0
	h := res.Header
	delete(h, "Content-Length")
	h["Content-Type"] = []string{"application/grpc"}
	h["Grpc-Status"] = []string{strconv.Itoa(grpcCode(class))}
	h["Grpc-Message"] = []string{percent(strings.TrimSuffix(text, "\n"))}
}

// percent encodes a message as gRPC does: what is not printable ASCII, and the
// percent sign.
func percent(s string) string {
	const hex = "0123456789ABCDEF"
	out := make([]byte, 0, len(s)+8)
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '%' {
			out = append(out, '%', hex[c>>4], hex[c&15])
		} else {
			out = append(out, c)
		}
	}
	return string(out)
}
