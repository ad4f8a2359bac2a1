package edge

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// readTickets puts the shared ticket keys in force if they have changed.
//
// They are set on the base configuration, which lives as long as the listener:
// one that is made anew for other certificates would forget them.
func (t *secrets) readTickets() error {
	text, err := ticketText(t.s.TLS.TicketKeys)
	if err != nil {
		return fmt.Errorf("reading the session ticket keys: %w", err)
	}
	if t.tickets != nil && bytes.Equal(text, t.tickets) {
		return nil
	}
	keys, err := parseTickets(t.s.TLS.TicketKeys, string(text))
	if err != nil {
		return err
	}
	t.base.SetSessionTicketKeys(keys)
	t.tickets = text
	return nil
}

// ticketText is the content of a file of keys, or of a folder of such files,
// the one whose name sorts last first: named by date, the newest key leads.
func ticketText(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return os.ReadFile(path)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	slices.Reverse(entries)
	var out []byte
	for _, e := range entries {
		file := filepath.Join(path, e.Name())
		if i, err := os.Stat(file); err != nil || i.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		out = append(append(out, data...), '\n')
	}
	return out, nil
}

// parseTickets reads one key a line: 32 bytes in base64. Empty lines and those
// that begin with # count for nothing. An error never shows a key.
func parseTickets(path, text string) (keys [][32]byte, err error) {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != 32 {
			return nil, fmt.Errorf("line %d of the session ticket keys in %s is not a key; write 32 bytes in base64, as openssl rand -base64 32 makes them", i+1, path)
		}
		keys = append(keys, [32]byte(raw))
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s holds no session ticket key; write one a line, as openssl rand -base64 32 makes them", path)
	}
	return keys, nil
}
