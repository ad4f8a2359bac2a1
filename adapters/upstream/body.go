package upstream

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
)

// body is a response's body. Its end gives the connection back.
type body struct {
	call *Call
	conn *conn
	res  *response
	up   *upload // nil without a request body

	mu     sync.Mutex
	br     *bufio.Reader // nil after the end
	kind   int
	left   int64 // of the length, or of the chunk
	inside bool  // chunked: a chunk has been begun, so its CR LF comes before the next
	err    error // what every Read after the end returns
}

// Read implements io.Reader. An end that is not the body's own is an error.
func (b *body) Read(p []byte) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.br == nil {
		return 0, b.err
	}
	switch b.kind {
	case lengthBody:
		n, err = b.readSome(p)
		if b.left == 0 {
			err = io.EOF // with the last byte: a reader needs not come again
		}
	case chunkedBody:
		n, err = b.readChunked(p)
	default:
		n, err = b.br.Read(p)
	}
	if err != nil {
		b.end(err)
	}
	return n, err
}

// readSome reads what is left of a length or of a chunk.
func (b *body) readSome(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.br.Read(p)
	b.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (b *body) readChunked(p []byte) (int, error) {
	if b.left == 0 {
		size, err := readChunkSize(b.br, b.inside)
		if err != nil {
			return 0, err
		}
		b.left, b.inside = size, true
		if size == 0 {
			if err := b.readTrailers(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
	}
	return b.readSome(p)
}

// readChunkSize reads the line that begins a chunk, after the end of the one
// before. Extensions are skipped.
func readChunkSize(br *bufio.Reader, after bool) (int64, error) {
	line, err := br.ReadSlice('\n')
	if err == nil && after {
		if string(line) != crlf {
			return 0, notHTTP("a chunk is longer than its size")
		}
		line, err = br.ReadSlice('\n')
	}
	switch {
	case errors.Is(err, io.EOF):
		return 0, io.ErrUnexpectedEOF
	case errors.Is(err, bufio.ErrBufferFull):
		return 0, notHTTP("the line of a chunk's size is too long")
	case err != nil:
		return 0, err
	case len(line) < 3 || line[len(line)-2] != '\r':
		return 0, notHTTP("the line of a chunk's size does not end in CR LF, or is empty")
	}
	return chunkSize(string(line[:len(line)-2]))
}

func chunkSize(line string) (int64, error) {
	text, extension, _ := strings.Cut(line, ";")
	if text == "" || len(text) > 15 || !fieldValue(extension) {
		return 0, notHTTP("a chunk's size is not a number")
	}
	var n int64
	for i := range len(text) {
		c := text[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, notHTTP("a chunk's size is not a number")
		}
		n = n<<4 | int64(c)
	}
	return n, nil
}

// readTrailers reads what follows the last chunk.
func (b *body) readTrailers() error {
	if two, err := b.br.Peek(2); err == nil && string(two) == crlf {
		_, _ = b.br.Discard(2)
		return nil
	}
	text, err := readHead(b.br, b.conn.pool.settings.HeaderMax, false)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	fields, bad := parseFields(text)
	if bad != nil {
		return bad
	}
	for _, never := range [...]string{"Content-Length", "Transfer-Encoding", "Trailer", "Host"} {
		delete(fields, never)
	}
	if b.res.Trailer == nil {
		b.res.Trailer = http.Header{}
	}
	maps.Copy(b.res.Trailer, fields)
	return nil
}

// end gives the connection back, or closes it.
func (b *body) end(err error) {
	b.err = err
	br := b.br
	b.br = nil
	b.conn.done(b.call, br, b.up, err == io.EOF && b.res.keep)
}

// Close implements io.Closer. Before the end it closes the connection; a Read
// under way ends.
func (b *body) Close() error {
	if !b.mu.TryLock() {
		b.conn.abort()
		b.mu.Lock()
	}
	defer b.mu.Unlock()
	if b.br != nil {
		b.end(errClosed)
	}
	return nil
}

var errClosed = errors.New("the body was closed")

// tunnel is the body of a 101: bytes both ways.
type tunnel struct {
	call *Call
	conn *conn
	br   *bufio.Reader
	once sync.Once
}

// Read implements io.Reader.
func (t *tunnel) Read(p []byte) (int, error) { return t.br.Read(p) }

// Write implements io.Writer.
func (t *tunnel) Write(p []byte) (int, error) { return t.conn.stream.Write(p) }

// CloseWrite says that no more comes.
func (t *tunnel) CloseWrite() error { return t.conn.closeWrite() }

// Close implements io.Closer.
func (t *tunnel) Close() error {
	t.once.Do(func() {
		t.call.detach()
		t.conn.abort()
		t.conn.pool.forget()
	})
	return nil
}
