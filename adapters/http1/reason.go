package http1

import "lockstep/core"

// Reason is why a request was refused or a connection ended by the server. The
// list is closed: logs and metrics may use it as a label.
type Reason uint8

// The reasons. ReasonNone is a request that was served.
const (
	ReasonNone        Reason = iota
	BadRequestLine           // not three parts with one space between them
	BadMethod                // not of capital letters, digits, - and _, or longer than 32
	BadTarget                // bytes or a form that a request target cannot have
	BadVersion               // neither HTTP/1.1 nor HTTP/1.0
	Connect                  // CONNECT: this is no forward proxy
	BareLF                   // a line that ends without CR
	BareCR                   // CR without LF
	NUL                      // a zero byte
	BadHeaderName            // not a token, or no colon
	SpaceBeforeColon         // "Name : value"
	BadHeaderValue           // a control character
	ObsFold                  // a line that continues the one before
	MissingHost              // HTTP/1.1 without Host
	RepeatedHost             // more than one Host
	BadHost                  // not host[:port], or not the one of an absolute target
	RepeatedLength           // more than one Content-Length, equal or not
	BadLength                // not digits, or too many
	BothLengths              // Content-Length and Transfer-Encoding
	TENotLast                // chunked is not the last coding, or is applied twice
	TEUnknown                // a coding other than chunked
	TEOnHTTP10               // Transfer-Encoding in HTTP/1.0
	BadExpect                // an expectation other than 100-continue
	URITooLong               // Options.MaxTarget
	HeaderTooLarge           // Options.MaxHeaderBytes
	TooManyHeaders           // Options.MaxHeaders
	BadChunkSize             // not hex digits, too many of them, or a bad extension
	BadChunkEnd              // a chunk is not followed by CRLF
	BadTrailer               // a field that cannot be one, such as Content-Length
	TrailerTooLarge          // trailers beyond the limits of headers
	BodyTooLarge             // Options.MaxBody
	HeaderTimeout            // Options.HeaderTimeout
	BodyTimeout              // Options.BodyIdle or BodyTotal: the body does not come
	BodyTooSlow              // Options.MinBodyRate
	WriteTimeout             // Options.WriteTimeout: the client does not take the answer
	Idle                     // Options.IdleTimeout; nothing is sent
	ClientClosedEarly        // the connection ended inside a request; nothing can be sent
	reasons
)

// Reasons is the number of reasons, ReasonNone included.
const Reasons = int(reasons)

// reasonRow says what a reason means to others.
type reasonRow struct {
	code   string
	status int        // 0: nothing is sent
	class  core.Class // its row of R16
	text   string     // for a person
}

// row returns a reason's row; a number outside the list gets that of ReasonNone.
func (r Reason) row() reasonRow {
	switch {
	case r <= BadHeaderValue:
		return r.lineRow()
	case r <= TooManyHeaders:
		return r.headRow()
	}
	return r.bodyRow()
}

func (r Reason) lineRow() reasonRow {
	const bad = core.BadRequest
	switch r {
	case BadRequestLine:
		return reasonRow{"bad_request_line", 400, bad, "the request line is not method, target and version with one space between them"}
	case BadMethod:
		return reasonRow{"bad_method", 400, bad, "the method is not a name in capital letters"}
	case BadTarget:
		return reasonRow{"bad_target", 400, bad, "the request target is not one that a URL allows"}
	case BadVersion:
		return reasonRow{"bad_version", 505, bad, "only HTTP/1.1 and HTTP/1.0 are spoken here"}
	case Connect:
		return reasonRow{"connect", 405, bad, "CONNECT is not proxied"}
	case BareLF:
		return reasonRow{"bare_lf", 400, bad, "a line ends in LF without CR"}
	case BareCR:
		return reasonRow{"bare_cr", 400, bad, "there is a CR that does not end a line"}
	case NUL:
		return reasonRow{"nul", 400, bad, "there is a zero byte in the head"}
	case BadHeaderName:
		return reasonRow{"bad_header_name", 400, bad, "a header line has no name, or one with a character that no name has"}
	case SpaceBeforeColon:
		return reasonRow{"space_before_colon", 400, bad, "there is a space between a header's name and its colon"}
	case BadHeaderValue:
		return reasonRow{"bad_header_value", 400, bad, "there is a control character in a header's value"}
	}
	return reasonRow{code: "none"}
}

