package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/seatrial/seatrial"
)

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Error   *junitMessage `xml:"error"`
	Skipped *junitMessage `xml:"skipped"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
}

// JUnit writes one document for many trials: a suite for each, a case for each
// objective, and one for the verdict. A miss that the scenario expects is
// skipped, not failed, so that a build is red exactly when seatrial's exit code
// is not 0; an invalid trial is an error.
func JUnit(w io.Writer, all []*Summary) error {
	doc := junitSuites{}
	for _, s := range all {
		doc.Suites = append(doc.Suites, suite(s))
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func suite(s *Summary) junitSuite {
	u := junitSuite{Name: s.Scenario + "/" + s.Variant, Time: fmt.Sprintf("%.3f", float64(s.Duration))}
	u.add(s, "verdict", verdictProblem(s), s.Verdict == seatrial.Invalid)
	for _, c := range s.SLO {
		name := fmt.Sprintf("%s of load %s %s", checkName(c), c.Load, objectiveWords(c))
		problem := ""
		if !c.Pass {
			problem = c.miss()
		}
		u.add(s, name, problem, false)
	}
	return u
}

// verdictProblem is empty for the verdict that the scenario expects.
func verdictProblem(s *Summary) string {
	if s.Verdict == s.Expect {
		return ""
	}
	return strings.Join(append([]string{fmt.Sprintf("%s, expected %s", s.Verdict, s.Expect)}, s.Reasons...), "; ")
}

func (u *junitSuite) add(s *Summary, name, problem string, invalid bool) {
	c := junitCase{Class: u.Name, Name: name}
	switch m := (&junitMessage{problem}); {
	case problem == "":
	case invalid:
		c.Error = m
		u.Errors++
	case name != "verdict" && s.Expect == seatrial.Failed:
		m.Message = "missed, as the scenario expects: " + problem
		c.Skipped = m
		u.Skipped++
	default:
		c.Failure = m
		u.Failures++
	}
	u.Tests++
	u.Cases = append(u.Cases, c)
}
