package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a fenced block of a page: its language, what follows that, and its
// content.
var block = regexp.MustCompile("(?ms)^```(\\S*)([^\n]*)\n(.*?)^```$")

// The tutorial is followed to the letter: its files are written, and its commands
// run, in their order.
func TestTheTutorialWorksAsItIsWritten(t *testing.T) {
	sweep(t) // it tries many seeds
	page, err := os.ReadFile(filepath.Join(e2eDir(t), "docs", "tutorial.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	named := regexp.MustCompile("`([a-z.]+)`:\\s*$")
	ran, last := 0, 0
	for _, at := range block.FindAllSubmatchIndex(page, -1) {
		before, language := string(page[last:at[0]]), string(page[at[2]:at[3]])
		about, content := string(page[at[4]:at[5]]), string(page[at[6]:at[7]])
		last = at[1]
		switch {
		case language == "yaml":
			name := named.FindStringSubmatch(before)
			if name == nil {
				t.Fatalf("a file without a name:\n%s", content)
			}
			write(t, name[1], []byte(content))
		case language == "sh" && about == "":
			ran += follow(t, content)
		}
	}
	if ran < 6 {
		t.Errorf("the tutorial has %d commands, want 6 or more", ran)
	}
	reports, err := filepath.Glob("runs/trial/*/*/report.html")
	if err != nil || len(reports) < 2 {
		t.Errorf("reports %v, %v; want one of each variant", reports, err)
	}
}

// follow runs the commands of seatrial in a block, each of which has to succeed.
func follow(t *testing.T, commands string) int {
	t.Helper()
	ran := 0
	for line := range strings.Lines(commands) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "seatrial" {
			continue // how to get it, and where to stand
		}
		var stdout, stderr bytes.Buffer
		if code := run(words[1:], &stdout, &stderr); code != 0 {
			t.Errorf("%s: exit code %d\n%s%s", strings.TrimSpace(line), code, &stdout, &stderr)
		}
		ran++
	}
	return ran
}
