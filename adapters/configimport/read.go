package configimport

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// ReadBeside returns a reader of files that a configuration at path names: by
// their own path, then relative to the folder of the configuration, then by their
// name in that folder. Configurations name files of the machine that they run on,
// which is seldom the one where they are translated.
func ReadBeside(path string) func(name string) ([]byte, error) {
	dir := filepath.Dir(path)
	return func(name string) (data []byte, err error) {
		tries := []string{filepath.Join(dir, name), filepath.Join(dir, filepath.Base(name))}
		if filepath.IsAbs(name) {
			tries = append([]string{name}, tries...)
		}
		for _, t := range tries {
			if data, err = os.ReadFile(t); !errors.Is(err, fs.ErrNotExist) {
				return data, err
			}
		}
		return nil, err
	}
}
