package main

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"github.com/seatrial/seatrial/report"
)

// page is docs/fidelity.md.
func page(all []comparison, o options) []byte {
	var b, sections bytes.Buffer
	var every []row
	var missing []string
	for _, c := range all {
		for _, sim := range c.sim.Variants { // in the scenario's order; folders are in that of the alphabet
			real := variant(c.real, sim.Variant)
			if real == nil {
				missing = append(missing, fmt.Sprintf("%s / %s: there is no trial of it on kind", c.sim.Scenario, sim.Variant))
				continue
			}
			list := rows(c.sim.Scenario, *real, sim)
			section(&sections, c.sim.Scenario, *real, sim, list)
			every = append(every, list...)
		}
		for _, real := range c.real.Variants {
			if variant(c.sim, real.Variant) == nil {
				missing = append(missing, fmt.Sprintf("%s / %s: the simulator has no trial of it", c.real.Scenario, real.Variant))
			}
		}
	}
	head(&b, all, every, o)
	b.Write(sections.Bytes())
	differences(&b, every, missing)
	return b.Bytes()
}

func variant(d *report.Distribution, name string) *report.Spread {
	for i := range d.Variants {
		if d.Variants[i].Variant == name {
			return &d.Variants[i]
		}
	}
	return nil
}

func head(b *bytes.Buffer, all []comparison, every []row, o options) {
	close, in := 0, 0
	for _, r := range every {
		if r.close() {
			close++
		}
		if r.inBand() {
			in++
		}
	}
	users := "as many users as the scenario says"
	if o.users > 0 {
		users = fmt.Sprintf("%d users at the scenario's total rate", o.users)
	}
	fmt.Fprintf(b, `# The simulator beside a real cluster

Made by `+"`make fidelity`"+`: the same scenario files, with %s,
on real kind clusters and on the simulator. Do not edit; see hack/fidelity.

**%d of %d** simulated medians are within ±%g %%, or for times within %g ms, of the
real median. **%d of %d** real medians lie in the simulator's 5–95 %% band.

- *n* counts the valid trials in which the figure happened; invalid trials are in
  no figure.
- Quantiles are interpolated linearly between trials. The band is where the middle
  90 %% of the seeds lie; the width is its upper end minus its lower.
- The difference is simulated minus real, as a share of the real.
- Latencies that depend on the machine (marked "kind" in the simulator's
  timings.go) were set while looking at such trials. That those agree is a fit; that
  what follows from them does, for other faults and other loads, is a prediction.
- *never*: it did not happen in most of the valid trials, whose number follows.

`, users, close, len(every), 100*mostRelative, 1000*mostTime, in, len(every))
	if len(all) > 0 {
		v := all[0].real.Versions
		fmt.Fprintf(b, "kind: %s, Kubernetes %s. Simulator: %s.\n\n", or(v.Seatrial, "version unknown"), or(v.Kubernetes, "of unknown version"),
			or(all[0].sim.Versions.Seatrial, "version unknown"))
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func section(b *bytes.Buffer, scenario string, real, sim report.Spread, list []row) {
	fmt.Fprintf(b, "## %s / %s\n\n", scenario, real.Variant)
	fmt.Fprintf(b, "kind: %s. Simulator: %s.\n\n", verdicts(real), verdicts(sim))
	b.WriteString("| figure | real median (n) | simulated median (n) | 5–95 % band | width | difference | close | in band |\n")
	b.WriteString("|---|--:|--:|--:|--:|--:|---|---|\n")
	for _, r := range list {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", r.figure.Words, median(r.figure, r.real), median(r.figure, r.sim),
			band(r), width(r), off(r), yes(r.close()), yes(r.inBand()))
	}
	b.WriteString("\n")
}

func verdicts(s report.Spread) string {
	return fmt.Sprintf("%d trials: %d pass, %d fail, %d invalid", s.Trials, s.Verdicts.Pass, s.Verdicts.Fail, s.Verdicts.Invalid)
}

// median shows the middle and how many trials it comes from.
func median(f report.Figure, s report.Sample) string {
	if s.N+s.Never == 0 {
		return "no valid trial"
	}
	m := typical(s)
	switch {
	case m == nil && s.N == 0:
		return fmt.Sprintf("never (%d)", s.Never)
	case m == nil:
		return fmt.Sprintf("never (%d of %d)", s.Never, s.N+s.Never)
	case s.Never > 0:
		return fmt.Sprintf("%s (%d, never in %d)", f.Show(m), s.N, s.Never)
	}
	return fmt.Sprintf("%s (%d)", f.Show(m), s.N)
}

func band(r row) string {
	if r.sim.N == 0 {
		return "–"
	}
	return r.figure.Show(r.sim.P5) + " – " + r.figure.Show(r.sim.P95)
}

func width(r row) string {
	if r.sim.N == 0 {
		return "–"
	}
	w := *r.sim.P95 - *r.sim.P5
	return r.figure.Show(&w)
}

func off(r row) string {
	if !r.known() {
		return "–"
	}
	absolute, relative := r.difference()
	switch {
	case absolute == 0:
		return "0"
	case math.IsInf(absolute, 0):
		return "one never"
	case math.IsInf(relative, 0):
		size := math.Abs(absolute)
		return strings.TrimSpace(sign(absolute) + r.figure.Show(&size))
	}
	return strings.Replace(fmt.Sprintf("%+.1f %%", 100*relative), "-", "−", 1)
}

func sign(v float64) string {
	if v < 0 {
		return "−"
	}
	return "+"
}

func yes(is bool) string {
	if is {
		return "✓"
	}
	return "**no**"
}

// differences lists what is not close enough, with the reason where one is
// known.
func differences(b *bytes.Buffer, every []row, missing []string) {
	b.WriteString("## Where they differ\n\n")
	written := false
	for _, m := range missing {
		fmt.Fprintf(b, "- %s\n", m)
		written = true
	}
	for _, r := range every {
		if r.close() {
			continue
		}
		fmt.Fprintf(b, "- %s / %s, %s: real %s, simulated %s, %s: %s\n", r.scenario, r.variant, r.figure.Words,
			median(r.figure, r.real), median(r.figure, r.sim), off(r), or(reasonFor(reasons, r), "not explained yet"))
		written = true
	}
	if !written {
		b.WriteString("Nowhere by more than allowed.\n")
	}
}
