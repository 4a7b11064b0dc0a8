package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/seatrial/seatrial/report"
)

// toGitHub tells GitHub Actions, where this runs in it, what came of a trial or a
// comparison: Markdown for the job's page (GITHUB_STEP_SUMMARY is a file to append
// to), and annotations among the messages. Elsewhere it does nothing.
func toGitHub(messages io.Writer, summary, annotations func(io.Writer) error) error {
	var errs []error
	if os.Getenv("GITHUB_ACTIONS") == "true" {
		errs = append(errs, annotations(messages))
	}
	if path := os.Getenv("GITHUB_STEP_SUMMARY"); path != "" {
		errs = append(errs, appendTo(path, summary))
	}
	return errors.Join(errs...)
}

func appendTo(path string, write func(io.Writer) error) error {
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("opening the step summary of GitHub Actions: %w", err)
	}
	_, err = file.Write(append(text.Bytes(), '\n'))
	return errors.Join(err, file.Close())
}

// trialToGitHub is [toGitHub] for a trial of the scenario in a file.
func trialToGitHub(messages io.Writer, file string, s *report.Summary) error {
	return toGitHub(messages, func(w io.Writer) error { return report.Markdown(w, s) },
		func(w io.Writer) error { return report.Annotate(w, file, s) })
}
