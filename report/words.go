package report

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// none stands where there is no value.
const none = "–"

// seconds shows a length of time with three significant digits.
func seconds(s seatrial.Seconds) string {
	v, unit := math.Abs(float64(s)), "s"
	if v < 0.9995 {
		v, unit = v*1e3, "ms"
	}
	text := significant(v) + " " + unit
	if s < 0 && v > 0 {
		return "−" + text
	}
	return text
}

// significant has three digits, and never cuts those before the point.
func significant(v float64) string {
	digits := 2
	for limit := 9.995; v >= limit && digits > 0; limit *= 10 {
		digits--
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func maybeSeconds(s *seatrial.Seconds) string {
	if s == nil {
		return none
	}
	return seconds(*s)
}

// percent shows a share. It never rounds up to 100 % nor down to 0 %: "99.99 %"
// is not "all".
func percent(share float64) string {
	p := share * 100
	switch {
	case p > 0 && p < 0.01:
		return "<0.01 %"
	case p > 99.99 && p < 100:
		return ">99.99 %"
	}
	digits := 1
	if p >= 99 || p < 1 {
		digits = 2
	}
	text := strconv.FormatFloat(p, 'f', digits, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + " %"
}

func maybePercent(share *float64) string {
	if share == nil {
		return none
	}
	return percent(*share)
}

// clock shows a point in time: whole milliseconds, always as seconds.
func clock(d time.Duration) string {
	return strings.Replace(fmt.Sprintf("%.3f s", d.Seconds()), "-", "−", 1)
}

func maybeClock(s *seatrial.Seconds) string {
	if s == nil {
		return none
	}
	return clock(s.Duration())
}

// count groups digits by three.
func count(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// unbroken keeps a number and its unit on one line of a page.
func unbroken(text string) string { return numberAndUnit.ReplaceAllString(text, "$1\u00a0$2") }

var numberAndUnit = regexp.MustCompile(`(\d) (ms|s|%|pp)`)

// plural is "1 user" or "7 users".
func plural(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + one + "s"
}

// sentence says what users felt.
func sentence(s *Summary) string {
	if s.Verdict == seatrial.Invalid {
		return "This trial proves nothing. " + felt(s)
	}
	return felt(s)
}

func felt(s *Summary) string {
	if s.Load.Planned == 0 {
		return "No request was due, so nobody felt anything."
	}
	if s.Phases.Fault == nil {
		return calm(s)
	}
	var b strings.Builder
	fault, word := s.Phases.Fault, faultWord(s)
	length := seconds(fault.To - fault.From)
	switch {
	case s.Impact.RequestsHurt == nil:
		fmt.Fprintf(&b, "No request was due in the %s of the %s", length, word)
	case fault.Load.Hurt == 0:
		fmt.Fprintf(&b, "In the %s of the %s no request was hurt", length, word)
	default:
		fmt.Fprintf(&b, "In the %s of the %s, %s of the requests were hurt (%s) and %s of the users felt it",
			length, word, percent(*s.Impact.RequestsHurt), hurtMeans(s), maybePercent(s.Impact.UsersHurt))
	}
	if longest := fault.Latency.Max; longest != nil {
		fmt.Fprintf(&b, "; the longest wait was %s", seconds(*longest))
	}
	b.WriteString(". " + recovery(s))
	return b.String()
}

func faultWord(s *Summary) string {
	if len(s.Faults) > 1 {
		return "faults"
	}
	return "fault"
}

func hurtMeans(s *Summary) string {
	if s.Hurt == 0 {
		return "failed or too slow"
	}
	return "failed, or took longer than " + seconds(s.Hurt)
}

func recovery(s *Summary) string {
	word, r := faultWord(s), s.Impact.TimeToRecover
	switch {
	case s.Phases.Recovery == nil:
		return "Not every fault was reverted before the end."
	case r == nil && s.Phases.Recovery.To-s.Phases.Recovery.From < seatrial.Seconds(second.Seconds()):
		return "Whether the steady state came back was not seen."
	case r == nil:
		return "The steady state did not come back" + goodputLeft(s) + "."
	case *r == 0:
		return "The steady state was back as soon as the " + word + " ended."
	default:
		return fmt.Sprintf("The steady state was back %s after the %s ended.", seconds(*r), word)
	}
}

// calm is the sentence of a trial without a fault.
func calm(s *Summary) string {
	if s.Latency.P99 == nil {
		return fmt.Sprintf("No fault was injected, and none of %s was sent.", plural(s.Load.Planned, "request"))
	}
	return fmt.Sprintf("No fault was injected: of %s, %s succeeded, and 99 %% were answered within %s.",
		plural(s.Load.Planned, "request"), maybePercent(s.Availability), seconds(*s.Latency.P99))
}
