package report

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

func TestOnlyWhatWasNotExpectedIsAnnotated(t *testing.T) {
	p := frozen()
	s, _ := judge(t, p.journal(t))
	var out bytes.Buffer
	if err := Annotate(&out, "my.yaml", s); err != nil || out.Len() > 0 {
		t.Errorf("%v %q", err, out.String())
	}
	p.header.Expect, p.header.Variant = seatrial.Pass, "a:b,c%\n::error::x"
	s, _ = judge(t, p.journal(t))
	if err := Annotate(&out, "sc,1.yaml", s); err != nil {
		t.Fatal(err)
	}
	line := out.String()
	if !strings.HasPrefix(line, "::error file=sc%2C1.yaml,title=FAIL%3A live-migration / a%3Ab%2Cc%25%0A%3A%3Aerror%3A%3Ax::In the") ||
		strings.Count(line, "\n") != 1 || !strings.Contains(line, "%0ASLO missed") {
		t.Errorf("%q", line)
	}
}

func TestARegressionIsAnnotated(t *testing.T) {
	c := &Comparison{Scenario: "live-migration", Since: &Since{Variants: []SinceVariant{{Variant: "as-is"}, {Variant: "retry", Regressed: true, Words: "worse: 5 % instead of 1 %"}}},
		LeftOut: []LeftOut{{Variant: "as-is", Seed: 3, Reasons: []string{"late"}}}}
	var out bytes.Buffer
	if err := AnnotateComparison(&out, "", c); err != nil {
		t.Fatal(err)
	}
	want := "::error title=Regression%3A live-migration / retry::worse: 5 %25 instead of 1 %25\n" +
		"::error title=Invalid trials of live-migration%3A 1::as-is, seed 3: late\n"
	if out.String() != want {
		t.Errorf("%q", out.String())
	}
}

func TestCSVHasEveryInterval(t *testing.T) {
	p := frozen()
	p.failing = true
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, JournalFile), p.journal(t), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := CSV(&out, []string{folder, folder}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 1+2*240 { // 24 s, the warm-up included
		t.Fatalf("%v, %d rows", err, len(rows))
	}
	planned, failed := 0, 0
	for _, row := range rows[1:241] {
		n, errPlanned := strconv.Atoi(row[3])
		bad, errFailed := strconv.Atoi(row[6])
		if errPlanned != nil || errFailed != nil || bad > 0 != strings.HasPrefix(row[17], "refused=") {
			t.Fatalf("%v", row)
		}
		planned, failed = planned+n, failed+bad
	}
	s, _ := judge(t, p.journal(t))
	if planned != 1200 || int64(failed) != s.Load.Failed || rows[1][1] != "-4.0" || rows[1][2] != "browse" {
		t.Errorf("%d planned, %d failed, first %v", planned, failed, rows[1])
	}
	if err := CSV(&out, []string{t.TempDir()}); err == nil {
		t.Error("a folder without a run")
	}
	if got := spreadsheet("=cmd()"); got != "'=cmd()" {
		t.Errorf("a formula: %q", got)
	}
}

func TestTheTimelineFitsATerminalAndShowsTheFault(t *testing.T) {
	p := frozen()
	p.failing = true
	s, _ := judge(t, p.journal(t))
	if len(s.timeline) != 5 { // p99, hurt, pods, the fault, the scale
		t.Fatalf("%q", s.timeline)
	}
	for _, line := range s.timeline {
		if n := utf8.RuneCountInString(line); n > width-2 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	hurt, fault := []rune(s.timeline[1])[10:10+columns], []rune(s.timeline[3])[10:10+columns]
	for i := range columns {
		// Before the fault and after it nobody is hurt; in it, a third.
		if there := fault[i] == '█'; there != (hurt[i] == '▃') && fault[i] != '▒' {
			t.Errorf("column %d: fault %q, hurt %q", i, fault[i], hurt[i])
		}
	}
	if strings.Count(string(fault), "█") < columns*7/24 {
		t.Errorf("the fault of 8 s in 24: %s", string(fault))
	}
	var nothing Fold
	nothing.window = NewWindow()
	if lines := nothing.timeline(&Summary{}); lines != nil {
		t.Errorf("of nothing: %q", lines)
	}
}

func TestComparisonsSayHowClustersDepartFromDefaults(t *testing.T) {
	slow := []journal.Cluster{{Name: "main", Timings: []seatrial.Departure{{Name: "nodeMonitorGracePeriod", Value: 20, Default: 50, Unit: "s"}}}}
	c := &Comparison{Variants: []ComparedVariant{{Variant: "a", Clusters: slow}, {Variant: "b", Clusters: slow}}}
	if got := comparedSettings(c); len(got) != 1 || got[0].Label != "Cluster main" || !strings.Contains(got[0].Value, "shortened to 20 s") {
		t.Errorf("%v", got)
	}
	c.Variants[0].Clusters = nil
	if got := comparedSettings(c); len(got) != 1 || got[0].Label != "Cluster main of b" {
		t.Errorf("%v", got)
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text":     func(b *bytes.Buffer) error { return ComparisonText(b, c, Style{}) },
		"markdown": func(b *bytes.Buffer) error { return ComparisonMarkdown(b, c) },
		"html":     func(b *bytes.Buffer) error { return ComparisonHTML(b, c) },
	} {
		var out bytes.Buffer
		if err := write(&out); err != nil || !strings.Contains(out.String(), "node monitor grace period shortened") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
