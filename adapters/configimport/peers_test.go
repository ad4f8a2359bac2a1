//go:build peers

package configimport_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The real HAProxy beside its translation. It needs the program:
//
//	apt-get install haproxy
//	go test -tags peers ./adapters/configimport

func haproxy(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("haproxy")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/haproxy"); err != nil {
			t.Skip("NOT TRIED: there is no haproxy (apt-get install haproxy)")
		}
	}
	return path
}

// home is a folder with what a fixture names below /etc/haproxy, and the fixture itself.
func home(t *testing.T, fixture string, change ...string) (path string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"example.com"}, IsCA: true, BasicConstraintsValid: true}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	write("certs/one.pem", both)
	write("ca.pem", both)
	write("auth.lua", nil)
	write("errors/503.http", []byte("HTTP/1.0 503 Service Unavailable\r\n\r\n"))
	for _, m := range []string{"tenants.map", "hosts.map", "names.map"} {
		write(m, read(t, "testdata/haproxy/"+m))
	}
	replace := append([]string{"/etc/haproxy/", dir + "/", "tenants.map", dir + "/tenants.map", "hosts.map", dir + "/hosts.map", "names.map", dir + "/names.map", "/run/haproxy/", dir + "/"}, change...)
	write("haproxy.cfg", []byte(strings.NewReplacer(replace...).Replace(string(read(t, fixture)))))
	return filepath.Join(dir, "haproxy.cfg")
}

func TestHAProxyTakesEveryFixture(t *testing.T) {
	program := haproxy(t)
	paths, _ := filepath.Glob("testdata/haproxy/*.cfg")
	for _, fixture := range paths {
		t.Run(filepath.Base(fixture), func(t *testing.T) {
			cmd := exec.Command(program, "-c", "-f", home(t, fixture))
			cmd.Env = append(os.Environ(), "CELL_PORT=8090", "MISSING_PORT=8091")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}

// cell is one backend: it says its name.
type cell struct {
	name   string
	server *http.Server
}

func startCell(t *testing.T, name, address string) *cell {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c := &cell{name, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })}}
	go func() { _ = c.server.Serve(l) }()
	t.Cleanup(func() { _ = c.server.Close() })
	return c
}

// start runs a program until the test ends.
func start(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s said:\n%.2000s", filepath.Base(program), text)
		}
	})
}

// question is a request; the answer is the status, and who answered.
type question struct{ host, path, tenant, plan string }

func (q question) ask(client *http.Client, address string) string {
	r, err := http.NewRequest(http.MethodGet, "http://"+address+q.path, nil)
	if err != nil {
		return err.Error()
	}
	r.Host = q.host
	if q.tenant != "" {
		r.Header.Set("X-Tenant", q.tenant)
	}
	if q.plan != "" {
		r.Header.Set("X-Plan", q.plan)
	}
	a, err := client.Do(r)
	if err != nil {
		return "no answer"
	}
	defer a.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(a.Body, 100))
	if a.StatusCode != http.StatusOK {
		return fmt.Sprint(a.StatusCode)
	}
	return string(body)
}

// until asks until the answer is among those wanted.
func (q question) until(t *testing.T, client *http.Client, address string, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got, in := "", 0
	for ctx.Err() == nil {
		if got = q.ask(client, address); slices.Contains(want, got) {
			if in++; in == 20 { // and it stays so
				return
			}
			continue
		}
		in = 0
	}
	t.Fatalf("%s still answers %q to %+v, not one of %v", address, got, q, want)
}