func (r Reason) headRow() reasonRow {
	const bad = core.BadRequest
	switch r {
	case ObsFold:
		return reasonRow{"obs_fold", 400, bad, "a header is continued on a second line"}
	case MissingHost:
		return reasonRow{"missing_host", 400, bad, "the request has no Host header"}
	case RepeatedHost:
		return reasonRow{"repeated_host", 400, bad, "the request has more than one Host header"}
	case BadHost:
		return reasonRow{"bad_host", 400, bad, "the Host header is not a host with perhaps a port, or not the one of the target"}
	case RepeatedLength:
		return reasonRow{"repeated_length", 400, bad, "the request has more than one Content-Length header"}
	case BadLength:
		return reasonRow{"bad_length", 400, bad, "the Content-Length is not a number that can be"}
	case BothLengths:
		return reasonRow{"both_lengths", 400, bad, "the request has both Content-Length and Transfer-Encoding"}
	case TENotLast:
		return reasonRow{"te_not_last", 400, bad, "chunked must be the last transfer coding, and be there once"}
	case TEUnknown:
		return reasonRow{"te_unknown", 501, bad, "the only transfer coding understood is chunked"}
	case TEOnHTTP10:
		return reasonRow{"te_on_http10", 400, bad, "HTTP/1.0 has no Transfer-Encoding"}
	case BadExpect:
		return reasonRow{"bad_expect", 417, bad, "the only expectation understood is 100-continue"}
	case URITooLong:
		return reasonRow{"uri_too_long", 414, core.URITooLong, "the request target is longer than accepted"}
	case HeaderTooLarge:
		return reasonRow{"header_too_large", 431, core.HeaderTooLarge, "the request's head is larger than accepted"}
	}
	return reasonRow{"too_many_headers", 431, core.HeaderTooLarge, "the request has more headers than accepted"}
}

func (r Reason) bodyRow() reasonRow {
	const bad = core.BadRequest
	switch r {
	case BadChunkSize:
		return reasonRow{"bad_chunk_size", 400, bad, "a chunk of the body does not begin with its size"}
	case BadChunkEnd:
		return reasonRow{"bad_chunk_end", 400, bad, "a chunk of the body does not end where its size says"}
	case BadTrailer:
		return reasonRow{"bad_trailer", 400, bad, "a trailer is one that only a header can be"}
	case TrailerTooLarge:
		return reasonRow{"trailer_too_large", 431, core.HeaderTooLarge, "the request's trailers are larger than accepted"}
	case BodyTooLarge:
		return reasonRow{"body_too_large", 413, core.BodyTooLarge, "the request body is larger than accepted"}
	case HeaderTimeout:
		return reasonRow{"header_timeout", 408, core.RequestTimeout, "the request's head did not arrive in time"}
	case BodyTimeout:
		return reasonRow{"body_timeout", 408, core.RequestTimeout, "the request body stopped arriving"}
	case BodyTooSlow:
		return reasonRow{"body_too_slow", 408, core.RequestTimeout, "the request body arrives too slowly"}
	case WriteTimeout:
		return reasonRow{"write_timeout", 0, core.ClientGone, "the client does not take the answer"}
	case Idle:
		return reasonRow{"idle", 0, core.ClassNone, "the connection carried no request for too long"}
	case ClientClosedEarly:
		return reasonRow{"client_closed_early", 0, core.ClientGone, "the client closed the connection inside a request"}
	}
	return reasonRow{code: "none"}
}

// String returns the reason's code, as logs and answers have it.
func (r Reason) String() string { return r.row().code }

// Status is the status that the client gets; 0 means that nothing can be sent.
func (r Reason) Status() int { return r.row().status }

// Class is the reason's class in R16.
func (r Reason) Class() core.Class { return r.row().class }

// Sentence says to a person what is wrong.
func (r Reason) Sentence() string { return r.row().text }

// BodyError is what reading a request's body fails with when its client is to
// blame: what it sent is not HTTP, is too much, or does not come.
type BodyError struct {
	Reason Reason
}

// Error implements error.
func (e *BodyError) Error() string { return e.Reason.String() + ": " + e.Reason.Sentence() }

// Timeout reports whether the body did not come in time, as net.Error has it.
func (e *BodyError) Timeout() bool { return e.Reason == BodyTimeout || e.Reason == BodyTooSlow }

// Class is the reason's class in R16, for those who do not know this package.
func (e *BodyError) Class() core.Class { return e.Reason.Class() }
