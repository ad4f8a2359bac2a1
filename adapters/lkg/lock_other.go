//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package lkg

// Lock implements Disk: here there is no hot upgrade, and one process uses a folder.
func (OS) Lock(string) (unlock func()) { return func() {} }
