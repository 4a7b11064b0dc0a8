package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// exported writes journals into run folders, and exports them.
func exported(t *testing.T, journals ...[]byte) string {
	t.Helper()
	var folders []string
	for _, text := range journals {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, JournalFile), text, 0o644); err != nil {
			t.Fatal(err)
		}
		folders = append(folders, folder)
	}
	var out bytes.Buffer
	if err := OpenMetrics(&out, folders); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTheExportLooksAsItsGoldenFile(t *testing.T) {
	golden(t, "whole.prom", []byte(exported(t, frozen().journal(t))))
}

func TestTheExportOfEveryTrialKeepsTheGrammarOfOpenMetrics(t *testing.T) {
	for name, text := range cases(t) {
		t.Run(name, func(t *testing.T) { checkOpenMetrics(t, exported(t, text)) })
	}
	odd := frozen()
	odd.header.Variant, odd.header.ID = "a \"quoted\\\" \xff\nname", "odd/1"
	checkOpenMetrics(t, exported(t, frozen().journal(t), odd.journal(t)))
}

func TestTheExportCountsErrorsByClassAndPhase(t *testing.T) {
	failing := frozen()
	failing.failing = true
	values := checkOpenMetrics(t, exported(t, failing.journal(t)))
	of := func(metric string, labels ...string) float64 {
		sum := 0.0
	series:
		for id, v := range values {
			if !strings.HasPrefix(id, metric+"{") {
				continue
			}
			for _, l := range labels {
				if !strings.Contains(id, l) {
					continue series
				}
			}
			sum += v
		}
		return sum
	}
	s, _ := judge(t, failing.journal(t))
	failed := float64(s.Phases.Fault.Load.Failed)
	if got := of("seatrial_requests_total", `phase="fault"`, `outcome="failed"`); got != failed || failed == 0 {
		t.Errorf("%v requests failed in the fault, want %v", got, failed)
	}
	if got := of("seatrial_request_errors_total", `phase="fault"`, `class="refused"`); got != failed {
		t.Errorf("%v errors are refused connections, want %v", got, failed)
	}
	if got := of("seatrial_requests_total"); got != float64(s.Load.Planned) {
		t.Errorf("%v requests in all, want %d", got, s.Load.Planned)
	}
	if got := of("seatrial_fault_info", `fault="migrate"`, `injected_at="5.012"`, `reverted_at="13.0"`); got != 1 {
		t.Errorf("the fault's times are missing: %v", got)
	}
}

func TestTheExportsBucketsAreThoseOfTheJournalsHistogram(t *testing.T) {
	b := seatrial.Buckets{}
	for us := range 100_000 {
		journal.Record(b, time.Duration(us)*time.Microsecond)
	}
	e := &exposition{byName: map[string]*family{}}
	e.histogram("h", "", b, nil)
	for _, line := range strings.Split(strings.TrimSpace(e.families[0].samples.String()), "\n") {
		edge, count, ok := strings.Cut(line, `"} `)
		if !ok || strings.Contains(edge, "+Inf") {
			continue
		}
		limit, err := strconv.ParseFloat(edge[strings.LastIndexByte(edge, '"')+1:], 64)
		if err != nil {
			t.Fatal(err)
		}
		want := min(100_000, int64(limit*1e6+0.5)+1) // of 0 µs to the edge
		if count != fmt.Sprint(want) {
			t.Errorf("%s samples up to %v s, want %d", count, limit, want)
		}
	}
}

var (
	metadata  = regexp.MustCompile(`^# (TYPE|HELP|UNIT) ([a-z][a-z0-9_]*) (.*)$`)
	label     = `[a-z_]+="(?:[^"\\\n]|\\[\\n"])*"`
	sampleRow = regexp.MustCompile(`^([a-z][a-z0-9_]*)\{(` + label + `(?:,` + label + `)*)\} ([0-9.e+-]+)$`)
	suffixes  = map[string][]string{"counter": {"_total"}, "gauge": {""}, "info": {"_info"}, "histogram": {"_bucket", "_count", "_sum"}}
)

// checkOpenMetrics is strict about the grammar and the rules that readers rely
// on, see the specification; it returns all samples.
func checkOpenMetrics(t *testing.T, text string) map[string]float64 {
	t.Helper()
	body, ended := strings.CutSuffix(text, "# EOF\n")
	if !ended || strings.Contains(body, "# EOF") {
		t.Fatal("the text does not end in its only # EOF")
	}
	values, families := map[string]float64{}, map[string]bool{}
	var name, kind string
	cumulative := map[string]float64{} // of the last bucket, by labels without le
	for n, line := range strings.Split(strings.TrimSuffix(body, "\n"), "\n") {
		if m := metadata.FindStringSubmatch(line); m != nil {
			if m[1] == "TYPE" {
				if name, kind = m[2], m[3]; families[name] {
					t.Fatalf("line %d: family %s comes twice", n+1, name)
				}
				families[name] = true
			}
			if m[2] != name || m[1] == "UNIT" && !strings.HasSuffix(name, "_"+m[3]) {
				t.Fatalf("line %d: %s", n+1, line)
			}
			continue
		}
		m := sampleRow.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("line %d is no sample: %s", n+1, line)
		}
		value, err := strconv.ParseFloat(m[3], 64)
		if _, twice := values[m[1]+"{"+m[2]+"}"]; err != nil || twice || value < 0 && kind != "gauge" {
			t.Fatalf("line %d: %v, or the same twice: %s", n+1, err, line)
		}
		values[m[1]+"{"+m[2]+"}"] = value
		suffix, ok := strings.CutPrefix(m[1], name)
		if !ok || !strings.Contains(" "+strings.Join(suffixes[kind], " ")+" ", " "+suffix+" ") {
			t.Fatalf("line %d: %s is no sample of the %s %s", n+1, m[1], kind, name)
		}
		if kind != "histogram" {
			continue
		}
		series, le, isBucket := strings.Cut(m[2], `,le="`)
		if isBucket && value < cumulative[name+series] || suffix == "_count" && value != cumulative[name+series] {
			t.Fatalf("line %d: buckets are not cumulative up to the count (le %s): %s", n+1, le, line)
		}
		if isBucket {
			cumulative[name+series] = value
		}
	}
	return values
}
