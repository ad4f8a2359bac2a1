package edge_test

import (
	"crypto"
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"lockstep/adapters/edge"
	"lockstep/adapters/settings"
)

func benchmarkHandshake(b *testing.B, ca *authority, key crypto.Signer, mutual, resumed bool) {
	dir := b.TempDir()
	save(b, filepath.Join(dir, "certs", "a"), ca.leaf(b, key, "a.test"))
	s := settings.Listener{Name: "edge", TLS: &settings.ListenerTLS{Folder: filepath.Join(dir, "certs")}}
	config := &tls.Config{ServerName: "a.test", RootCAs: ca.pool()}
	if mutual {
		s.TLS.ClientCA = ca.save(b, filepath.Join(dir, "ca.pem"))
		config.Certificates = []tls.Certificate{ca.leaf(b, key, "client")}
	}
	if resumed {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	s.Address = "127.0.0.1:0"
	e, err := edge.Listen(edge.Options{Listeners: []settings.Listener{s}})
	if err != nil {
		b.Fatal(err)
	}
	go e.Serve(tell)
	defer e.Close()
	once := func() bool {
		raw, err := net.Dial("tcp", e.Addrs()["edge"].String())
		if err != nil {
			b.Fatal(err)
		}
		c := tls.Client(raw, config)
		defer c.Close()
		if err := c.Handshake(); err != nil {
			b.Fatal(err)
		}
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); err != nil {
			b.Fatal(err)
		}
		return c.ConnectionState().DidResume
	}
	once()
	runtime.LockOSThread() // the client is this thread, the server is all others
	defer runtime.UnlockOSThread()
	n, client, both := 0, cpu(b, syscall.RUSAGE_THREAD), cpu(b, syscall.RUSAGE_SELF)
	for b.Loop() {
		if once() != resumed {
			b.Fatal("resumption is not as it should be")
		}
		n++
	}
	client, both = cpu(b, syscall.RUSAGE_THREAD)-client, cpu(b, syscall.RUSAGE_SELF)-both
	b.ReportMetric(float64(client.Microseconds())/float64(n), "client-us/op")
	b.ReportMetric(float64((both-client).Microseconds())/float64(n), "server-us/op")
}

// cpu is the CPU time that this thread, or the process, has used.
func cpu(b *testing.B, who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkHandshake measures both sides of one connection together, client and
// server in one process over memory, to the first byte of the server.
func BenchmarkHandshake(b *testing.B) {
	ca := newAuthority(b, "ca")
	for _, key := range []struct {
		name string
		make func(testing.TB) crypto.Signer
	}{{"ecdsa-p256", ecKey}, {"rsa-2048", rsaKey}} {
		for _, mutual := range []bool{false, true} {
			for _, resumed := range []bool{false, true} {
				name := key.name + "/" + map[bool]string{false: "server-cert", true: "both-certs"}[mutual] + "/" + map[bool]string{false: "full", true: "resumed"}[resumed]
				b.Run(name, func(b *testing.B) { benchmarkHandshake(b, ca, key.make(b), mutual, resumed) })
			}
		}
	}
}
