package edge

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lockstep/adapters/settings"
)

// store finds the certificate for a name. It does not change.
type store struct {
	all      []*pair
	exact    map[string][]*tls.Certificate
	wildcard map[string][]*tls.Certificate // by what follows "*."
	standard []*tls.Certificate            // for no name, or one that nobody has
}

// pair is one certificate with its key.
type pair struct {
	file string // of the certificate
	cert *tls.Certificate
}

// names lists the names that a pair serves, in lower case.
func (p *pair) names() []string {
	var out []string
	for _, n := range p.cert.Leaf.DNSNames {
		out = append(out, strings.ToLower(strings.TrimSuffix(n, ".")))
	}
	return out
}

// loadStore reads every pair. A pair that cannot be read is a problem; the one
// of that file in old is kept in its place. store is nil when there is nothing
// to serve with.
func loadStore(s *settings.ListenerTLS, old *store) (*store, []error) {
	files, err := pairsOf(s)
	if err != nil {
		if old != nil {
			return old, []error{err}
		}
		return nil, []error{err}
	}
	var problems []error
	out := &store{exact: map[string][]*tls.Certificate{}, wildcard: map[string][]*tls.Certificate{}}
	for _, f := range files {
		p, err := readPair(f)
		if err != nil {
			problems = append(problems, err)
			if p = old.find(f.Cert); p == nil {
				continue
			}
		}
		out.add(p)
	}
	if len(out.all) == 0 {
		return old, append(problems, errNoCertificate)
	}
	out.standard = []*tls.Certificate{out.all[0].cert}
	if s.Default != "" {
		if out.standard = out.lookup(strings.ToLower(s.Default)); out.standard == nil {
			problems = append(problems, fmt.Errorf("tls.default is %q, and no certificate has that name; write one that a certificate has", s.Default))
			if old != nil {
				return old, problems
			}
			return nil, problems
		}
	}
	return out, problems
}

// find returns the pair that came from that file, nil for none.
func (s *store) find(file string) *pair {
	if s != nil {
		for _, p := range s.all {
			if p.file == file {
				return p
			}
		}
	}
	return nil
}

func (s *store) add(p *pair) {
	s.all = append(s.all, p)
	for _, name := range p.names() {
		if parent, ok := strings.CutPrefix(name, "*."); ok {
			s.wildcard[parent] = append(s.wildcard[parent], p.cert)
		} else {
			s.exact[name] = append(s.exact[name], p.cert)
		}
	}
}

// lookup returns the certificates for a name: those that have it, else those
// whose wildcard covers it, which stands for one label.
func (s *store) lookup(name string) []*tls.Certificate {
	if found := s.exact[name]; found != nil {
		return found
	}
	_, parent, _ := strings.Cut(name, ".")
	return s.wildcard[parent]
}

// choose has the form of tls.Config.GetCertificate. Of several certificates for
// one name it takes the first that the client can use, such as RSA for an old one.
func (s *store) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	found := s.lookup(strings.ToLower(strings.TrimSuffix(hello.ServerName, ".")))
	if found == nil {
		found = s.standard
	}
	for _, c := range found[:len(found)-1] {
		if hello.SupportsCertificate(c) == nil {
			return c, nil
		}
	}
	return found[len(found)-1], nil
}

// pairsOf lists the files of certificates. In a folder NAME.key belongs to
// NAME.crt or NAME.pem, and a NAME.pem alone holds both.
func pairsOf(s *settings.ListenerTLS) ([]settings.CertPair, error) {
	if s.Folder == "" {
		return s.Pairs, nil
	}
	entries, err := os.ReadDir(s.Folder)
	if err != nil {
		return nil, fmt.Errorf("reading the folder of certificates: %w", err)
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = true
	}
	var out []settings.CertPair
	for _, e := range entries { // sorted by name
		name, key := e.Name(), ""
		switch ext := filepath.Ext(name); {
		case strings.HasPrefix(name, "."):
			continue
		case ext == ".crt" || ext == ".pem":
			key = strings.TrimSuffix(name, ext) + ".key"
			if ext == ".pem" && !names[key] {
				key = name
			}
		case ext == ".key" && !names[strings.TrimSuffix(name, ext)+".crt"] && !names[strings.TrimSuffix(name, ext)+".pem"]:
			key, name = name, strings.TrimSuffix(name, ext)+".crt" // reading it says that it is not there
		default:
			continue
		}
		out = append(out, settings.CertPair{Cert: filepath.Join(s.Folder, name), Key: filepath.Join(s.Folder, key)})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the folder %s holds no certificates; put NAME.crt and NAME.key there, or NAME.pem with both", s.Folder)
	}
	return out, nil
}

// readPair reads a certificate and its key, and holds them to each other.
func readPair(f settings.CertPair) (*pair, error) {
	cert, err := os.ReadFile(f.Cert)
	if err != nil {
		return nil, fmt.Errorf("reading a certificate: %w", err)
	}
	key := cert
	if f.Key != f.Cert {
		if key, err = os.ReadFile(f.Key); err != nil {
			return nil, fmt.Errorf("reading the key of %s: %w", f.Cert, err)
		}
	}
	both, err := tls.X509KeyPair(cert, key)
	if err != nil {
		if f.Key == f.Cert && !bytes.Contains(cert, []byte("PRIVATE KEY-----")) {
			return nil, fmt.Errorf("%s has no key: put it into the same file, or beside it as %s", f.Cert, strings.TrimSuffix(filepath.Base(f.Cert), ".pem")+".key")
		}
		return nil, fmt.Errorf("%s and %s are no pair of certificate and key: %w", f.Cert, f.Key, err)
	}
	return &pair{f.Cert, &both}, nil
}