// answers lists who answers, in order of names, of many asked the same.
func (q question) answers(client *http.Client, address string) []string {
	seen := map[string]bool{}
	for range 40 {
		seen[q.ask(client, address)] = true
	}
	var out []string
	for s := range seen {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// build makes the router.
func build(t *testing.T) string {
	t.Helper()
	router := filepath.Join(t.TempDir(), "lockstep")
	if out, err := exec.Command("go", "build", "-o", router, "lockstep/cmd/lockstep").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return router
}

// beside starts the backends of a fixture, HAProxy with it and the router with its
// translation. Backends answer with NAME/SERVER.
func beside(t *testing.T, program, router, fixture, bind, theirs, ours string) (*http.Client, map[string]*cell) {
	t.Helper()
	config := home(t, fixture, bind, theirs, "user haproxy", "", "group haproxy", "", "daemon", "", "http-request deny if !inside", "", "maxconn 20000", "maxconn 2000")
	r, err := translate(config, read(t, config))
	if err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(filepath.Dir(config), "made.yaml")
	if err := os.WriteFile(made, []byte(strings.Replace(string(r.YAML), theirs, ours, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	cells, section := map[string]*cell{}, ""
	for line := range strings.Lines(string(read(t, config))) {
		switch w := strings.Fields(line); {
		case len(w) > 1 && w[0] == "backend":
			section = w[1]
		case len(w) > 2 && w[0] == "server":
			name := section + "/" + w[1]
			cells[name] = startCell(t, name, w[2])
		}
	}
	start(t, program, "-db", "-f", config)
	start(t, router, "serve", "--config", made)
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4}}, cells
}

// compare asks both the same.
func compare(t *testing.T, client *http.Client, theirs, ours string, questions []question) {
	t.Helper()
	same := 0
	for _, q := range questions {
		a, b := q.answers(client, theirs), q.answers(client, ours)
		if placements(a) != placements(b) {
			t.Errorf("%+v: HAProxy answers from %v, the translation from %v", q, a, b)
			continue
		}
		same++
	}
	t.Logf("%d of %d questions are answered by the same placement", same, len(questions))
}

func TestRulesOfEveryFormLeadWhereHAProxyLeads(t *testing.T) {
	program := haproxy(t)
	const theirs, ours = "127.0.0.1:21331", "127.0.0.1:21332"
	client, _ := beside(t, program, build(t), "testdata/haproxy/rules.cfg", theirs, theirs, ours)
	for _, address := range []string{theirs, ours} {
		question{host: "shop.example.com", path: "/"}.until(t, client, address, "shop/s")
	}
	var questions []question
	for _, host := range []string{
		"shop.example.com", "www.shop.example.com", "x.shop.example.com", "acme.tenants.example.com", "nordbank.tenants.example.com", "new.tenants.example.com",
		"tenants.example.com", "v2.example.com", "direct.example.com", "example.org",
	} {
		for _, path := range []string{"/", "/api/", "/api/v1/x", "/api/v2/", "/api/v2/x?cell=1", "/apis", "/x?cell=1", "/x?cell=2", "/x?cell=9"} {
			for _, plan := range []string{"", "gold", "platinum", "lead"} {
				questions = append(questions, question{host: host, path: path, plan: plan})
			}
		}
	}
	compare(t, client, theirs, ours, questions)
}

func TestHAProxyAndItsTranslationAnswerFromTheSameBackends(t *testing.T) {
	program := haproxy(t)
	router := build(t)
	const theirs, ours = "127.0.0.1:21301", "127.0.0.1:21321"
	client, cells := beside(t, program, router, "testdata/haproxy/cells.cfg", ":21301", theirs, ours)
	question{host: "api.example.com", path: "/", tenant: "acme"}.until(t, client, theirs, "cell-07/a", "cell-07/b")
	question{host: "api.example.com", path: "/", tenant: "acme"}.until(t, client, ours, "cell-07/a", "cell-07/b")

	var questions []question
	for _, host := range []string{"api.example.com", "admin.example.com", "ADMIN.example.com", "x.admin.example.com", "other.org"} {
		for _, path := range []string{"/", "/docs", "/docs/a", "/help/", "/help/x", "/v1/y?docs", "/nodocs/docs"} {
			for _, tenant := range []string{"", "acme", "visa", "nordbank", "gone", "unheard-of"} {
				questions = append(questions, question{host: host, path: path, tenant: tenant})
			}
		}
	}
	compare(t, client, theirs, ours, questions)

	// What the report says is different is different, in no other way.
	for q, want := range map[question][2]string{
		{host: "api.example.com", path: "/docsx", tenant: ""}:            {"docs", "shared"},  // whole segments
		{host: "api.example.com", path: "/help", tenant: ""}:             {"shared", "docs"},  // without the slash too
		{host: "127.0.0.1", path: "/docs", tenant: ""}:                   {"docs", "400"},     // no key
		{host: "api.example.com", path: "/docs/../internal", tenant: ""}: {"docs", "400"},     // an unclear path
		{host: "api.example.com", path: "/internal", tenant: "acme"}:     {"403", "cell-07"},  // http-request deny is not translated
		{host: "admin.example.com:21301", path: "/", tenant: ""}:         {"shared", "admin"}, // the port is not looked at
	} {
		if a, b := placements(q.answers(client, theirs)), placements(q.answers(client, ours)); a != want[0] || b != want[1] {
			t.Errorf("%+v: HAProxy %s, the translation %s; the report says %s and %s", q, a, b, want[0], want[1])
		}
	}

	// One server of two fails, then all, and the backup serves; then a backend without one.
	q := question{host: "api.example.com", path: "/", tenant: "nordbank"}
	_ = cells["cell-12/a"].server.Close()
	for _, address := range []string{theirs, ours} {
		q.until(t, client, address, "cell-12/b")
	}
	_ = cells["cell-12/b"].server.Close()
	for _, address := range []string{theirs, ours} {
		q.until(t, client, address, "cell-12/spare")
	}
	_ = cells["docs/only"].server.Close()
	for _, address := range []string{theirs, ours} {
		if got := (question{host: "api.example.com", path: "/docs"}).ask(client, address); !slices.Contains([]string{"502", "503"}, got) {
			t.Errorf("%s: %s", address, got)
		}
	}
	startCell(t, "cell-12/a", "127.0.0.1:21313")
	for _, address := range []string{theirs, ours} {
		q.until(t, client, address, "cell-12/a")
	}
}

// placements are the placements that answered, without their endpoints.
func placements(answers []string) string {
	var out []string
	for _, a := range answers {
		a, _, _ = strings.Cut(a, "/")
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return strings.Join(out, " ")
}
