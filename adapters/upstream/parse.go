package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// crlf ends a line and nothing else does: a bare LF is read differently by
// different software, which is how one response is taken for two.
const crlf = "\r\n"

// readHead reads up to and including an empty line, at most limit bytes.
// An *Error says what is not HTTP; any other error is the connection's.
func readHead(br *bufio.Reader, limit int, status bool) (string, error) {
	if _, err := br.Peek(1); err != nil {
		return "", err
	}
	have, _ := br.Peek(br.Buffered())
	if i := bytes.Index(have, []byte("\r\n\r\n")); i >= 0 && i+4 <= limit {
		head := string(have[:i+4])
		_, _ = br.Discard(i + 4)
		return head, nil
	}
	return readLines(br, limit, status)
}

// readLines is readHead for what does not lie in the buffer as a whole.
func readLines(br *bufio.Reader, limit int, status bool) (string, error) {
	var head []byte
	for {
		if status && len(head) == 0 {
			if err := startsLikeHTTP(br); err != nil {
				return "", err
			}
		}
		line, err := br.ReadSlice('\n')
		head = append(head, line...)
		switch {
		case len(head) > limit:
			return "", notHTTP("the header is larger than " + strconv.Itoa(limit) + " bytes")
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(head) > 0:
			return "", io.ErrUnexpectedEOF
		case err != nil:
			return "", err
		case !bytes.HasSuffix(head, []byte(crlf)):
			return "", notHTTP("a line of the header does not end in CR LF")
		case len(head) == len(crlf) && status:
			return "", notHTTP("there is an empty line where the status should be")
		case len(line) == len(crlf) && (len(head) == len(crlf) || bytes.HasSuffix(head, []byte("\r\n\r\n"))):
			return string(head), nil
		}
	}
}

// startsLikeHTTP looks at the first bytes as they come, so that a peer which
// speaks another protocol and then waits is known at once.
func startsLikeHTTP(br *bufio.Reader) error {
	const want = "HTTP/1."
	for n := 1; n <= len(want); n++ {
		have, err := br.Peek(n)
		if err != nil && len(have) < n {
			if errors.Is(err, io.EOF) && len(have) > 0 {
				return io.ErrUnexpectedEOF
			}
			return err
		}
		if string(have) != want[:n] {
			return notHTTP("it does not begin like HTTP/1: " + strconv.Quote(string(have)))
		}
	}
	return nil
}

// response is a parsed head and what it says about the body.
type response struct {
	*http.Response
	lengths  []string // values of Content-Length
	codings  []string // values of Transfer-Encoding
	keep     bool     // the connection may carry another request
	body     body     // unused where the response has none
	trailers []string // values of Trailer
}

// parseHead parses a status line and fields.
func parseHead(head string) (*response, *Error) {
	line, rest, _ := strings.Cut(head, crlf)
	if len(line) < 12 || line[:7] != "HTTP/1." || line[7] != '0' && line[7] != '1' || line[8] != ' ' ||
		line[9] < '1' || !digits(line[9:12]) || len(line) > 12 && line[12] != ' ' || !fieldValue(line) {
		return nil, notHTTP("the status line is " + strconv.Quote(line[:min(len(line), 40)]))
	}
	code, _ := strconv.Atoi(line[9:12])
	both := new(struct { // one allocation for what lives as long
		response
		http http.Response
	})
	res := &both.response
	res.Response = &both.http
	both.http.Status, both.http.StatusCode = line[9:], code
	both.http.Proto, both.http.ProtoMajor, both.http.ProtoMinor = line[:8], 1, int(line[7]-'0')
	res.keep = res.ProtoMinor == 1
	header, err := parseFields(rest)
	if err != nil {
		return nil, err
	}
	res.Header = header
	res.lengths, res.codings, res.trailers = header["Content-Length"], header["Transfer-Encoding"], header["Trailer"]
	for _, v := range header["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			switch name = textproto.TrimString(name); {
			case strings.EqualFold(name, "close"):
				res.keep = false
				return res, nil
			case strings.EqualFold(name, "keep-alive"):
				res.keep = true
			}
		}
	}
	return res, nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// parseFields parses the lines of a header or of trailers, up to an empty line.
