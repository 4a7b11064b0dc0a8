package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestReportsLookAsTheirGoldenFiles(t *testing.T) {
	for name, text := range cases(t) {
		s, page := judge(t, text)
		for format, write := range map[string]func(*bytes.Buffer) error{
			"txt":  func(b *bytes.Buffer) error { return Text(b, s, Style{}) },
			"json": func(b *bytes.Buffer) error { return encode(b, s, "  ") },
			"html": func(b *bytes.Buffer) error { return HTML(b, page) },
			"md":   func(b *bytes.Buffer) error { return Markdown(b, s) },
			"xml":  func(b *bytes.Buffer) error { return JUnit(b, []*Summary{s}) },
		} {
			t.Run(name+"."+format, func(t *testing.T) {
				var got bytes.Buffer
				if err := write(&got); err != nil {
					t.Fatal(err)
				}
				golden(t, name+"."+format, got.Bytes())
			})
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s; see the change with: go test ./report -update && git diff report/testdata\n%s", path, firstDifference(got, want))
	}
}

func firstDifference(got, want []byte) string {
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\n got: %.300s\nwant: %.300s", i+1, g[i], w[i])
		}
	}
	return "one has more lines"
}

// TestSummaryHasTheFieldsOfTheContract keeps the names that users build on.
func TestSummaryHasTheFieldsOfTheContract(t *testing.T) {
	s, _ := judge(t, frozen().journal(t))
	var line bytes.Buffer
	if err := JSON(&line, s); err != nil || strings.Count(line.String(), "\n") != 1 {
		t.Fatalf("%v, %d lines", err, strings.Count(line.String(), "\n"))
	}
	var got any
	if err := json.Unmarshal(line.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	part := []string{"load.planned", "load.sent", "load.succeeded", "load.failed", "load.dropped", "load.attempts", "availability"}
	for _, of := range []string{"latency", "service_time"} {
		for _, q := range []string{"p50", "p90", "p99", "p999", "max"} {
			part = append(part, of+"."+q)
		}
	}
	paths := strings.Fields("schema id scenario variant backend seed expect verdict reasons " +
		"impact.requests_hurt impact.users_hurt impact.time_to_detect impact.time_to_recover impact.unavailable_seconds " +
		"loads.0.name exposure.0.pod exposure.0.node exposure.0.users")
	for _, below := range []string{"", "loads.0.", "phases.before.", "phases.fault.", "phases.recovery.", "phases.fault.loads.0."} {
		for _, name := range part {
			paths = append(paths, below+name)
		}
	}
	for _, f := range strings.Fields("name kind targets planned_at injected_at proven_at reverted_at proof") {
		paths = append(paths, "faults.0."+f)
	}
	for _, f := range strings.Fields("name load phase objective measured pass") {
		paths = append(paths, "slo.0."+f)
	}
	for _, f := range strings.Fields("desired_pods lowest_ready_pods nodes_lost.0.node nodes_lost.0.at " +
		"goodput.before goodput.fault goodput.recovery goodput.kept") {
		paths = append(paths, "workload."+f)
	}
	for _, path := range paths {
		if v := lookup(got, strings.Split(path, ".")); v == nil {
			t.Errorf("summary.json lacks %s", path)
		}
	}
}

func lookup(v any, path []string) any {
	for _, key := range path {
		switch in := v.(type) {
		case map[string]any:
			v = in[key]
		case []any:
			if key != "0" || len(in) == 0 {
				return nil
			}
			v = in[0]
		default:
			return nil
		}
	}
	return v
}

func TestThePageNeedsNoOtherFileAndNoScript(t *testing.T) {
	_, page := judge(t, frozen().journal(t))
	var html bytes.Buffer
	if err := HTML(&html, page); err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"<script", "http://", "https://", "src=", "@import", "url(", "ZgotmplZ", "<b>to"} {
		if strings.Contains(html.String(), forbidden) {
			t.Errorf("the page contains %q", forbidden)
		}
	}
}

func TestAPageOfTenMinutesStaysSmall(t *testing.T) {
	p := frozen()
	p.end = 10 * time.Minute
	_, page := judge(t, p.journal(t))
	var html bytes.Buffer
	if err := HTML(&html, page); err != nil {
		t.Fatal(err)
	}
	if len(page.Bins) > mostBins || html.Len() > 150_000 {
		t.Errorf("%d bins, %d bytes", len(page.Bins), html.Len())
	}
}

