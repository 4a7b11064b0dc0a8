package load

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/seatrial/seatrial"
)

// pull brings an agent's records to the sink, the last of which is its report.
// An agent that never says it gets one that calls it lost.
func (a *attack) pull(ctx context.Context, r *remote) error {
	defer r.ended()
	report, err := a.pullAll(ctx, r)
	event := seatrial.Event{Kind: seatrial.KindAgent, Subject: r.Name, At: a.clock.Now()}
	if err != nil {
		report = seatrial.AgentReport{Lost: err.Error()}
		event.Severity, event.Message = seatrial.Severe, "the load agent was lost, and with it part of the record"
	}
	report.ClockOffset = seatrial.InSeconds(r.offset.host)
	report.OffsetBound = seatrial.InSeconds(r.offset.bound)
	event.Data = report
	a.sink.Event(event)
	if err != nil {
		return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("agent %s was lost: %w", r.Name, err),
			"see whether its pod still runs, and on which node; faults must not touch the agents' own node")
	}
	return nil
}

// pullAll asks for records until the report is in or asking makes no sense any
// more. What got through stays; it goes on from there.
func (a *attack) pullAll(ctx context.Context, r *remote) (seatrial.AgentReport, error) {
	wait := firstWait
	for {
		before := r.next
		report, err := a.pullOnce(ctx, r)
		var no final
		switch {
		case report != nil:
			r.ended()
			a.acknowledge(ctx, r)
			return *report, nil
		case errors.As(err, &no):
			return seatrial.AgentReport{}, err
		case r.next > before:
			wait = firstWait
			continue
		case err == nil:
			wait = firstWait // it answers, and has nothing to say yet
		}
		if a.clock.Sleep(ctx, wait) != nil {
			return seatrial.AgentReport{}, fmt.Errorf("its records did not end in time; last seen: %w", cmp.Or(err, errQuiet))
		}
		wait = min(2*wait, lastWait)
	}
}

// errQuiet is what is said of an agent that answers, and has nothing to say.
var errQuiet = errors.New("no record for a while")

// pullOnce reads one answer of /records to its end. A line that was cut off is
// asked for again.
func (a *attack) pullOnce(ctx context.Context, r *remote) (*seatrial.AgentReport, error) {
	ctx, cancel := a.clock.WithTimeout(ctx, PollFor+tryFor) // a dead connection is noticed by this
	defer cancel()
	resp, err := r.send(ctx, http.MethodGet, fmt.Sprintf("/records?from=%d", r.next), nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading records: %w", err)
		}
		got, err := decodeRecord(line)
		if err != nil {
			return nil, final{err}
		}
		r.next++
		if got.Report != nil {
			return got.Report, nil
		}
		got.Interval.Agent = r.Name
		a.sink.Interval(got.Interval.Interval)
	}
}

// acknowledge tells the agent that it may go. It need not succeed: an agent
// that does not hear of it stays until its pod is deleted.
func (a *attack) acknowledge(ctx context.Context, r *remote) {
	ctx, cancel := a.clock.WithTimeout(ctx, tryFor)
	defer cancel()
	if resp, err := r.send(ctx, http.MethodGet, fmt.Sprintf("/records?from=%d", r.next), nil); err == nil {
		resp.Body.Close()
	}
}
