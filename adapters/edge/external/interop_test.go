//go:build external

package external

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const grpcVersion = "v1.85.0"

// interopCases are those of gRPC's client that need no account at Google.
var interopCases = strings.Fields(`empty_unary large_unary client_streaming server_streaming ping_pong empty_stream
	timeout_on_sleeping_server cancel_after_begin cancel_after_first_response status_code_and_message special_status_message
	custom_metadata unimplemented_method unimplemented_service pick_first_unary orca_per_rpc orca_oob rpc_soak channel_soak`)

// listening finds the port in what the interop server says.
var listening = regexp.MustCompile(`interop server (listening) on \S*:(\d+)$`)

func TestGRPCInterop(t *testing.T) {
	server := build(t, "google.golang.org/grpc/interop/server", grpcVersion)
	client := build(t, "google.golang.org/grpc/interop/client", grpcVersion)
	dir := certificates(t)
	start := func(args ...string) string {
		c := exec.Command(server, append(args, "-port", "0")...)
		c.Env = append(os.Environ(), "GRPC_GO_LOG_SEVERITY_LEVEL=info")
		return launch(t, c, listening, 1)["listening"]
	}
	plain := start()
	secure := start("-use_tls", "-tls_cert_file", filepath.Join(dir, "certs/localhost.crt"), "-tls_key_file", filepath.Join(dir, "certs/localhost.key"))
	at := serve(t, fmt.Sprintf(`lockstep: 1
listen:
  plain: {address: "127.0.0.1:0"}
  tls: {address: "127.0.0.1:0", tls: {certs: %[1]s/certs}}
placements:
  plain: {upstream: {protocol: h2c}, health: none, endpoints: {x: {url: "http://127.0.0.1:%[2]s"}}}
  secure: {upstream: {protocol: h2, tls: {ca: %[1]s/ca.pem, server_name: localhost}}, health: none, endpoints: {x: {url: "https://127.0.0.1:%[3]s"}}}
keys: {plain: plain, secure: secure}
`, dir, plain, secure), 2)
	call := func(address string, secure bool, key, name string) (string, error) {
		host, port, _ := net.SplitHostPort(address)
		args := []string{"-server_host", host, "-server_port", port, "-test_case", name, "-additional_metadata", "x-routing-key:" + key}
		if secure {
			args = append(args, "-use_tls", "-use_test_ca", "-ca_file", filepath.Join(dir, "ca.pem"), "-server_host_override", "localhost")
		}
		out, err := exec.Command(client, args...).CombinedOutput()
		return string(out), err
	}
	through := func(listener, key, name string) string {
		if out, err := call(at[listener], listener == "tls", key, name); err != nil {
			t.Errorf("%s over %s to %s: %v\n%s", name, listener, key, err, out)
			return "fails"
		}
		return "passes"
	}
	var table strings.Builder
	table.WriteString("| gRPC interop case | without a router | h2c, h2c to the server | TLS, TLS to the server |\n|---|---|---|---|\n")
	for _, name := range interopCases {
		if _, err := call("127.0.0.1:"+plain, false, "", name); err != nil {
			fmt.Fprintf(&table, "| %s | fails | | |\n", name) // Go's own server lacks it: nothing can be learned
			continue
		}
		fmt.Fprintf(&table, "| %s | passes | %s | %s |\n", name, through("plain", "plain", name), through("tls", "secure", name))
	}
	compare(t, table.String())
}