func TestJUnitIsXMLWhateverNamesContain(t *testing.T) {
	p := frozen()
	p.header.Variant = "<a>&\"\x00"
	s, _ := judge(t, p.journal(t))
	var out bytes.Buffer
	if err := JUnit(&out, []*Summary{s, s}); err != nil {
		t.Fatal(err)
	}
	var back junitSuites
	if err := xml.Unmarshal(out.Bytes(), &back); err != nil || len(back.Suites) != 2 {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestTextNeverSteersATerminal(t *testing.T) {
	p := frozen()
	p.header.Variant, p.header.Warnings = "\x1b[2J", []string{"\x1b]0;x\x07"}
	p.header.Loads[0].Name = "\x1b[31m"
	s, _ := judge(t, p.journal(t))
	var out bytes.Buffer
	if err := errors.Join(Text(&out, s, Style{}), Overview(&out, []*Summary{s}, Style{})); err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsRune(out.Bytes(), 0x1b) {
		t.Errorf("%q", out.String())
	}
}

func TestWriteRunIsRepeatable(t *testing.T) {
	folder := t.TempDir()
	if _, err := WriteRun(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a journal: %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, JournalFile), frozen().journal(t), 0o644); err != nil {
		t.Fatal(err)
	}
	var first string
	for range 2 {
		if _, err := WriteRun(folder); err != nil {
			t.Fatal(err)
		}
		a, errA := os.ReadFile(filepath.Join(folder, SummaryFile))
		b, errB := os.ReadFile(filepath.Join(folder, PageFile))
		if both := string(a) + string(b); errA != nil || errB != nil || first != "" && both != first {
			t.Errorf("%v, %v, or the second report differs", errA, errB)
		} else {
			first = both
		}
	}
	if files, _ := os.ReadDir(folder); len(files) != 3 {
		t.Errorf("left behind: %v", files)
	}
}

func TestNumbersInWords(t *testing.T) {
	for want, got := range map[string]string{
		"3 ms": seconds(0.003), "3.25 ms": seconds(0.00325), "999 ms": seconds(0.9991), "1 s": seconds(0.9999), "8.05 s": seconds(8.054),
		"123 s": seconds(123.4), "1234 s": seconds(1234.4), "0 ms": seconds(0), "−12 ms": seconds(-0.012), "10 s": seconds(9.9999),
		"100 %": percent(1), "0 %": percent(0), ">99.99 %": percent(0.99999), "<0.01 %": percent(0.00001),
		"31.2 %": percent(0.312), "99.98 %": percent(0.9998), "0.05 %": percent(0.0005), "90 %": percent(0.9),
		"1,234,567": count(1234567), "999": count(999), "-1,000": count(-1000),
		"1 user": plural(1, "user"), "1,200 users": plural(1200, "user"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func FuzzFromJournal(f *testing.F) {
	f.Add([]byte(`{"at":-4,"kind":"trial","edge":"begin","data":{"schema":1,"loads":[{"name":"l","users":1}]}}
{"at":0.1,"kind":"load","data":{"load":"l","planned":2,"sent":1,"failed":1,"dropped":1,"hurt":2,"latency":{"5000":1},"hurt_users":[1]}}
{"at":0.2,"kind":"fault","subject":"f","data":{"step":"injected","targets":["node/n"]}}
{"at":0.1,"kind":"pod","subject":"a/b","data":{"ready":true,"node":"n","restarts":1,"workload":"deployment/b"}}
{"at":0.2,"kind":"pod","subject":"a/b","data":{"ready":true,"terminating":true}}
{"at":0.2,"kind":"node","subject":"n","data":{"removed":true}}
{"at":0.2,"kind":"eviction","subject":"a/b","data":{"outcome":"refused"}}
{"at":31000000,"kind":"load","data":{"load":"l","planned":2}}
{"at":1,"kind":"trial","edge":"end","data":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, page, err := FromJournal(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := errors.Join(Text(&out, s, Style{}), JSON(&out, s), HTML(&out, page), Markdown(&out, s), JUnit(&out, []*Summary{s})); err != nil {
			t.Fatal(err)
		}
	})
}

func TestLabelsOfBandsDoNotTouch(t *testing.T) {
	list := apartOnAPhone([]band{{From: 0, Width: 8, Label: "warm-up"}, {From: 10, Width: 5, Label: "migrate"}, {From: 12, Width: 3, Label: "drain"},
		{From: 45, Width: 5, Label: "again"}, {From: 95, Width: 4, Label: "at-the-end"}})
	levels := []int{0, 1, 2, 0, 0}
	for i, b := range list {
		if b.Level != levels[i] || b.Ends != (i == 4) {
			t.Errorf("%s: level %d, ends %v", b.Label, b.Level, b.Ends)
		}
	}
	if c := (chart{Bands: list}); c.Levels() != 3 {
		t.Errorf("%d levels", c.Levels())
	}
}

func TestTheSpectrumEndsAtTheLongestRequest(t *testing.T) {
	_, page := judge(t, frozen().journal(t))
	if len(page.Spectrum) != 3 {
		t.Fatalf("%d curves", len(page.Spectrum))
	}
	for i, phase := range []*Phase{page.Summary.Phases.Before, page.Summary.Phases.Fault, page.Summary.Phases.Recovery} {
		c := page.Spectrum[i]
		last := c.Points[len(c.Points)-1]
		if c.Points[0].Quantile != 0 || last.Latency != *phase.Latency.Max || last.Quantile >= 1 {
			t.Errorf("%s: from %+v to %+v, the longest is %v", c.Name, c.Points[0], last, *phase.Latency.Max)
		}
		for j := range c.Points[1:] {
			if c.Points[j+1].Quantile <= c.Points[j].Quantile || c.Points[j+1].Latency < c.Points[j].Latency {
				t.Errorf("%s: %+v after %+v", c.Name, c.Points[j+1], c.Points[j])
			}
		}
	}
}

func TestErrorsAreDrawnByClass(t *testing.T) {
	p := frozen()
	if _, page := judge(t, p.journal(t)); strings.Contains(strings.Join(chartIDs(page), " "), "errors") {
		t.Error("nothing failed")
	}
	p.failing = true
	_, page := judge(t, p.journal(t))
	c, there := errorChart(page, axis{page.Bins[0].From, page.Bins[len(page.Bins)-1].To})
	if !there || len(c.Keys) != 1 || c.Keys[0].Label != "refused" {
		t.Errorf("%v %+v", there, c.Keys)
	}
	many := []Bin{{Part: Part{Errors: map[string]int64{"a": 1, "b": 9, "c": 3, "d": 4, "e": 5, "f": 6}}}}
	if classes := commonest(many); strings.Join(classes, " ") != "b f e d others" || failedBy(many[0], others, classes) != 4 || failedBy(many[0], "", classes) != 28 {
		t.Errorf("%v", classes)
	}
}

func chartIDs(p *Page) (ids []string) {
	for _, c := range charts(p) {
		ids = append(ids, c.ID)
	}
	return ids
}
