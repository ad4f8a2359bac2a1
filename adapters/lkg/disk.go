package lkg

import (
	"errors"
	"os"
)

// Disk is what a Store asks of a file system; tests inject faults through it.
type Disk interface {
	MkdirAll(dir string) error
	ReadFile(path string) ([]byte, error)
	// WriteSync replaces the file and returns once its content would survive a
	// loss of power.
	WriteSync(path string, data []byte) error
	Rename(from, to string) error
	// SyncDir returns once the names in dir would survive a loss of power.
	SyncDir(dir string) error
	// Lock keeps other processes from changing what is in dir until it is given
	// back. Where there are no locks it does nothing.
	Lock(dir string) (unlock func())
}

// OS is the machine's own file system. Files are readable by their owner only:
// a configuration names what is inside.
type OS struct{}

// MkdirAll implements Disk.
func (OS) MkdirAll(dir string) error { return os.MkdirAll(dir, 0o700) }

// ReadFile implements Disk.
func (OS) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }

// WriteSync implements Disk.
func (OS) WriteSync(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Rename implements Disk.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// SyncDir implements Disk.
func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
