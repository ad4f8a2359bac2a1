package http1_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"lockstep/adapters/http1"
)

// TestMain makes the test binary a server when a benchmark starts it as one.
func TestMain(m *testing.M) {
	if kind := os.Getenv("BENCH_SERVER"); kind != "" {
		runServer(kind)
		return
	}
	os.Exit(m.Run())
}

// runServer serves until its standard input ends. At /cpu it tells its CPU time
// in ns, at /memory what it holds in bytes after a collection.
func runServer(kind string) {
	body := bytes.Repeat([]byte("x"), 1024)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/cpu":
			var u syscall.Rusage
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
			fmt.Fprint(w, u.Utime.Nano()+u.Stime.Nano())
		case "/memory":
			runtime.GC()
			debug.FreeOSMemory() // collects again: pools let go at the second
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			fmt.Fprint(w, s.HeapInuse+s.StackInuse)
		case "/upload":
			n, _ := io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, n)
		default:
			w.Header()["Content-Type"] = []string{"text/plain"}
			w.Header()["Content-Length"] = []string{"1024"}
			w.Write(body)
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	if kind == "http1" {
		go http1.New(h, http1.Options{Log: slog.New(slog.DiscardHandler)}).Serve(l)
	} else {
		go (&http.Server{Handler: h}).Serve(l)
	}
	io.Copy(io.Discard, os.Stdin)
}

// startServer starts this binary as a server and returns its address.
func startServer(b testing.TB, kind string) string {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "BENCH_SERVER="+kind)
	in, _ := c.StdinPipe()
	out, _ := c.StdoutPipe()
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); c.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// ask gets a number from a server.
func ask(b testing.TB, address, path string) float64 {
	res, err := http.Get("http://" + address + path)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// aRequest is one as a browser or a proxy sends it.
const aRequest = "GET /some/path?with=query HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\nX-Routing-Key: visa\r\nX-Request-Id: 0123456789abcdef0123456789abcdef\r\nCookie: session=abc\r\n\r\n"

// load sends n requests over a number of connections and reads the answers, with
// as little work as there can be.
func load(b testing.TB, address string, connections, n int) {
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			c, err := net.Dial("tcp", address)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			request, buf := []byte(aRequest), make([]byte, 8<<10)
			for range n / connections {
				if _, err := c.Write(request); err != nil {
					b.Error(err)
					return
				}
				for got := 0; got < 1024 || !bytes.HasSuffix(buf[:got], []byte("xxxx")); {
					m, err := c.Read(buf[got:])
					if err != nil {
						b.Error(err)
						return
					}
					got += m
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkServer compares the CPU time of a request on this server and on
// net/http's, in turns, each in a process of its own. Figures are medians over
// the rounds; the ratio is the one to watch.
func BenchmarkServer(b *testing.B) {
	for _, connections := range []int{1, 64} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			std, ours := startServer(b, "std"), startServer(b, "http1")
			var stdCost, oursCost, ratio []float64
			b.ResetTimer()
			for b.Loop() { // one loop is a round of both
				const n = 6400
				cost := func(address string) float64 {
					begin := ask(b, address, "/cpu")
					load(b, address, connections, n)
					return (ask(b, address, "/cpu") - begin) / n / 1000
				}
				s, o := cost(std), cost(ours)
				stdCost, oursCost, ratio = append(stdCost, s), append(oursCost, o), append(ratio, o/s)
			}
			b.ReportMetric(median(stdCost), "std-us/req")
			b.ReportMetric(median(oursCost), "ours-us/req")
			b.ReportMetric(median(ratio), "ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// BenchmarkIdle measures what a connection holds while it waits for its next
// request: heap and stacks of the process, after a collection.
func BenchmarkIdle(b *testing.B) {
	for _, kind := range []string{"std", "http1"} {
		b.Run(kind, func(b *testing.B) {
			address := startServer(b, kind)
			const n = 2000
			var held []float64
			for b.Loop() {
				ask(b, address, "/memory")
				before := ask(b, address, "/memory")
				var open []net.Conn
				for range n {
					c, err := net.Dial("tcp", address)
					if err != nil {
						b.Fatal(err)
					}
					open = append(open, c)
					io.WriteString(c, aRequest)
					if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
						b.Fatal(err)
					}
				}
				for range 4 { // a collection halves a stack
					ask(b, address, "/memory")
				}
				held = append(held, (ask(b, address, "/memory")-before)/n)
				for _, c := range open {
					c.Close()
				}
			}
			b.ReportMetric(median(held), "B/conn")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// repeat is a connection whose client sends the same request again and again.
type repeat struct {
	oneShot
	left int
	rest []byte
}

func (r *repeat) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left--
		r.rest = []byte(aRequest)
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (*repeat) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkRequest is a request without a network: parse, handler, answer.
func BenchmarkRequest(b *testing.B) {
	b.ReportAllocs()
	serveRepeated(b.N)
}

var kilobyte = bytes.Repeat([]byte("x"), 1024)

func serveRepeated(n int) {
	length := []string{"1024"}
	s := http1.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Length"] = length
		w.Header()["Content-Type"] = length
		w.Write(kilobyte)
	}), http1.Options{Log: slog.New(slog.DiscardHandler)})
	s.ServeConn(&repeat{left: n})
}

func TestARequestAllocatesNoMoreThanItMust(t *testing.T) {
	const n = 1000
	perRequest := testing.AllocsPerRun(5, func() { serveRepeated(n) }) / n
	t.Logf("%.2f allocations a request", perRequest)
	if perRequest > 13 { // net/http needs about twice as many
		t.Errorf("%.2f allocations a request", perRequest)
	}
}
