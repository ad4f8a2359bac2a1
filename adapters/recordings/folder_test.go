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

func TestAFileThatIsNamedTwiceIsTakenOnce(t *testing.T) {
	dir := t.TempDir()
	rec := filepath.Join(dir, "rec")
	if err := os.Mkdir(rec, 0o700); err != nil {
		t.Fatal(err)
	}
	newMaker(t, rec, 3).life(6000)
	files, err := filepath.Glob(filepath.Join(rec, "*.lst"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(rec, link); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(dir, "gone")
	for name, args := range map[string][]string{
		"a folder":                             {rec, rec},
		"by another path":                      {rec, filepath.Join(rec, "..", "rec") + "/"},
		"by a symbolic link":                   {link, rec},
		"a folder and a file in it":            {rec, files[1]},
		"a file and its folder":                {files[1], rec, files[0]},
		"what cannot be read, and the folder":  {gone, gone, rec},
		"a folder that can, and what can't be": {rec, gone, gone},
	} {
		all := open(t, args...)
		if len(all) != 1 || len(all[0].Segments) != len(files) || len(all[0].Faults) > 1 {
			t.Errorf("%s: %v, faults %v", name, all, all[0].Faults)
			continue
		}
		for i, s := range all[0].Segments {
			if filepath.Base(s.Path) != filepath.Base(files[i]) {
				t.Errorf("%s: %s is number %d", name, s.Path, i)
			}
		}
	}
	data, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, filepath.Base(files[1]))
	write(t, copied, data)
	if all := open(t, rec, copied); len(all) != 1 || len(all[0].Segments) != len(files)+1 {
		t.Errorf("a copy is another file: %v", all)
	}
}
