package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Markdown writes the report of one trial as it suits a pull request.
func Markdown(w io.Writer, s *Summary) error {
	var b bytes.Buffer
	word, _ := verdictWord(s)
	fmt.Fprintf(&b, "### %s: %s\n\n%s\n\n", word, markdown(title(s)), markdown(s.Sentence))
	for _, r := range s.Reasons {
		fmt.Fprintf(&b, "- %s\n", markdown(r))
	}
	b.WriteString("\n| phase | requests | failed | hurt | available | p50 | p99 | p99.9 | longest |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, n := range namedPhases(s) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", markdown(n.Name), count(n.Load.Planned),
			count(n.Load.Failed+n.Load.Dropped), count(n.Load.Hurt), maybePercent(n.Availability),
			maybeSeconds(n.Latency.P50), maybeSeconds(n.Latency.P99), maybeSeconds(n.Latency.P999), maybeSeconds(n.Latency.Max))
	}
	if len(s.SLO) > 0 {
		b.WriteString("\n| objective | load | asked for | measured | |\n|---|---|--:|--:|---|\n")
	}
	for _, c := range s.SLO {
		mark := "✗ missed"
		if c.Pass {
			mark = "✓ met"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", c.Name, markdown(c.Load), objectiveWords(c), measuredWords(c), mark)
	}
	b.WriteString("\n")
	for _, w := range budgetWords(s) {
		fmt.Fprintf(&b, "- %s: %s\n", markdown(w.Label), markdown(w.Value))
	}
	for _, f := range s.Faults {
		fmt.Fprintf(&b, "- fault %s: %s; %s; %s\n", markdown(f.Name), markdown(faultWhat(f)), faultTimes(f), markdown(proofWords(f)))
	}
	for _, h := range workloadWords(s) {
		fmt.Fprintf(&b, "- %s: %s\n", h.Label, markdown(h.Value))
	}
	for _, bound := range bounds(s) {
		fmt.Fprintf(&b, "- %s: %s\n", bound.Label, bound.Value)
	}
	for _, setting := range settings(s.Clusters) {
		fmt.Fprintf(&b, "- %s: %s\n", markdown(setting.Label), markdown(setting.Value))
	}
	for _, warning := range s.Warnings {
		fmt.Fprintf(&b, "- warning: %s\n", markdown(warning))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// markdown keeps text from being read as markup or HTML.
func markdown(text string) string {
	var b strings.Builder
	for _, r := range strings.Join(strings.Fields(text), " ") {
		if strings.ContainsRune("\\`*_[]<>|#~&", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
