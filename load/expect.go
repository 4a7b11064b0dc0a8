package load

import (
	"bytes"
	"io"
	"net/http"
	"regexp"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/tally"
)

// mostChecked is how much of a body is looked at.
const mostChecked = 1 << 20

// target is one of the requests of a load, and what its answers must be.
type target struct {
	seatrial.Target
	sent     vegeta.Target  // the same, for Vegeta
	contains []byte         // nil for whatever
	matches  *regexp.Regexp // nil for whatever
}

func newTarget(t seatrial.Target) (*target, error) {
	made := &target{Target: t, sent: vegeta.Target{Method: t.Method, URL: t.URL, Body: []byte(t.Body), Header: http.Header{}}}
	for name, value := range t.Headers {
		made.sent.Header.Set(name, value)
	}
	if t.Expect.Contains != "" {
		made.contains = []byte(t.Expect.Contains)
	}
	var err error
	if t.Expect.Matches != "" {
		made.matches, err = regexp.Compile(string(t.Expect.Matches))
	}
	return made, err
}

// finish reads an answer to its end, and says which class it has. An error is
// one of the reading.
func (t *target) finish(resp *http.Response) (class string, err error) {
	defer resp.Body.Close() // what it could report, reading has
	var seen []byte
	if t.contains != nil || t.matches != nil {
		if seen, err = io.ReadAll(io.LimitReader(resp.Body, mostChecked)); err != nil {
			return "", err
		}
	}
	if _, err = io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	class = tally.ClassOf(resp.StatusCode, t.Expect.Status)
	if class == "" && (t.contains != nil && !bytes.Contains(seen, t.contains) || t.matches != nil && !t.matches.Match(seen)) {
		class = tally.Check
	}
	return class, nil
}
