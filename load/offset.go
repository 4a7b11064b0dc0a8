package load

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// clockOffset is what to add to a time of the site's clock to get the agent's.
type clockOffset struct {
	site  time.Duration // agent's Unix time minus the site's clock
	host  time.Duration // agent's wall clock minus this process's: for people
	bound time.Duration // both are right within this
}

// exchanges of time with each agent; the quickest decides.
const exchanges = 8

// measure finds the agent's clock offset as NTP does (RFC 5905, section 8):
// from when the question was sent, received, answered, and the answer
// received. Whatever way took longer than the other, the error is at most half
// of the round trip, so the shortest of several is kept.
func (r *remote) measure(ctx context.Context) error {
	best := clockOffset{bound: time.Hour}
	for range exchanges {
		seen, err := r.exchangeTime(ctx)
		if err != nil {
			return fmt.Errorf("comparing clocks: %w", err)
		}
		if seen.bound < best.bound {
			best = seen
		}
	}
	r.offset = best
	return nil
}

func (r *remote) exchangeTime(ctx context.Context) (clockOffset, error) {
	var remote Reading
	wall, asked := time.Now(), r.clock.Now()
	if err := r.call(ctx, http.MethodGet, "/clock", nil, &remote); err != nil {
		return clockOffset{}, err
	}
	answered := r.clock.Now()
	middle := asked + (answered-asked)/2
	agent := time.Duration(remote.Received + (remote.Sent-remote.Received)/2)
	return clockOffset{
		site:  agent - middle,
		host:  agent - time.Duration(wall.Add(middle-asked).UnixNano()),
		bound: (answered - asked - time.Duration(remote.Sent-remote.Received)) / 2,
	}, nil
}