func parseFields(text string) (http.Header, *Error) {
	n := strings.Count(text, "\n") - 1
	if n <= 0 {
		return http.Header{}, nil
	}
	header := make(http.Header, n+4) // the router adds a few of its own
	values := make([]string, n)
	for {
		line, rest, _ := strings.Cut(text, crlf)
		text = rest
		if line == "" {
			return header, nil
		}
		if line[0] == ' ' || line[0] == '\t' {
			return nil, notHTTP("a header field goes on in a second line (obs-fold)")
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !token(name) {
			return nil, notHTTP("a header line is " + strconv.Quote(line[:min(len(line), 40)]))
		}
		value = strings.Trim(value, " \t")
		if !fieldValue(value) {
			return nil, notHTTP("header field " + name + " holds a control character")
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		if old, ok := header[name]; ok {
			header[name] = append(old, value)
			continue
		}
		if len(values) == 0 {
			values = make([]string, 1)
		}
		values[0] = value
		header[name], values = values[:1:1], values[1:]
	}
}

// Kinds of bodies.
const (
	noBody = iota
	lengthBody
	chunkedBody
	closeBody // it ends with the connection
)

// frame says how the body is framed (RFC 9112, 6.3), and puts into the
// response what net/http's readers find there. What can be read in two ways is
// an error.
func (res *response) frame(method string) (kind int, length int64, bad *Error) {
	length = -1
	for _, v := range res.lengths {
		n, err := strconv.ParseUint(v, 10, 63)
		if err != nil || !digits(v) {
			return 0, 0, notHTTP("Content-Length is " + strconv.Quote(v))
		}
		if length >= 0 && int64(n) != length {
			return 0, 0, notHTTP("there are two Content-Lengths, " + res.lengths[0] + " and " + v)
		}
		length = int64(n)
	}
	if len(res.lengths) > 1 {
		res.Header["Content-Length"] = res.lengths[:1]
	}
	chunked := len(res.codings) > 0
	switch {
	case chunked && (len(res.codings) > 1 || !strings.EqualFold(res.codings[0], "chunked")):
		return 0, 0, notHTTP("Transfer-Encoding is " + strconv.Quote(strings.Join(res.codings, ", ")))
	case chunked && length >= 0:
		return 0, 0, notHTTP("there are both Content-Length and Transfer-Encoding")
	case chunked && res.ProtoMinor == 0:
		return 0, 0, notHTTP("there is a Transfer-Encoding in HTTP/1.0")
	}
	delete(res.Header, "Transfer-Encoding")
	bodyless := method == http.MethodHead || res.StatusCode < 200 || res.StatusCode == http.StatusNoContent || res.StatusCode == http.StatusNotModified
	switch {
	case bodyless:
		res.ContentLength = length
		if res.StatusCode == http.StatusNoContent {
			delete(res.Header, "Content-Length")
			res.ContentLength = 0
		}
		return noBody, 0, nil
	case chunked:
		res.ContentLength, res.TransferEncoding = -1, []string{"chunked"}
		return chunkedBody, 0, res.announceTrailers()
	case length == 0:
		res.ContentLength = 0
		return noBody, 0, nil
	case length > 0:
		res.ContentLength = length
		return lengthBody, length, nil
	}
	res.ContentLength, res.Close, res.keep = -1, true, false
	return closeBody, 0, nil
}

// announceTrailers moves the names of the Trailer field where net/http's
// readers look for them.
func (res *response) announceTrailers() *Error {
	for _, v := range res.trailers {
		for name := range strings.SplitSeq(v, ",") {
			name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name))
			switch {
			case name == "":
				continue
			case name == "Transfer-Encoding", name == "Trailer", name == "Content-Length", !token(name):
				return notHTTP("the trailer field " + strconv.Quote(name) + " is not permitted")
			}
			if res.Trailer == nil {
				res.Trailer = http.Header{}
			}
			res.Trailer[name] = nil
		}
	}
	delete(res.Header, "Trailer")
	return nil
}
