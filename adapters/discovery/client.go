package discovery

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"lockstep/core"
)

// Name is what endpoints are found by.
type Name struct {
	Service string // name of SRV records; "" for Host
	Host    string // name of A and AAAA records
	Port    int    // of Host
	Scheme  string // of the endpoints' URLs
	Server  string // host:port of the name server to ask; "" means those of resolv.conf
}

// Answer is what a name stands for.
type Answer struct {
	Endpoints []core.EndpointSpec // sorted by URL, each once; none is a valid answer
	TTL       time.Duration       // how long it is good for
}

// Client asks name servers. The zero value is usable.
type Client struct {
	// ResolvConf is the file that names the servers; "" means /etc/resolv.conf.
	ResolvConf string
	// Timeout is how long one server is waited for, each time; 0 means 2 s.
	Timeout time.Duration
}

const (
	udpSize = 1232 // DNS flag day 2020: passes everywhere unfragmented
	tries   = 2    // rounds over all servers
)

// refusal is an answer that tells nothing about the name.
type refusal dnsmessage.RCode

// Error implements error.
func (r refusal) Error() string { return "the name server answers " + dnsmessage.RCode(r).String() }

// Lookup finds the endpoints of a name. An error means that nothing is known
// about it; a name that does not exist is an empty answer.
func (c *Client) Lookup(ctx context.Context, n Name) (Answer, error) {
	if n.Service != "" {
		return c.service(ctx, n)
	}
	return c.host(ctx, n)
}

// host asks for both families; if one is not heard of, nothing is known.
func (c *Client) host(ctx context.Context, n Name) (Answer, error) {
	out := Answer{TTL: time.Hour}
	for _, t := range [...]dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		records, ttl, err := c.ask(ctx, n.Server, n.Host, t)
		if err != nil {
			return Answer{}, err
		}
		for _, r := range records {
			var ip netip.Addr
			switch body := r.Body.(type) {
			case *dnsmessage.AResource:
				ip = netip.AddrFrom4(body.A)
			case *dnsmessage.AAAAResource:
				ip = netip.AddrFrom16(body.AAAA)
			default:
				continue
			}
			address := netip.AddrPortFrom(ip, uint16(n.Port)).String()
			out.Endpoints = append(out.Endpoints, core.EndpointSpec{Name: address, URL: n.Scheme + "://" + address})
		}
		if len(records) > 0 {
			out.TTL = min(out.TTL, ttl)
		}
	}
	out.tidy()
	return out, nil
}

// service takes the records of the first priority; the others are for when
// those are gone, which is what a fallback placement is for.
func (c *Client) service(ctx context.Context, n Name) (Answer, error) {
	records, ttl, err := c.ask(ctx, n.Server, n.Service, dnsmessage.TypeSRV)
	if err != nil {
		return Answer{}, err
	}
	out := Answer{TTL: ttl}
	var all []*dnsmessage.SRVResource
	for _, r := range records {
		if body, ok := r.Body.(*dnsmessage.SRVResource); ok && body.Target.String() != "." && body.Port != 0 {
			all = append(all, body)
		}
	}
	if len(all) == 0 {
		return out, nil
	}
	first := slices.MinFunc(all, func(a, b *dnsmessage.SRVResource) int { return cmp.Compare(a.Priority, b.Priority) }).Priority
	all = slices.DeleteFunc(all, func(r *dnsmessage.SRVResource) bool { return r.Priority != first })
	heaviest := slices.MaxFunc(all, func(a, b *dnsmessage.SRVResource) int { return cmp.Compare(a.Weight, b.Weight) }).Weight
	for _, r := range all {
		address := net.JoinHostPort(strings.TrimSuffix(r.Target.String(), "."), strconv.Itoa(int(r.Port)))
		out.Endpoints = append(out.Endpoints, core.EndpointSpec{
			Name: address, URL: n.Scheme + "://" + address, Weight: share(r.Weight, heaviest),
		})
	}
	out.tidy()
	return out, nil
}

// share is a weight in percent of the heaviest: a full share. RFC 2782 gives
// weight 0 a very small chance, here 1 %.
func share(weight, heaviest uint16) uint32 {
	if heaviest == 0 {
		return 100
	}
	return max(1, (uint32(weight)*100+uint32(heaviest)/2)/uint32(heaviest))
}

// tidy sorts the endpoints and takes each once, and no more than a placement can have.
func (a *Answer) tidy() {
	slices.SortFunc(a.Endpoints, func(x, y core.EndpointSpec) int { return cmp.Compare(x.URL, y.URL) })
	a.Endpoints = slices.CompactFunc(a.Endpoints, func(x, y core.EndpointSpec) bool { return x.URL == y.URL })
	if len(a.Endpoints) > core.MaxEndpoints {
		a.Endpoints = a.Endpoints[:core.MaxEndpoints]
	}
}

