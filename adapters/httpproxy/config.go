package httpproxy

import (
	"encoding/json"
	"net/http"
	"time"
)

// ConfigInfo is what GET /debug/config tells.
type ConfigInfo struct {
	Version      string    // the operator's label; "" before the first configuration
	Source       string    // "file" or "control_plane"
	LastReloadAt time.Time // when it was adopted
}

func serveConfig(w http.ResponseWriter, c ConfigInfo) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct { // its error is the client's going away
		Version      string `json:"version"`
		Source       string `json:"source"`
		LastReloadAt string `json:"last_reload_at"`
	}{c.Version, c.Source, c.LastReloadAt.UTC().Format(time.RFC3339)})
}
