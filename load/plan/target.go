package plan

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/seatrial/seatrial"
)

// Most of what a load has.
const (
	mostTargets = 200
	mostWeight  = 1_000_000
)

// CheckTargets lists what is wrong with what a filled load sends.
func CheckTargets(l seatrial.Load) []Problem {
	var problems []Problem
	bad := func(hint, text string, field ...string) {
		problems = append(problems, Problem{Field: field, Text: text, Hint: hint})
	}
	if len(l.Targets) > mostTargets {
		bad("", fmt.Sprintf("has %d entries; %d is the most", len(l.Targets), mostTargets), "targets")
		return problems
	}
	for i, t := range l.Requests() {
		at := []string{"targets", strconv.Itoa(i)}
		name := "url"
		if len(l.Targets) == 0 {
			at, name = nil, "target"
		}
		if t.Weight < 1 || t.Weight > mostWeight {
			bad("a share among the other targets, such as weight: 3", fmt.Sprintf("%d is not between 1 and %d", t.Weight, mostWeight), append(at, "weight")...)
		}
		if u, err := url.Parse(t.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			hint := "such as http://shop.default.svc.cluster.local/"
			if len(l.Targets) > 0 {
				hint += "; a path alone needs the load's target"
			}
			bad(hint, fmt.Sprintf("%q is not an absolute http or https URL", t.URL), append(at, name)...)
		} else if _, err := http.NewRequest(t.Method, t.URL, nil); err != nil {
			bad("such as GET or POST", fmt.Sprintf("%q: %v", t.Method, err), append(at, "method")...)
		}
		if s := t.Expect.Status; s != 0 && (s < 100 || s > 599) {
			bad("such as status: 201", fmt.Sprintf("%d is not an HTTP status", s), append(at, "expect", "status")...)
		}
	}
	return problems
}

// repeatableLoad says whether every request of a load may be sent twice.
func repeatableLoad(l seatrial.Load) bool {
	return !slices.ContainsFunc(l.Requests(), func(t seatrial.Target) bool { return !slices.Contains(idempotent, t.Method) })
}
