// Package dnstest is a name server on the loopback for tests. Only tests import it.
package dnstest

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Server answers from its records, by UDP and TCP. Its fields are changed only
// inside Change.
type Server struct {
	Address  string                           // host:port
	Records  map[string][]dnsmessage.Resource // by type and name: "A two.test."
	Code     dnsmessage.RCode                 // of every answer
	Silent   bool                             // it never answers
	Mangle   func(*dnsmessage.Message)        // what is done to each answer; nil for nothing
	Truncate bool                             // what comes by UDP is answered by TCP only
	Asked    []string                         // "udp A two.test.", in order

	mu sync.Mutex
}

// Change calls f while nobody is answered.
func (s *Server) Change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// New starts a server without records, which ends with the test.
func New(t testing.TB) *Server {
	udp, tcp := listen(t)
	s := &Server{Address: udp.LocalAddr().String(), Records: map[string][]dnsmessage.Resource{}}
	var running sync.WaitGroup
	running.Go(func() {
		b := make([]byte, 4096)
		for {
			n, from, err := udp.ReadFrom(b)
			if err != nil {
				return
			}
			if answer := s.answer(b[:n], "udp"); answer != nil {
				_, _ = udp.WriteTo(answer, from) // the test sees that nothing came
			}
		}
	})
	running.Go(func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			s.answerTCP(c)
			c.Close()
		}
	})
	t.Cleanup(func() { udp.Close(); tcp.Close(); running.Wait() })
	return s
}

// listen opens a port that is free for both UDP and TCP.
func listen(t testing.TB) (net.PacketConn, net.Listener) {
	for {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err == nil {
			return udp, tcp
		}
		tcp.Close() // another one
	}
}

func (s *Server) answerTCP(c net.Conn) {
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return
	}
	query := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, query); err != nil {
		return
	}
	answer := s.answer(query, "tcp")
	_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)) // as above
}

func (s *Server) answer(query []byte, network string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var q dnsmessage.Message
	if q.Unpack(query) != nil || len(q.Questions) != 1 {
		return nil
	}
	id := q.Questions[0].Type.String()[4:] + " " + strings.ToLower(q.Questions[0].Name.String())
	s.Asked = append(s.Asked, network+" "+id)
	if s.Silent {
		return nil
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, RCode: s.Code}, Questions: q.Questions, Answers: s.Records[id]}
	if s.Truncate && network == "udp" {
		m.Truncated, m.Answers = true, nil
	}
	if s.Mangle != nil {
		s.Mangle(&m)
	}
	out, _ := m.Pack()
	return out
}

// Header is that of one record.
func Header(name string, ttl uint32) dnsmessage.ResourceHeader {
	return dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: ttl}
}

// A adds addresses of either family to a name.
func (s *Server) A(name string, ttl uint32, ips ...string) {
	for _, text := range ips {
		ip := net.ParseIP(text)
		r := dnsmessage.Resource{Header: Header(name, ttl)}
		id := "A " + name
		if four := ip.To4(); four != nil {
			r.Body = &dnsmessage.AResource{A: [4]byte(four)}
		} else {
			r.Body = &dnsmessage.AAAAResource{AAAA: [16]byte(ip)}
			id = "AAAA " + name
		}
		s.Records[id] = append(s.Records[id], r)
	}
}

// SRV adds a record of a service.
func (s *Server) SRV(name string, ttl uint32, priority, weight, port uint16, target string) {
	s.Records["SRV "+name] = append(s.Records["SRV "+name], dnsmessage.Resource{
		Header: Header(name, ttl),
		Body:   &dnsmessage.SRVResource{Priority: priority, Weight: weight, Port: port, Target: dnsmessage.MustNewName(target)},
	})
}
