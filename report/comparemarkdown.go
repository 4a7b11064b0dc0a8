package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// ComparisonMarkdown writes the comparison as it suits a pull request.
func ComparisonMarkdown(w io.Writer, c *Comparison) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "### Comparison: %s\n\n%s\n\n%s\n\n", markdown(headline(c)), markdown(comparisonTitle(c)), markdown(byWhat(c)))
	markdownTable(&b, decisionRows(c), 2)
	for _, v := range c.Versus {
		fmt.Fprintf(&b, "- **%s**: %s\n", markdown(v.Variant), markdown(v.Words))
	}
	b.WriteString("\n")
	for i := range c.Versus {
		markdownTable(&b, differenceRows(c, &c.Versus[i]), 1)
	}
	markdownTable(&b, verdictRows(c), 1)
	if c.Since != nil {
		fmt.Fprintf(&b, "Since %s:\n\n", markdown(c.Since.File))
		for _, v := range c.Since.Variants {
			fmt.Fprintf(&b, "- **%s**: %s\n", markdown(v.Variant), markdown(v.Words))
		}
		for _, note := range sinceNotes(c) {
			fmt.Fprintf(&b, "- %s\n", markdown(note))
		}
		b.WriteString("\n")
	}
	for _, l := range c.LeftOut {
		fmt.Fprintf(&b, "- left out, with its pair: %s\n", markdown(leftOutWords(l)))
	}
	for _, note := range lowerBounds(c) {
		fmt.Fprintf(&b, "- %s\n", markdown(note))
	}
	for _, setting := range comparedSettings(c) {
		fmt.Fprintf(&b, "- %s: %s\n", markdown(setting.Label), markdown(setting.Value))
	}
	for _, warning := range c.Warnings {
		fmt.Fprintf(&b, "- warning: %s\n", markdown(warning))
	}
	fmt.Fprintf(&b, "\n%s\n", markdown(strings.Join(how(c), " ")))
	_, err := w.Write(b.Bytes())
	return err
}

// markdownTable has its first columns to the left and the others to the right.
func markdownTable(b *bytes.Buffer, rows [][]string, left int) {
	for i, row := range rows {
		b.WriteString("|")
		for at := range rows[0] {
			cell := ""
			if at < len(row) {
				cell = markdown(row[at])
			}
			b.WriteString(" " + cell + " |")
		}
		b.WriteString("\n")
		if i > 0 {
			continue
		}
		b.WriteString("|" + strings.Repeat("---|", left) + strings.Repeat("--:|", len(rows[0])-left) + "\n")
	}
	b.WriteString("\n")
}
