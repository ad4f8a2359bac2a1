package upstream_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pires/go-proxyproto"

	"lockstep/adapters/memnet"
	"lockstep/adapters/settings"
	"lockstep/adapters/upstream"
)

// told answers with what the PROXY header said and how many requests the
// connection had before.
func told(c net.Conn) {
	in := bufio.NewReader(c)
	h, err := proxyproto.Read(in)
	if err != nil {
		return
	}
	for n := 0; ; n++ {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		text := fmt.Sprintf("v%d %v %v %v #%d", h.Version, h.Command.IsLocal(), h.SourceAddr, h.DestinationAddr, n)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
	}
}

func tcp(ip string, port int) *net.TCPAddr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: port} }

func TestAnEndpointIsToldItsClientAndAConnectionBelongsToOne(t *testing.T) {
	local := tcp("192.0.2.1", 443)
	a, b, six := tcp("198.51.100.7", 1000), tcp("198.51.100.8", 1000), tcp("2001:db8::7", 1000)
	rows := []struct {
		client *net.TCPAddr
		want   string
	}{
		{a, "false 198.51.100.7:1000 192.0.2.1:443 #0"},
		{a, "false 198.51.100.7:1000 192.0.2.1:443 #1"},
		{b, "false 198.51.100.8:1000 192.0.2.1:443 #0"},
		{a, "false 198.51.100.7:1000 192.0.2.1:443 #2"},
		{tcp("198.51.100.7", 1001), "false 198.51.100.7:1001 192.0.2.1:443 #0"},
		{six, "false [2001:db8::7]:1000 "},
		{nil, ""},
	}
	for _, version := range []string{"v1", "v2"} {
		inMemory(t, told, settings.Upstream{ProxyProtocol: version}, func(t *testing.T, c *client) {
			for i, row := range rows {
				call := c.call()
				if row.client != nil {
					call.Client, call.Local = row.client, local
				}
				r, _ := http.NewRequest("GET", c.url, nil)
				_, got, err := c.send(call, r)
				if err != nil || !strings.HasPrefix(got, version+" "+row.want) {
					t.Errorf("request %d: %q %v, want %s %s", i, got, err, version, row.want)
				}
			}
			if c.pool().Stats().Open != 5 {
				t.Errorf("%+v", c.pool().Stats())
			}
		})
	}
}

func TestAFullPoolOfOthersConnectionsMakesRoomForANewClient(t *testing.T) {
	inMemory(t, told, settings.Upstream{ProxyProtocol: "v2", MaxOpen: 2}, func(t *testing.T, c *client) {
		for i := range 5 {
			call := c.call()
			call.Client, call.Local = tcp("198.51.100.7", 1000+i), tcp("192.0.2.1", 443)
			r, _ := http.NewRequest("GET", c.url, nil)
			begin := time.Now()
			if _, got, err := c.send(call, r); err != nil || time.Since(begin) > 0 {
				t.Errorf("client %d: %q %v after %v", i, got, err, time.Since(begin))
			}
			synctest.Wait()
		}
		if s := c.pool().Stats(); s.Open > 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWaitersOfOneClientDoNotStarveAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		accept(t, network.Listen("e:80"), func(c net.Conn) {
			in := bufio.NewReader(c)
			if _, err := proxyproto.Read(in); err != nil {
				return
			}
			for {
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				time.Sleep(time.Second)
				fmt.Fprint(c, ok)
			}
		})
		c := newClient(t, upstream.Options{Dial: network.Dial}, "http://e:80", settings.Upstream{ProxyProtocol: "v1", MaxOpen: 1})
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				call := c.call()
				call.Client, call.Local = tcp("198.51.100.7", 1000+i), tcp("192.0.2.1", 443)
				r, _ := http.NewRequest("GET", c.url, nil)
				if _, _, err := c.send(call, r); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}
