package upstream

import "lockstep/adapters/settings"

// CheckFiles reads the files that the TLS of an upstream names, as its first
// connection does. An error is fs.ErrNotExist where a file is not there.
func CheckFiles(u *settings.Upstream) error {
	if u.TLS == nil {
		return nil
	}
	s := &tlsSource{settings: *u.TLS}
	_, err := s.build()
	return err
}
