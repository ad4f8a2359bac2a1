package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestFlagsThatMeanNothingAreRefusedAndNotTakenForTheirDefault(t *testing.T) {
	for _, row := range []struct {
		args []string
		says string
	}{
		{[]string{"replay", fullVector, "--jobs", "-1"}, "--jobs is -1"},
		{[]string{"verify", fullVector, "--jobs", "-3"}, "--jobs is -3"},
		{[]string{"replay", fullVector, "--config", "nowhere.yaml", "--gate", ""}, "--gate is empty"},
		{[]string{"incident", fullVector, "--top", "-1"}, "--top is -1"},
		{[]string{"incident", fullVector, "-o", t.TempDir()}, "is a folder: name the file to write"},
		{[]string{"explain", fullVector, "--status", "-5"}, "--status -5 is no status of HTTP"},
		{[]string{"explain", fullVector, "--step", "-1"}, `invalid argument "-1" for "--step" flag: write a whole number, 0 or more`},
		{[]string{"explain", fullVector, "--step", "99999999999999999999"}, "the number is too large"},
		{[]string{"explain", fullVector, "--limit", "many"}, `for "--limit" flag: write a whole number`},
		{[]string{"explain", fullVector, "--json=perhaps"}, `for "--json" flag: write true or false`},
		{[]string{"serve", "-c", "nowhere.yaml", "--drain", "-1s"}, "write 0s or more"},
		{[]string{"serve", "-c", "nowhere.yaml", "--lame-duck", "-1s"}, "write 0s or more"},
	} {
		if code, _, stderr := lockstep(row.args...); code != exitUsage || !strings.Contains(stderr, row.says) {
			t.Errorf("%v: exit %d: %s", row.args, code, stderr)
		}
	}
}

func TestAFolderInPlaceOfAFileIsSaid(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{{"check", dir}, {"fuzz", dir}, {"diff", dir, dir}, {"import", "nginx", dir, "-o", filepath.Join(dir, "x.lst")}, {"convert", dir, "-o", filepath.Join(dir, "y.lst")}} {
		if code, _, errs := lockstep(args...); code != exitUsage || !strings.Contains(errs, "that is a folder: name a file in it") {
			t.Errorf("%v: exit %d: %s", args, code, errs)
		}
	}
}
