package edge_test

import (
	"crypto/tls"
	"io"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"lockstep/adapters/settings"
)

func prefixes(all ...string) (out []netip.Prefix) {
	for _, p := range all {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// v2 makes a PROXY header of version 2.
func v2(command, family byte, addresses string) string {
	return "\r\n\r\n\x00\r\nQUIT\n" + string([]byte{0x20 | command, family, byte(len(addresses) >> 8), byte(len(addresses))}) + addresses
}

func TestThePROXYHeaderIsBelievedOfBalancersAndRefusedOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
		const v4 = "\xc6\x33\x64\x07\xc6\x33\x64\x01\x1f\x90\x01\xbb" // 198.51.100.7:8080 to 198.51.100.1:443
		v6 := "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x07" + "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01" + "\x1f\x90\x01\xbb"
		const balancer, stranger = "10.0.0.1", "192.0.2.1"
		const told, own = "client=198.51.100.7:8080 remote=198.51.100.7:8080 trusted=true", "client=10.0.0.1:4711 remote=10.0.0.1:4711 trusted=false"
		for _, c := range []struct {
			what, from, says string
			required         bool
			want             string // "" for a connection that is closed without a word
		}{
			{"v1", balancer, "PROXY TCP4 198.51.100.7 198.51.100.1 8080 443\r\n" + get, true, told},
			{"v1, IPv6", balancer, "PROXY TCP6 2001:db8::7 2001:db8::1 8080 443\r\n" + get, true, "client=[2001:db8::7]:8080"},
			{"v1, unknown", balancer, "PROXY UNKNOWN\r\n" + get, true, own},
			{"v2", balancer, v2(1, 0x11, v4) + get, true, told},
			{"v2, IPv6", balancer, v2(1, 0x21, v6) + get, true, "client=[2001:db8::7]:8080"},
			{"v2 with a field more", balancer, v2(1, 0x11, v4+"\x04\x00\x02ab") + get, true, told},
			{"v2, local", balancer, v2(0, 0x00, "") + get, true, own},
			{"v2, unspecified", balancer, v2(1, 0x00, "") + get, true, ""}, // the standard leaves it to us, the library refuses
			{"v2, UDP", balancer, v2(1, 0x12, v4) + get, true, ""},
			{"v2, a path", balancer, v2(1, 0x31, strings.Repeat("x", 216)) + get, true, ""},
			{"none, where one is due", balancer, get, true, ""},
			{"none, where none is due", balancer, get, false, own},
			{"v1 where none is due", balancer, "PROXY TCP4 198.51.100.7 198.51.100.1 8080 443\r\n" + get, false, told},
			{"two headers", balancer, "PROXY TCP4 198.51.100.7 198.51.100.1 8080 443\r\nPROXY TCP4 198.51.100.7 198.51.100.1 8080 443\r\n" + get, true, "400 Bad Request"},
			{"v1 of a stranger", stranger, "PROXY TCP4 198.51.100.7 198.51.100.1 8080 443\r\n" + get, false, ""},
			{"v2 of a stranger", stranger, v2(1, 0x11, v4) + get, false, ""},
			{"local of a stranger", stranger, v2(0, 0x00, "") + get, false, ""},
			{"a stranger without one", stranger, get, true, "client=192.0.2.1:4711 remote=192.0.2.1:4711 trusted=false"},
			{"garbage: an address", balancer, "PROXY TCP4 here 198.51.100.1 8080 443\r\n" + get, true, ""},
			{"garbage: a port", balancer, "PROXY TCP4 198.51.100.7 198.51.100.1 80800 443\r\n" + get, true, ""},
			{"garbage: a family", balancer, "PROXY TCP9 198.51.100.7 198.51.100.1 8080 443\r\n" + get, true, ""},
			{"garbage: no end", balancer, "PROXY " + strings.Repeat("x", 300), true, ""},
			{"garbage: v2's version", balancer, "\r\n\r\n\x00\r\nQUIT\n\x31\x11\x00\x0c" + v4 + get, true, ""},
			{"garbage: v2 too short", balancer, v2(1, 0x11, v4[:8]) + get, true, ""},
			{"garbage: neither", balancer, "\x00\x01\x02\x03" + get, true, ""},
		} {
			g := newRig(t, settings.Listener{
				Proxy:            &settings.ProxyProtocol{From: prefixes("10.0.0.0/8"), Required: c.required},
				TrustHeadersFrom: prefixes("198.51.100.0/24"),
			}, tell)
			g.setFrom(c.from)
			answer := g.talk(c.says)
			if c.want == "" && answer != "" || !strings.Contains(answer, c.want) {
				t.Errorf("%s: the answer is %q, want %q", c.what, answer, c.want)
			}
			if c.want != "" && !strings.Contains(c.want, "400") && !strings.Contains(answer, "peer="+c.from+" ") {
				t.Errorf("%s: the peer is not kept: %q", c.what, answer)
			}
			synctest.Wait()
			if s := g.edge.Stats()[0]; (s.ProxyRefused == 1) != (c.want == "") || s.Open != 0 {
				t.Errorf("%s: %+v", c.what, s)
			}
		}
	})
}

func TestAListenerWithoutPROXYTakesTheHeaderForBrokenHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, settings.Listener{}, tell)
		for _, says := range []string{"PROXY TCP4 198.51.100.7 198.51.100.1 8080 443\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", v2(0, 0, "") + "GET / HTTP/1.1\r\nHost: a\r\n\r\n"} {
			if answer := g.talk(says); !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
				t.Errorf("%.10q: the answer is %q", says, answer)
			}
		}
	})
}

func TestThePROXYHeaderComesBeforeTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dir := newAuthority(t, "ca"), t.TempDir()
		save(t, filepath.Join(dir, "a"), ca.leaf(t, ecKey(t), "a.test"))
		g := newRig(t, settings.Listener{
			TLS:   &settings.ListenerTLS{Folder: dir},
			Proxy: &settings.ProxyProtocol{From: prefixes("10.0.0.0/8"), Required: true},
		}, tell)
		g.setFrom("10.0.0.1")
		raw := g.dial()
		io.WriteString(raw, "PROXY TCP4 198.51.100.7 198.51.100.1 8080 443\r\n")
		c := tls.Client(raw, &tls.Config{ServerName: "a.test", RootCAs: ca.pool()})
		defer c.Close()
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if answer, err := io.ReadAll(c); !strings.Contains(string(answer), "peer=10.0.0.1 client=198.51.100.7:8080") {
			t.Errorf("%q %v", answer, err)
		}
	})
}
