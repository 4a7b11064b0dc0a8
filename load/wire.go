package load

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// The agent's API is JSON over HTTP. A refusal has a status of 400 or above
// and a refusal body. All but /healthz asks for [seatrial.AgentTokenHeader].
//
//	GET  /healthz        200 once it listens
//	POST /prepare        Order: ready the attack; nothing is sent
//	GET  /clock          Reading: the agent's clock
//	POST /start          Start: when the first request is due
//	POST /stop           end the sending
//	GET  /records?from=K JSON lines, record K first, as they come; acknowledges
//	                     all before K. The answer ends after PollFor, or after
//	                     the agent's report, which is the last record.

// Order is what an agent is to send.
type Order struct {
	Loads []seatrial.LoadPlan `json:"loads"`
	Index int                 `json:"index"` // this agent, from 0
	Of    int                 `json:"of"`    // agents that share the users
}

// Reading is the agent's wall clock when it had the request and when it
// answered, in Unix nanoseconds.
type Reading struct {
	Received int64 `json:"received"`
	Sent     int64 `json:"sent"`
}

// Start is the time of the first request on the agent's clock, in Unix
// nanoseconds.
type Start struct {
	At int64 `json:"at"`
}

// refusal is the body of an answer that is not a 200.
type refusal struct {
	Error string `json:"error"`
}

// record is a line of /records: an interval, or the report that ends them.
type record struct {
	Interval *wireInterval         `json:"interval,omitempty"`
	Report   *seatrial.AgentReport `json:"report,omitempty"`
}

// wireInterval carries the due time, which a journal puts elsewhere.
type wireInterval struct {
	DueMicros int64 `json:"due_us"`
	seatrial.Interval
}

func encodeInterval(i seatrial.Interval) ([]byte, error) {
	return encodeRecord(record{Interval: &wireInterval{DueMicros: i.Due.Microseconds(), Interval: i}})
}

func encodeRecord(r record) ([]byte, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding a record: %w", err)
	}
	return append(line, '\n'), nil
}

// decodeRecord reads a line. Exactly one of interval and report is there.
func decodeRecord(line []byte) (record, error) {
	var r record
	if err := json.Unmarshal(line, &r); err != nil {
		return record{}, fmt.Errorf("decoding a record: %w", err)
	}
	if (r.Interval == nil) == (r.Report == nil) {
		return record{}, fmt.Errorf("decoding a record: it is neither an interval nor a report: %.80q", line)
	}
	if r.Interval != nil {
		r.Interval.Due = time.Duration(r.Interval.DueMicros) * time.Microsecond
	}
	return r, nil
}
