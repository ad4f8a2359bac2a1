//go:build unix

package recordings_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestAFolderThatCannotBeReadHidesNoOther(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "r1"), filepath.Join(dir, "lost+found")
	for _, d := range []string{good, bad} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	newMaker(t, good, 3).life(200)
	if err := os.Chmod(bad, 0); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		t.Skip("root reads every folder")
	}
	all := open(t, dir)
	if len(all) != 1 || len(all[0].Faults) != 1 || all[0].Faults[0].Path != bad || !strings.Contains(all[0].Faults[0].Error(), "permission denied") {
		t.Errorf("%d recordings, faults %v", len(all), all[0].Faults)
	}
}

func TestAPipeInAFolderIsNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	newMaker(t, dir, 3).life(200)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.lst"), 0o600); err != nil {
		t.Skip(err)
	}
	if all := open(t, dir); len(all) != 1 || len(all[0].Faults) != 0 {
		t.Errorf("%d recordings, faults %v", len(all), all[0].Faults)
	}
}
