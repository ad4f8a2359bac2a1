package edge

import (
	"errors"
	"log/slog"

	"lockstep/adapters/settings"
)

// errNoCertificate follows from others that say why.
var errNoCertificate = errors.New("there is no certificate to serve with")

// CheckFiles reads the files that a listener's TLS names, as Listen does, and
// returns each one's fault. An error is fs.ErrNotExist where a file is not there.
func CheckFiles(s settings.Listener) []error {
	if s.TLS == nil {
		return nil
	}
	_, err := newSecrets(s.WithDefaults(), slog.New(slog.DiscardHandler))
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var out []error
	for _, err := range joined.Unwrap() {
		if !errors.Is(err, errNoCertificate) || len(joined.Unwrap()) == 1 {
			out = append(out, err)
		}
	}
	return out
}
