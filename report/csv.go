package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

var csvHead = []string{"trial", "at", "load", "planned", "sent", "succeeded", "failed", "dropped", "hurt", "attempts", "late",
	"p50", "p90", "p95", "p99", "p999", "max", "errors"}

// CSV writes the load of the runs in the folders, a line for each load in each
// interval of 100 ms: times are in seconds, at counts from the trial's start (the
// warm-up is negative), empty is none, and errors are "class=count" with spaces
// between.
func CSV(w io.Writer, folders []string) error {
	out := csv.NewWriter(w)
	if err := out.Write(csvHead); err != nil {
		return err
	}
	for _, folder := range folders {
		if err := csvOf(out, folder); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func csvOf(out *csv.Writer, folder string) error {
	file, err := openRun(folder)
	if err != nil {
		return err
	}
	defer file.Close() // read only: nothing can be lost
	f, err := fold(file)
	if err != nil {
		return fmt.Errorf("reading %s: %w", folder, err)
	}
	for start, s := range f.window.between(-journal.Span, forever) {
		for _, load := range slices.Sorted(maps.Keys(s)) {
			if err := out.Write(csvRow(f.plan().ID, start, s[load].whole())); err != nil {
				return err
			}
		}
	}
	return nil
}

func csvRow(trial string, at time.Duration, iv *seatrial.Interval) []string {
	row := []string{spreadsheet(trial), strconv.FormatFloat(at.Seconds(), 'f', 1, 64), spreadsheet(iv.Load)}
	for _, n := range []int64{iv.Planned, iv.Sent, iv.Succeeded, iv.Failed, iv.Dropped, iv.Hurt, iv.Attempts, iv.Late} {
		row = append(row, strconv.FormatInt(n, 10))
	}
	t := times(iv.Latency)
	for _, q := range []*seatrial.Seconds{t.P50, t.P90, t.P95, t.P99, t.P999, t.Max} {
		text := ""
		if q != nil {
			text = strconv.FormatFloat(float64(*q), 'f', -1, 64)
		}
		row = append(row, text)
	}
	var errors []string
	for _, class := range slices.Sorted(maps.Keys(iv.Errors)) {
		errors = append(errors, fmt.Sprintf("%s=%d", class, iv.Errors[class]))
	}
	return append(row, spreadsheet(strings.Join(errors, " ")))
}

// spreadsheet keeps text from files and clusters from being read as a formula.
func spreadsheet(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
