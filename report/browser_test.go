package report

import (
	"cmp"
	_ "embed"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seatrial/seatrial/internal/browser"
)

//go:embed testdata/check.js
var checkScript string

// TestPagesInABrowser looks at golden pages as a phone and a wide screen show
// them, light and dark: nothing overflows or overlaps, nothing is said on the
// console or asked of the network, all graphics have words, and contrast keeps
// WCAG's AA. SEATRIAL_PAGES (a pattern) names other pages to look at instead,
// SEATRIAL_SCREENSHOTS a folder for pictures.
func TestPagesInABrowser(t *testing.T) {
	path, err := browser.Find()
	if err != nil {
		t.Skip(err)
	}
	b, err := browser.Start(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, page := range pagesToSee(t) {
		for _, view := range []browser.View{{Width: 390}, {Width: 390, Dark: true}, {Width: 1440}, {Width: 1440, Dark: true}} {
			look(t, b, page, view)
		}
	}
}

// pagesToSee are, of the golden ones, those that together have all that there
// is: looking is slow on a busy machine.
func pagesToSee(t *testing.T) []string {
	t.Helper()
	pattern := cmp.Or(os.Getenv("SEATRIAL_PAGES"), filepath.Join("testdata", "*.html"))
	pages, err := filepath.Glob(pattern)
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages at %s: %v", pattern, err)
	}
	return slices.DeleteFunc(pages, func(page string) bool {
		own, golden := strings.CutPrefix(page, "testdata"+string(filepath.Separator))
		return golden && !slices.Contains([]string{"drained.html", "empty.html", "compare-few.html", "compare-fleet.html"}, own)
	})
}

func look(t *testing.T, b *browser.Browser, page string, view browser.View) {
	t.Helper()
	if err := b.Open(page, view); err != nil {
		t.Fatal(err)
	}
	photograph(t, b, page, view)
	var wrong []string
	if err := b.Evaluate(checkScript, &wrong); err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	wrong = append(wrong, b.Said()...)
	for _, url := range b.Asked()[1:] { // the first is the page
		if !strings.HasPrefix(url, "data:") {
			wrong = append(wrong, "asks for "+url)
		}
	}
	for _, w := range slices.Compact(wrong) {
		t.Errorf("%s, %s: %s", page, view, w)
	}
}

func photograph(t *testing.T, b *browser.Browser, page string, view browser.View) {
	t.Helper()
	folder := os.Getenv("SEATRIAL_SCREENSHOTS")
	if folder == "" {
		return
	}
	picture, err := b.Screenshot()
	if err != nil {
		t.Fatal(err)
	}
	name := strings.NewReplacer(string(filepath.Separator), "-", ".html", "", ":", "").Replace(strings.TrimPrefix(page, "testdata/"))
	if err := os.WriteFile(filepath.Join(folder, name+"-"+view.String()+".png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}
