//go:build linux || darwin || freebsd || netbsd || openbsd

package lkg

import (
	"os"
	"syscall"
)

// Lock implements Disk, by an advisory lock on the folder that ends with the process at the
// latest. A folder that cannot be opened says so when it is written to.
func (OS) Lock(dir string) (unlock func()) {
	f, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	for syscall.Flock(int(f.Fd()), syscall.LOCK_EX) == syscall.EINTR {
	}
	return func() { _ = f.Close() } // only read from
}