// ask asks the servers in turn until one answers. The time to live is the
// shortest of the answer, the names on the way included.
func (c *Client) ask(ctx context.Context, server, name string, t dnsmessage.Type) ([]dnsmessage.Resource, time.Duration, error) {
	servers := []string{server}
	if server == "" {
		servers = c.servers()
	}
	full, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return nil, 0, fmt.Errorf("looking up %s: %w", name, err)
	}
	question := dnsmessage.Question{Name: full, Type: t, Class: dnsmessage.ClassINET}
	for range tries {
		for _, s := range servers {
			var m dnsmessage.Message
			if m, err = c.exchange(ctx, s, question); err == nil {
				ttl := uint32(1 << 31)
				for _, r := range m.Answers {
					ttl = min(ttl, r.Header.TTL)
				}
				return m.Answers, time.Duration(ttl) * time.Second, nil
			}
			if ctx.Err() != nil {
				return nil, 0, fmt.Errorf("looking up %s: %w", name, ctx.Err())
			}
			err = fmt.Errorf("looking up %s at %s: %w", name, s, err)
		}
	}
	return nil, 0, err
}

// servers reads the name servers of the system, anew each time: they change.
func (c *Client) servers() (all []string) {
	f, err := os.Open(cmp.Or(c.ResolvConf, "/etc/resolv.conf"))
	if err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == "nameserver" {
				all = append(all, net.JoinHostPort(words[1], "53"))
			}
		}
	}
	if len(all) == 0 {
		all = []string{"127.0.0.1:53", "[::1]:53"}
	}
	return all
}

// exchange asks one server, by UDP and, where the answer does not fit, by TCP.
func (c *Client) exchange(ctx context.Context, server string, q dnsmessage.Question) (dnsmessage.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.Timeout, 2*time.Second))
	defer cancel()
	var id [2]byte
	rand.Read(id[:]) // never fails
	query, err := message(binary.BigEndian.Uint16(id[:]), q)
	if err != nil {
		return dnsmessage.Message{}, err
	}
	m, err := c.over(ctx, "udp", server, query, q)
	if err == nil && m.Truncated {
		m, err = c.over(ctx, "tcp", server, query, q)
	}
	switch {
	case err != nil:
		return m, err
	case m.RCode != dnsmessage.RCodeSuccess && m.RCode != dnsmessage.RCodeNameError:
		return m, refusal(m.RCode)
	}
	return m, nil
}

func message(id uint16, q dnsmessage.Question) ([]byte, error) {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, RecursionDesired: true})
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(q); err != nil {
		return nil, err
	}
	if err := b.StartAdditionals(); err != nil {
		return nil, err
	}
	var h dnsmessage.ResourceHeader
	if err := h.SetEDNS0(udpSize, dnsmessage.RCodeSuccess, false); err != nil {
		return nil, err
	}
	if err := b.OPTResource(h, dnsmessage.OPTResource{}); err != nil {
		return nil, err
	}
	return b.Finish()
}

// over sends a query and waits for its answer.
func (c *Client) over(ctx context.Context, network, server string, query []byte, q dnsmessage.Question) (m dnsmessage.Message, err error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, server)
	if err != nil {
		return m, err
	}
	defer conn.Close()
	if at, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(at)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	sent := query
	if network == "tcp" {
		sent = append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)
	}
	if _, err := conn.Write(sent); err != nil {
		return m, err
	}
	for {
		answer, err := receive(conn, network)
		if err != nil {
			return m, err
		}
		if m, err = parse(answer, query, q); err == nil || network == "tcp" {
			return m, err
		}
		// Something else came to this port: the answer may still follow.
	}
}

func receive(conn net.Conn, network string) ([]byte, error) {
	if network == "udp" {
		b := make([]byte, 1<<16)
		n, err := conn.Read(b)
		return b[:n], err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(conn, b)
	return b, err
}

var errNotOurs = errors.New("this is no answer to the question")

// parse reads an answer; what does not belong to the question is an error.
func parse(answer, query []byte, q dnsmessage.Question) (m dnsmessage.Message, err error) {
	if err := m.Unpack(answer); err != nil {
		return m, fmt.Errorf("reading the answer: %w", err)
	}
	same := len(m.Questions) == 1 && m.Questions[0].Type == q.Type && m.Questions[0].Class == q.Class &&
		strings.EqualFold(m.Questions[0].Name.String(), q.Name.String())
	if !m.Response || m.ID != binary.BigEndian.Uint16(query) || !same {
		return m, errNotOurs
	}
	return m, nil
}
