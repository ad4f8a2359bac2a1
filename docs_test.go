package lockstep_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	fence    = regexp.MustCompile("(?ms)^```.*?^```")
	code     = regexp.MustCompile("`[^`\n]*`")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	linkText = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	heading  = regexp.MustCompile(`(?m)^#+ +(.+)$`)
)

// TestEveryRelativeLinkLeadsSomewhere looks at each page that git knows: the
// file or folder that a link names is there, and so is the heading behind `#`.
func TestEveryRelativeLinkLeadsSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(fence.ReplaceAllString(read(t, page), ""), ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			to := page
			if target != "" {
				to = filepath.Join(filepath.Dir(page), target)
			}
			info, err := os.Stat(to)
			if err != nil {
				t.Errorf("%s: nothing is at %s", page, m[1])
				continue
			}
			if anchor == "" {
				continue
			}
			if info.IsDir() {
				to = filepath.Join(to, "README.md")
			}
			if !anchors(read(t, to))[anchor] {
				t.Errorf("%s: %s has no heading #%s", page, to, anchor)
			}
		}
	}
}

// TestEveryFolderOfAnAdapterSaysWhatItIs, in a README, in doc.go, or at the top
// of its only file, and adapters/README.md has a line for it.
func TestEveryFolderOfAnAdapterSaysWhatItIs(t *testing.T) {
	overview := read(t, "adapters/README.md")
	folders, err := os.ReadDir("adapters")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if f.IsDir() && !strings.Contains(overview, "["+f.Name()+"]("+f.Name()+")") {
			t.Errorf("adapters/README.md has no line for %s", f.Name())
		}
	}
}

// anchors are the names that a page's headings get where it is shown.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		var b strings.Builder
		for _, r := range strings.ToLower(linkText.ReplaceAllString(m[1], "$1")) {
			switch {
			case r == ' ':
				b.WriteByte('-')
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				b.WriteRune(r)
			}
		}
		all[b.String()] = true
	}
	return all
}

func pages(t *testing.T) []string {
	out, err := exec.Command("git", "ls-files", "-co", "--exclude-standard", "*.md").Output()
	if err != nil {
		t.Skip("not a clone with git: there is no list of pages")
	}
	return strings.Fields(string(out))
}

func read(t *testing.T, path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
