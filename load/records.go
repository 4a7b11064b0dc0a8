package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// serveRecords streams the log from line K on. An agent without an order
// refuses: its client talks to one that died and was replaced.
func (a *Agent) serveRecords(w http.ResponseWriter, r *http.Request) {
	from, err := strconv.Atoi(r.URL.Query().Get("from"))
	if err != nil || from < 0 {
		refuse(w, http.StatusBadRequest, fmt.Errorf("from=%q is not the number of a record", r.URL.Query().Get("from")))
		return
	}
	if !a.prepared() {
		refuse(w, http.StatusConflict, errors.New("this agent was given nothing to send"))
		return
	}
	if err := a.log.acknowledge(from); err != nil {
		refuse(w, http.StatusGone, fmt.Errorf("records from %d: %w", from, err))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), PollFor)
	defer cancel()
	w.Header().Set("Content-Type", "application/jsonl")
	a.stream(ctx, w, from)
}

// stream writes lines as they come, until they end, ctx ends or the client
// went away. Whatever ended it, the client asks again from where it is.
func (a *Agent) stream(ctx context.Context, w http.ResponseWriter, from int) {
	flush := http.NewResponseController(w).Flush
	for {
		if err := flush(); err != nil {
			return
		}
		lines, last, err := a.log.next(ctx, from)
		if err != nil {
			return
		}
		for _, line := range lines {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
		if from += len(lines); last {
			return
		}
	}
}

func (a *Agent) prepared() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.engine != nil
}
