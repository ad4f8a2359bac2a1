//go:build linux || darwin || freebsd || netbsd || openbsd

package recordings

import (
	"errors"
	"os"
	"syscall"
)

// HoldOpen marks a file as being written until it is closed, so that no sweep
// of any process deletes it. A file system without locks is no reason not to record.
func HoldOpen(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) }

// tryLock reports whether nobody holds the file.
func tryLock(f *os.File) bool {
	return !errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
