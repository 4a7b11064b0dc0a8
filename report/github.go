package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/seatrial/seatrial"
)

// Annotate writes, for every trial whose verdict was not expected, a workflow
// command of GitHub Actions: the runner shows it at the scenario's file and on
// the run's page.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
func Annotate(w io.Writer, file string, s *Summary) error {
	if s.Verdict == s.Expect {
		return nil
	}
	word, _ := verdictWord(s)
	text := strings.Join(append([]string{s.Sentence}, s.Reasons...), "\n")
	if s.Command != "" {
		text += "\nRepeat it: " + s.Command
	}
	level := "error"
	if s.Verdict == seatrial.Pass {
		level = "warning"
	}
	return annotation(w, level, file, fmt.Sprintf("%s: %s / %s", word, s.Scenario, s.Variant), text)
}

// AnnotateComparison does the same for variants that got worse, and for invalid
// trials.
func AnnotateComparison(w io.Writer, file string, c *Comparison) error {
	var all bytes.Buffer
	if c.Since != nil {
		for _, v := range c.Since.Variants {
			if v.Regressed {
				_ = annotation(&all, "error", file, fmt.Sprintf("Regression: %s / %s", c.Scenario, v.Variant), v.Words) // a buffer takes all
			}
		}
	}
	if n := len(c.LeftOut); n > 0 {
		_ = annotation(&all, "error", file, fmt.Sprintf("Invalid trials of %s: %d", c.Scenario, n), leftOutWords(c.LeftOut[0]))
	}
	_, err := w.Write(all.Bytes())
	return err
}

// annotation escapes as GitHub's own toolkit does.
func annotation(w io.Writer, level, file, title, text string) error {
	properties := "title=" + workflowProperty.Replace(title)
	if file != "" {
		properties = "file=" + workflowProperty.Replace(file) + "," + properties
	}
	_, err := fmt.Fprintf(w, "::%s %s::%s\n", level, properties, workflowText.Replace(text))
	return err
}

var (
	workflowText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	workflowProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)
