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
