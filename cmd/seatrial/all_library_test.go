package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/scenarios"
)

// finding is how one variant of the library came out on kind.
type finding struct {
	Build    string           `json:"build"`
	Scenario string           `json:"scenario"`
	Variant  string           `json:"variant"`
	Expect   seatrial.Verdict `json:"expect"`
	Verdict  string           `json:"verdict"` // or what kept it from having one
	Seconds  int              `json:"seconds"`
}

func (o finding) expected() bool { return o.Verdict == string(o.Expect) }

// chosen are the scenarios that $SCENARIOS names, or all of the library.
func chosen(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, entry := range scenarios.Library() {
		all = append(all, entry.Name)
	}
	named := strings.Fields(os.Getenv("SCENARIOS"))
	for _, name := range named {
		if !slices.Contains(all, name) {
			t.Fatalf("SCENARIOS: the library has no %s; it has %s", name, strings.Join(all, " "))
		}
	}
	if len(named) > 0 {
		return named
	}
	return all
}

func TestAllScenariosOfTheLibraryEndOnKindAsTheirAuthorsExpect(t *testing.T) {
	e := wholeE2E(t)
	book := openBook(t, e)
	for _, name := range chosen(t) {
		scenario, err := scenarios.Load(name, faults.Catalog())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range scenario.Variants {
			t.Run(name+"/"+v.Variant, func(t *testing.T) {
				o, known := book.find(name, v.Variant)
				if known {
					t.Logf("this build did it before, in %d s", o.Seconds)
				} else {
					o = e.finding(t, name, v)
					book.add(t, o)
				}
				if !o.expected() {
					t.Errorf("%s, want %s", o.Verdict, v.Expect)
				}
			})
		}
	}
	t.Logf("every variant on kind:\n%s", book.table())
}

// finding runs one variant.
func (e *e2e) finding(t *testing.T, scenario string, v seatrial.Trial) finding {
	t.Helper()
	o := finding{Scenario: scenario, Variant: v.Variant, Expect: v.Expect}
	begun := time.Now()
	r := e.tries(t, "--variant", v.Variant, scenario)
	o.Seconds = int(time.Since(begun).Seconds())
	if len(r.summaries) == 1 {
		o.Verdict = string(r.summaries[0].Verdict)
	}
	if o.Verdict == "" || r.code != 0 && o.expected() {
		o.Verdict = fmt.Sprintf("exit code %d", r.code)
	}
	wantAllWell(t)
	return o
}

// book holds what has been tried, on disk: a run that was cut short goes on
// where it stopped. Only what came out as expected, on this very build of
// seatrial, is not tried again.
type book struct {
	path  string
	build string
	done  []finding // of this build
	now   []finding // that this run has come across, in its order
}

func openBook(t *testing.T, e *e2e) *book {
	t.Helper()
	binary, err := os.ReadFile(e.binary)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(binary)
	b := &book{path: filepath.Join(e.runs, "e2e-all.jsonl"), build: hex.EncodeToString(sum[:8])}
	text, err := os.ReadFile(b.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var o finding
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("reading %s: %v; remove it to begin anew", b.path, err)
		}
		if o.Build == b.build && o.expected() {
			b.done = append(b.done, o)
		}
	}
	return b
}

func (b *book) find(scenario, variant string) (finding, bool) {
	i := slices.IndexFunc(b.done, func(o finding) bool { return o.Scenario == scenario && o.Variant == variant })
	if i < 0 {
		return finding{}, false
	}
	b.now = append(b.now, b.done[i])
	return b.done[i], true
}

// add writes an finding down at once.
func (b *book) add(t *testing.T, o finding) {
	t.Helper()
	o.Build = b.build
	b.now = append(b.now, o)
	line, err := json.Marshal(o)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(b.path), 0o755)
	}
	var file *os.File
	if err == nil {
		file, err = os.OpenFile(b.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	}
	if err == nil {
		_, err = file.Write(append(line, '\n'))
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		t.Error(err)
	}
}

// table lists what this run has come across.
func (b *book) table() string {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tscenario\tvariant\tverdict\texpected\tseconds")
	for _, o := range b.now {
		mark := "✓"
		if !o.expected() {
			mark = "✗"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\n", mark, o.Scenario, o.Variant, o.Verdict, o.Expect, o.Seconds)
	}
	w.Flush() // to a buffer, which takes everything
	return text.String()
}
