package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

const controlConfig = `{"version":"v1","routingTable":{"visa":"visa"},"cellEndpoints":{"visa":"http://127.0.0.1:9001"},"defaultPlacement":"visa"}`

func TestControlSendsTheFileOnConnectAndWhenItChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	replace := func(text string) { // as editors do: never half a file
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Error(err)
		}
	}
	replace(controlConfig)
	ctx, stop := context.WithCancel(t.Context())
	addresses, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- runControl(ctx, controlFlags{config: path, listen: "127.0.0.1:0"}, io.Discard, func(a string) { addresses <- a })
	}()
	var address string
	select {
	case address = <-addresses:
	case err := <-ended:
		t.Fatal(err)
	}
	conn, _, err := websocket.Dial(t.Context(), "ws://"+address+"/connect", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	for _, version := range []string{"v1", "v2"} {
		_, message, err := conn.Read(t.Context())
		if want := strings.Replace(`{"type":"config_snapshot",`+controlConfig[1:], "v1", version, 1); err != nil || string(message) != want {
			t.Fatalf("sent %s, %v\nwant %s", message, err, want)
		}
		replace(strings.Replace(controlConfig, "v1", "v2", 1))
	}
	// The marker sends the same version again.
	if err := os.WriteFile(path+".deliberate", []byte("v2\n"), 0o600); err != nil {
		t.Error(err)
	}
	if _, message, err := conn.Read(t.Context()); err != nil || !strings.Contains(string(message), `"version":"v2"`) || !strings.HasSuffix(string(message), `"deliberate":true}`) {
		t.Errorf("marked: %s, %v", message, err)
	}
	stop()
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the router was not told: %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestControlRefusesToStartBlindlyOrOpenly(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.json"), filepath.Join(dir, "bad.json")
	for path, text := range map[string]string{good: controlConfig, bad: strings.Replace(controlConfig, "http:", "ftp:", 1)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for want, flags := range map[string]controlFlags{
		"-c FILE":          {listen: "127.0.0.1:0"},
		"no such file":     {listen: "127.0.0.1:0", config: filepath.Join(dir, "none")},
		"bad.json:1:":      {listen: "127.0.0.1:0", config: bad},
		"--insecure":       {listen: "0.0.0.0:0", config: good},
		"reading the toke": {listen: "127.0.0.1:0", config: good, tokenFile: filepath.Join(dir, "none")},
		"127.0.0.1:8081":   {listen: "8081", config: good},
	} {
		err := runControl(t.Context(), flags, io.Discard, func(string) { t.Error("it listens") })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", flags, err, want)
		}
	}
}
