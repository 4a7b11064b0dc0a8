package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// Line is one line of a journal.
type Line struct {
	At       time.Duration     // since the trial's start, to the microsecond; the warm-up is negative
	Kind     seatrial.Kind     // never empty
	Subject  string            // what it happened to
	Edge     seatrial.Edge     // empty for an instant
	Severity seatrial.Severity // empty means [seatrial.Info]
	Message  string            // for people
	Data     json.RawMessage   // see [Data]; nil where there is none
	Number   int               // of the line in its file, from 1
}

// Data decodes the data of a line into the type that belongs to its kind.
func Data[T any](l Line) (T, error) {
	var v T
	if err := json.Unmarshal(l.Data, &v); err != nil {
		return v, fmt.Errorf("decoding the data of a %q event: %w", l.Kind, err)
	}
	return v, nil
}

// Interval decodes the data of a [seatrial.KindLoad] line and refuses what no
// agent can have counted. Its Due stays zero: the line says when it was due.
func (l Line) Interval() (seatrial.Interval, error) {
	iv, err := Data[seatrial.Interval](l)
	if err != nil {
		return iv, err
	}
	for _, n := range []int64{iv.Planned, iv.Sent, iv.Succeeded, iv.Failed, iv.Dropped, iv.Attempts, iv.Retried, iv.Hedged, iv.Rejected, iv.Late, iv.Hurt, iv.LookupsFailed,
		iv.PoolWaited, iv.CatchUpLimited} {
		if n < 0 || n > mostPerInterval {
			return iv, fmt.Errorf("load %q: a count of %d in %v is impossible", iv.Load, n, seatrial.Width)
		}
	}
	if !possible(iv.Latency) || !possible(iv.Service) || !possible(iv.Lookups) {
		return iv, fmt.Errorf("load %q: its histogram has a bucket or a count that is impossible", iv.Load)
	}
	return iv, nil
}

// possible says whether b can have been made by [Record] and [Merge] in one
// interval.
func possible(b seatrial.Buckets) bool {
	for i, n := range b {
		if i < 0 || i > lastIndex || n < 0 || n > mostPerInterval {
			return false
		}
	}
	return true
}

// mostPerInterval is far beyond what a generator can send in 100 ms, and small
// enough that no sum of lines overflows.
const mostPerInterval = 1 << 24

// body is a line without its time, in the order in which it is written.
type body struct {
	Kind     seatrial.Kind     `json:"kind"`
	Subject  string            `json:"subject,omitempty"`
	Edge     seatrial.Edge     `json:"edge,omitempty"`
	Severity seatrial.Severity `json:"severity,omitempty"`
	Message  string            `json:"message,omitempty"`
	Data     any               `json:"data,omitempty"`
}

// encode is the JSON object without its opening brace and time. The encoder
// sorts the keys of maps, so equal bodies give equal bytes.
func (b body) encode() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(b); err != nil {
		return nil, fmt.Errorf("encoding a %q event: %w", b.Kind, err)
	}
	return out.Bytes()[1:], nil // with the newline
}

// appendTime writes the start of a line: the time with six decimals.
func appendTime(to []byte, at time.Duration) []byte {
	us, sign := at.Round(time.Microsecond).Microseconds(), ""
	if us < 0 {
		us, sign = -us, "-"
	}
	return fmt.Appendf(to, `{"at":%s%d.%06d,`, sign, us/1e6, us%1e6)
}
