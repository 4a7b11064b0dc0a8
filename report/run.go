package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// The files of a run folder.
const (
	JournalFile = "journal.jsonl"
	SummaryFile = "summary.json"
	PageFile    = "report.html"
)

// FromJournal judges a journal. A journal that is damaged or cut short gives a
// summary whose verdict says so; the error is one of reading r.
func FromJournal(r io.Reader) (*Summary, *Page, error) {
	f, err := fold(r)
	if err != nil {
		return nil, nil, err
	}
	s := f.Summary()
	return s, f.Page(s), nil
}

func fold(r io.Reader) (*Fold, error) {
	f := NewFold()
	for line, err := range journal.Read(r) {
		var damaged *journal.LineError
		if err != nil && !errors.As(err, &damaged) {
			return nil, err
		}
		f.Add(line, err)
	}
	return f, nil
}

// WriteRun judges the journal of a run folder and writes summary.json and
// report.html beside it. Files that are there already are replaced whole.
func WriteRun(folder string) (*Summary, error) {
	file, err := openRun(folder)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	s, page, err := FromJournal(file)
	if err != nil {
		return nil, fmt.Errorf("judging %s: %w", folder, err)
	}
	var summary, html bytes.Buffer
	if err := errors.Join(encode(&summary, s, "  "), HTML(&html, page)); err != nil {
		return s, fmt.Errorf("rendering the report of %s: %w", folder, err)
	}
	err = errors.Join(replace(filepath.Join(folder, SummaryFile), summary.Bytes()),
		replace(filepath.Join(folder, PageFile), html.Bytes()))
	return s, seatrial.Fail(seatrial.Infrastructure, err, "check the free space and the permissions of the run's folder")
}

// ReadRun judges the journal of a run folder and writes nothing.
func ReadRun(folder string) (*Summary, error) {
	f, err := foldRun(folder)
	if err != nil {
		return nil, err
	}
	return f.Summary(), nil
}

// foldRun folds the journal of a run folder.
func foldRun(folder string) (*Fold, error) {
	file, err := openRun(folder)
	if err != nil {
		return nil, err
	}
	defer file.Close() // read only: nothing can be lost
	f, err := fold(file)
	if err != nil {
		return nil, fmt.Errorf("judging %s: %w", folder, err)
	}
	return f, nil
}

// openRun opens the journal of a run folder.
func openRun(folder string) (*os.File, error) {
	file, err := os.Open(filepath.Join(folder, JournalFile))
	if err != nil {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("opening a run: %w", err), "name a folder that holds a "+JournalFile)
	}
	return file, nil
}

// WriteDistribution writes distribution.json in a run folder.
func WriteDistribution(folder string, d *Distribution) error {
	var out bytes.Buffer
	err := encode(&out, d, "  ")
	if err == nil {
		err = replace(filepath.Join(folder, DistributionFile), out.Bytes())
	}
	return seatrial.Fail(seatrial.Infrastructure, err, "check the free space and the permissions of the run's folder")
}

// WriteComparison writes comparison.json and report.html above the trials.
func WriteComparison(folder string, c *Comparison) error {
	var text, html bytes.Buffer
	if err := errors.Join(encode(&text, c, "  "), ComparisonHTML(&html, c)); err != nil {
		return fmt.Errorf("rendering a comparison: %w", err)
	}
	err := errors.Join(replace(filepath.Join(folder, ComparisonFile), text.Bytes()),
		replace(filepath.Join(folder, PageFile), html.Bytes()))
	return seatrial.Fail(seatrial.Infrastructure, err, "check the free space and the permissions of the run's folder")
}

// replace writes a file beside its place and moves it there, so that no reader
// and no crash sees half of it.
func replace(path string, content []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	return nil
}
