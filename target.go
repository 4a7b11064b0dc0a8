package seatrial

import (
	"fmt"
	"net/url"
	"regexp"
)

// Target is what a share of a load's requests goes to. Where it leaves a field
// out, the load's own counts.
type Target struct {
	// Weight is its share among the others. Zero means 1.
	Weight int `yaml:"weight"`
	// URL is an address, or a path such as /cart on the load's target.
	URL     string            `yaml:"url"`
	Method  string            `yaml:"method"`
	Headers map[string]string `yaml:"headers"` // all of them, where there are any
	Body    string            `yaml:"body"`    // of its own method
	Expect  Expect            `yaml:"expect"`
}

// Expect is what makes an answer a success. The zero value asks for a status
// below 400. An answer that is none, and that would be one but for this, has the
// class "check".
type Expect struct {
	Status   int     `yaml:"status"`   // exactly this one
	Contains string  `yaml:"contains"` // in the first mebibyte of the body
	Matches  Pattern `yaml:"matches"`  // the same, as a regular expression
}

// Any says that nothing in particular is asked for.
func (e Expect) Any() bool { return e == Expect{} }

// Pattern is a regular expression in Go's syntax.
type Pattern string

// UnmarshalText takes what compiles.
func (p *Pattern) UnmarshalText(text []byte) error {
	if _, err := regexp.Compile(string(text)); err != nil {
		return fmt.Errorf("%q is no regular expression: %w", text, err)
	}
	*p = Pattern(text)
	return nil
}

// Requests lists what the load sends: its targets with what they leave out, or
// the one that it is without any.
func (l Load) Requests() []Target {
	own := Target{Weight: 1, URL: l.Target, Method: l.Method, Headers: l.Headers, Body: l.Body, Expect: l.Expect}
	if len(l.Targets) == 0 {
		return []Target{own}
	}
	list := make([]Target, len(l.Targets))
	for i, t := range l.Targets {
		list[i] = t.or(own)
	}
	return list
}

// or fills in what t leaves out. A body goes with its method.
func (t Target) or(own Target) Target {
	if t.Weight == 0 {
		t.Weight = own.Weight
	}
	t.URL = resolve(own.URL, t.URL)
	if t.Method == "" {
		t.Method = own.Method
		if t.Body == "" {
			t.Body = own.Body
		}
	}
	if t.Headers == nil {
		t.Headers = own.Headers
	}
	if t.Expect.Any() {
		t.Expect = own.Expect
	}
	return t
}

// resolve reads a path as a link on the page of base. What cannot be read is
// left for whoever checks it.
func resolve(base, ref string) string {
	b, err := url.Parse(base)
	if err != nil || base == "" {
		return ref
	}
	u, err := b.Parse(ref)
	if err != nil {
		return ref
	}
	return u.String()
}

// WithoutPassword is a target as journals and reports show it.
func WithoutPassword(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.User == nil {
		return target
	}
	return u.Redacted()
}

// TargetWords says where the load's requests go, without a password.
func (l Load) TargetWords() string {
	list := l.Requests()
	first := WithoutPassword(list[0].URL)
	if len(list) == 1 {
		return first
	}
	return fmt.Sprintf("%s and %d more", first, len(list)-1)
}
