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
  plain: {protocol: h2c, health: none, endpoints: {x: {url: "http://127.0.0.1:%[2]s"}}}
  secure: {protocol: h2, upstream_tls: {ca: %[1]s/ca.pem, server_name: localhost}, health: none, endpoints: {x: {url: "https://127.0.0.1:%[3]s"}}}
keys: {plain: plain, secure: secure}
`, dir, plain, secure), 2)
	call := func(listener, key, name string) string {
		host, port, _ := net.SplitHostPort(at[listener])
		args := []string{"-server_host", host, "-server_port", port, "-test_case", name, "-additional_metadata", "x-routing-key:" + key}
		if listener == "tls" {
			args = append(args, "-use_tls", "-use_test_ca", "-ca_file", filepath.Join(dir, "ca.pem"), "-server_host_override", "localhost")
		}
		out, err := exec.Command(client, args...).CombinedOutput()
		if err != nil {
			t.Errorf("%s over %s to %s: %v\n%s", name, listener, key, err, out)
			return "fails"
		}
		return "passes"
	}
	var table strings.Builder
	table.WriteString("| gRPC interop case | h2c, h2c to the server | TLS, TLS to the server |\n|---|---|---|\n")
	for _, name := range interopCases {
		fmt.Fprintf(&table, "| %s | %s | %s |\n", name, call("plain", "plain", name), call("tls", "secure", name))
	}
	compare(t, table.String())
}
