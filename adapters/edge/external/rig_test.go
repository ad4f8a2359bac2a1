//go:build external

package external

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is lockstep, built once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "lockstep-external-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "lockstep")
	out, err := exec.Command("go", "build", "-o", path, "lockstep/cmd/lockstep").CombinedOutput()
	if err != nil {
		return "", &buildError{string(out)}
	}
	return path, nil
})

type buildError struct{ out string }

func (b *buildError) Error() string { return "building: " + b.out }

// serving finds a listener's address in what serve says.
var serving = regexp.MustCompile(`msg=serving listener=(\w+) address=(\S+)`)

// serve runs a router with that configuration until the test ends, and returns
// the addresses of its listeners.
func serve(t *testing.T, config string, listeners int) map[string]string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "router.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return launch(t, exec.Command(path, "serve", "-c", file, "--no-log", "--drain", "1s"), serving, listeners)
}

// launch starts a program and reads its errors until pattern was seen so many
// times; the program ends with the test.
func launch(t *testing.T, c *exec.Cmd, pattern *regexp.Regexp, times int) map[string]string {
	t.Helper()
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	found, done := make(chan []string), make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if m := pattern.FindStringSubmatch(lines.Text()); m != nil && times > 0 {
				found <- m
			} else {
				t.Logf("%s: %s", filepath.Base(c.Path), lines.Text())
			}
		}
	}()
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		<-done
		_ = c.Wait()
	})
	out := map[string]string{}
	for len(out) < times {
		select {
		case m := <-found:
			out[m[1]] = m[2]
		case <-done:
			t.Fatalf("%s has ended", c.Path)
		}
	}
	return out
}

// build builds a program of a module at a version, in a module of its own.
func build(t *testing.T, pkg, version string) string {
	t.Helper()
	dir := t.TempDir()
	module := "module tools\n\ngo 1.26\n"
	source := "package tools\n\nimport _ \"" + pkg + "\"\n"
	for name, text := range map[string]string{"go.mod": module, "tools.go": "//go:build tools\n\n" + source} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"get", pkg + "@" + version}, {"build", "-o", filepath.Join(dir, "tool"), pkg}} {
		c := exec.Command("go", args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return filepath.Join(dir, "tool")
}

// certificates makes an authority, a certificate for localhost and one for a
// client. It returns their folder: ca.pem, certs/localhost.crt and .key,
// client.pem with both.
func certificates(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "certs"), 0o700); err != nil {
		t.Fatal(err)
	}
	ca, caKey := certify(t, nil, nil, &x509.Certificate{Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	leaf := func(name string, files ...string) {
		cert, key := certify(t, ca, caKey, &x509.Certificate{
			Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		})
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: cert.Raw}, {Type: "PRIVATE KEY", Bytes: der}} {
			f, err := os.OpenFile(filepath.Join(dir, files[i%len(files)]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			if err := pem.Encode(f, block); err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
	}
	leaf("localhost", "certs/localhost.crt", "certs/localhost.key")
	leaf("client", "client.pem")
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func certify(t *testing.T, parent *x509.Certificate, by *ecdsa.PrivateKey, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if c.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		t.Fatal(err)
	}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out, key
}

// compare holds a table to the one in README.md that begins with the same line.
func compare(t *testing.T, table string) {
	t.Helper()
	f, err := os.Open("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(table, "\n")
	_, there, ok := strings.Cut(string(text), head+"\n")
	there, _, _ = strings.Cut(head+"\n"+there, "\n\n")
	if !ok || strings.TrimSpace(there) != strings.TrimSpace(table) {
		t.Errorf("the table in ../README.md should be\n%s", table)
	}
}
