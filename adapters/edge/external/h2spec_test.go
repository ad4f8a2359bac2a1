//go:build external

package external

import (
	"encoding/xml"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// h2specVersion is the newest that the module proxy has.
const h2specVersion = "v2.2.1+incompatible"

// deviations are the cases that fail, each with the reason that lets it stay. The
// first column is the case as h2spec names it: section and number.
var deviations = []struct {
	section, description string
	plainOnly            bool
	why                  string
}{
	{"3.5", "Sends invalid connection preface", true, "a plain listener takes it for HTTP/1.1, answers 400 in that and closes"},
	{"6.5.3", "Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE", false, "net/http ends a connection whose SETTINGS frame has one setting twice, where RFC 9113 lets the last count"},
	{"8.1.2.2", "Sends a HEADERS frame that contains the connection-specific header field", false, "net/http answers 400, which RFC 9113, 8.1.1 permits; the request is not routed"},
	{"8.1.2.2", "Sends a HEADERS frame that contains the TE header field with any value other than \"trailers\"", false, "the same"},
}

// junit is the report of h2spec.
type junit struct {
	Suites []struct {
		Name  string `xml:"name,attr"`
		Cases []struct {
			Package   string    `xml:"package,attr"`
			ClassName string    `xml:"classname,attr"`
			Failure   *struct{} `xml:"failure"`
			Error     *struct{} `xml:"error"`
			Skipped   *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func TestH2Spec(t *testing.T) {
	tool := build(t, "github.com/summerwind/h2spec/cmd/h2spec", h2specVersion)
	backend := httptest.NewServer(origin())
	defer backend.Close()
	dir := certificates(t)
	at := serve(t, fmt.Sprintf(`lockstep: 1
listen:
  h2c: {address: "127.0.0.1:0"}
  h2cstd: {address: "127.0.0.1:0", http_engine: std}
  tls: {address: "127.0.0.1:0", tls: {certs: %[1]s/certs}}
routes:
  - {key: [{host_label: 1}], unknown_key: {to: a}}
placements: {a: {health: none, endpoints: {x: {url: %[2]q}}}}
`, dir, backend.URL), 3)
	listeners := []string{"h2c", "h2cstd", "tls"}
	var table strings.Builder
	table.WriteString("| h2spec section | cases | h2c, `http1` | h2c, `std` | TLS |\n|---|---|---|---|---|\n")
	var order []string
	cases, passed := map[string]int{}, map[string]map[string]int{}
	for _, listener := range listeners {
		passed[listener] = map[string]int{}
		for _, s := range run(t, tool, at[listener], listener == "tls").Suites {
			if cases[s.Name] == 0 && len(s.Cases) > 0 {
				order = append(order, s.Name)
				cases[s.Name] = len(s.Cases)
			}
			for _, c := range s.Cases {
				if c.Skipped != nil {
					t.Errorf("%s %s was skipped", s.Name, c.ClassName)
				}
				if c.Failure == nil && c.Error == nil {
					passed[listener][s.Name]++
				} else if !known(s.Name, c.ClassName, listener) {
					t.Errorf("%s: %s: %s fails", listener, s.Name, c.ClassName)
				}
			}
		}
	}
	var sum [4]int
	for _, name := range order {
		sum[0] += cases[name]
		fmt.Fprintf(&table, "| %s | %d |", name, cases[name])
		for i, listener := range listeners {
			sum[1+i] += passed[listener][name]
			fmt.Fprintf(&table, " %d |", passed[listener][name])
		}
		table.WriteString("\n")
	}
	fmt.Fprintf(&table, "| all | %d | %d | %d | %d |\n", sum[0], sum[1], sum[2], sum[3])
	compare(t, table.String())
	var reasons strings.Builder
	reasons.WriteString("| h2spec fails | where | why it stays |\n|---|---|---|\n")
	for _, d := range deviations {
		where := "h2c, TLS"
		if d.plainOnly {
			where = "h2c"
		}
		fmt.Fprintf(&reasons, "| %s: %s | %s | %s |\n", d.section, d.description, where, d.why)
	}
	compare(t, reasons.String())
}

// run runs every case of h2spec: HTTP/2, HPACK and the generic ones.
func run(t *testing.T, tool, address string, secure bool) (out junit) {
	t.Helper()
	_, port, _ := net.SplitHostPort(address) // by its name, from which the route takes the key
	report := filepath.Join(t.TempDir(), "report.xml")
	args := []string{"-h", "localhost", "-p", port, "-o", "3", "-j", report}
	if secure {
		args = append(args, "-t", "-k")
	}
	text, _ := exec.Command(tool, args...).CombinedOutput() // its error is that some case fails
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if err := xml.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func known(suite, description, listener string) bool {
	for _, d := range deviations {
		if strings.HasPrefix(suite, d.section+".") && description == d.description && (listener != "tls" || !d.plainOnly) {
			return true
		}
	}
	return false
}
