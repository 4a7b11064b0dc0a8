package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seatrial/seatrial"
)

// maxProblems is how many problems an error spells out; the rest is counted.
const maxProblems = 20

// maxSnippet is the longest source line that is worth showing.
const maxSnippet = 140

// Problem is one place of a file that is wrong.
type Problem struct {
	File    string
	Line    int    // from 1; zero where the place is not known
	Column  int    // from 1, in characters
	Path    string // of the field, as in "spec.faults[0].at"; may be empty
	Message string
	Hint    string // what to do about it; may be empty
	Snippet string // the line of the file, without its newline; may be empty

	part int // line at which the document begins, in a file of several
}

// Problems is everything that is wrong with a scenario, as one error.
type Problems []Problem

// Error lists the problems, each with the place it is about.
func (p Problems) Error() string {
	var b strings.Builder
	for i, problem := range p {
		if i == maxProblems {
			fmt.Fprintf(&b, "\n… and %d more", len(p)-maxProblems)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(problem.String())
		if problem.Hint != "" && len(p) > 1 {
			b.WriteString("\n  hint: " + problem.Hint)
		}
	}
	return b.String()
}

// String is the problem as "file:line:col: path: message", with the source
// line and a caret under the place where that line is known. The hint is not
// in it.
func (p Problem) String() string {
	if caret := p.caret(); caret != "" {
		return p.line() + "\n" + caret
	}
	return p.line()
}

func (p Problem) line() string {
	place := p.File
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
	parts := []string{place}
	if p.Path != "" {
		parts = append(parts, p.Path)
	}
	return strings.Join(append(parts, p.Message), ": ")
}

// caret shows the source line with a mark under the column.
func (p Problem) caret() string {
	line := []rune(strings.TrimRight(p.Snippet, " \t\r"))
	if len(line) == 0 || len(line) > maxSnippet || p.Column < 1 || p.Column > len(line)+1 {
		return ""
	}
	indent := make([]rune, p.Column-1)
	for i := range indent {
		indent[i] = ' '
		if line[i] == '\t' {
			indent[i] = '\t'
		}
	}
	number := fmt.Sprint(p.Line)
	margin := strings.Repeat(" ", len(number))
	return fmt.Sprintf("  %s | %s\n  %s | %s^", number, string(line), margin, string(indent))
}

// findings collects what is wrong, and what is only worth a look. A value that
// cannot be read draws one complaint: later ones about it, about what holds it
// and about what is in it only follow from the first. That also keeps variants,
// which share most of their fields, from repeating each other.
type findings struct {
	problems []Problem
	warnings []string
	found    map[string]bool // places with a finding
	holds    map[string]bool // places with a finding inside
}

func (f *findings) problem(p Problem) {
	if f.first(p) {
		f.problems = append(f.problems, p)
	}
}

func (f *findings) warn(p Problem) {
	if f.first(p) {
		f.warnings = append(f.warnings, p.line())
	}
}

// first is true when neither the place of p nor one around or inside it has a
// finding yet.
func (f *findings) first(p Problem) bool {
	if f.found == nil {
		f.found, f.holds = map[string]bool{}, map[string]bool{}
	}
	file := fmt.Sprintf("%s:%d:", p.File, p.part)
	place := file + p.Path
	if p.Path == "" {
		place += p.Message
	}
	around := enclosing(file, p.Path)
	if f.found[place] || f.holds[place] || slices.ContainsFunc(around, func(a string) bool { return f.found[a] }) {
		return false
	}
	f.found[place] = true
	for _, a := range around {
		f.holds[a] = true
	}
	return true
}

// enclosing lists the places around a path: of "a.b[0]" they are "a" and
// "a.b".
func enclosing(file, path string) []string {
	var out []string
	for i, c := range path {
		if c == '.' || c == '[' {
			out = append(out, file+path[:i])
		}
	}
	return out
}

// sort orders the problems as a reader meets them, file by file.
func (f *findings) sort() {
	files := map[string]int{}
	for _, p := range f.problems {
		if _, known := files[p.File]; !known {
			files[p.File] = len(files)
		}
	}
	slices.SortStableFunc(f.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(files[a.File], files[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// err is nil when nothing is wrong.
func (f *findings) err() error {
	if len(f.problems) == 0 {
		return nil
	}
	f.sort()
	hint := "correct these places; seatrial validate reads the file again and touches nothing"
	if len(f.problems) == 1 && f.problems[0].Hint != "" {
		hint = f.problems[0].Hint
	}
	return seatrial.Fail(seatrial.BadInput, Problems(f.problems), hint)
}
