package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

const (
	// callFor is how long a call to an agent is repeated before it counts as
	// failed, and tryFor how long one try may take. The API server that
	// carries calls is away for some seconds when it restarts.
	callFor = 30 * time.Second
	tryFor  = 5 * time.Second
	// Waits between tries grow from the first to the last of these.
	firstWait, lastWait = 100 * time.Millisecond, 5 * time.Second
)

// remote is an agent as its client sees it.
type remote struct {
	seatrial.Endpoint
	clock seatrial.Clock

	offset clockOffset
	next   int                // number of the next record
	over   context.Context    // ended once its last record is here, or it is lost
	ended  context.CancelFunc // ends over
}

func newRemote(e seatrial.Endpoint, clock seatrial.Clock) *remote {
	r := &remote{Endpoint: e, clock: clock}
	r.over, r.ended = context.WithCancel(context.Background())
	return r
}

// final is an error that asking again would not help, as an agent's own no.
type final struct{ error }

func (e final) Unwrap() error { return e.error }

// call asks the agent and decodes its answer into out, unless that is nil. It
// repeats what did not get through, so every call of the API is idempotent.
func (r *remote) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := r.clock.WithTimeout(ctx, callFor)
	defer cancel()
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := r.try(ctx, method, path, in, out)
		var no final
		if err == nil || errors.As(err, &no) {
			return r.explain(path, err)
		}
		if r.clock.Sleep(ctx, wait) != nil {
			return r.explain(path, err)
		}
	}
}

func (r *remote) explain(path string, err error) error {
	if err == nil {
		return nil
	}
	return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("agent %s, %s: %w", r.Name, path, err),
		"see what the agent's pod says: kubectl logs, kubectl describe pod")
}

func (r *remote) try(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := r.clock.WithTimeout(ctx, tryFor)
	defer cancel()
	resp, err := r.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err := io.Copy(io.Discard, resp.Body) // so that the connection can be used again
		return err
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// send makes one request. Any answer but 200 is an error.
func (r *remote) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(r.URL, "/")+path, &body)
	if err != nil {
		return nil, err
	}
	resp, err := r.client().Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, readRefusal(resp)
}

func (r *remote) client() *http.Client {
	if r.Client == nil {
		return http.DefaultClient
	}
	return r.Client
}

// readRefusal tells the agent's own no, and an API server's word that the
// agent's pod does not exist, from trouble on the way, which passes.
func readRefusal(resp *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return fmt.Errorf("reading the answer %s: %w", resp.Status, err)
	}
	var no refusal
	if json.Unmarshal(text, &no) == nil && no.Error != "" {
		return final{errors.New(no.Error)}
	}
	said := fmt.Errorf("it answered %s: %s", resp.Status, bytes.TrimSpace(text))
	if resp.StatusCode == http.StatusNotFound {
		return final{said}
	}
	return said
}
