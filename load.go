package seatrial

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Load is one stream of requests in an open model: requests are due at times
// that are known beforehand, whatever the system does.
type Load struct {
	Name    string            `yaml:"name"`
	Target  string            `yaml:"target"` // URL as seen from inside the cluster
	Method  string            `yaml:"method"` // empty means GET
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`
	// Targets are what the requests go to where they are not all alike: each
	// draws one by weight, by the trial's seed.
	Targets []Target `yaml:"targets"`
	Expect  Expect   `yaml:"expect"` // of an answer; of targets that say nothing of their own
	// Rate is that of a constant load; of a shaped one its highest, which is
	// filled in. In YAML `rate` is either: a rate, or a map with a [Shape].
	Rate  Rate  `yaml:"rate"`
	Shape Shape `yaml:"-"`
	// Users is how many independent clients the requests are dealt to, in
	// turn. A user is sequential on each of its connections: while a request
	// hangs, its next ones wait in line. Zero means 50.
	Users int `yaml:"users"`
	// Connections is how many kept-alive connections a user has. Zero means 1.
	Connections Connections `yaml:"connections"`
	Connection
	// InFlight is how many requests of this load are under way at once at most,
	// over all users: a pool. What is due beyond it waits, the oldest first, and
	// its latency counts on from when it was due. Agents share it. Zero means
	// as many as users and connections allow.
	InFlight int `yaml:"inFlight"`
	// CatchUp is how fast requests that had to wait are sent afterwards. Zero
	// means at once.
	CatchUp CatchUp `yaml:"catchUp"`
	Client  Client  `yaml:"client"`
}

// CatchUp bounds the burst that follows a stall: no 100 ms see more sends than
// so many times the planned ones, or one more than planned. In YAML it is such
// as "2x", or "unlimited", which is zero: requests that are due are not held
// back, as those of people are not.
type CatchUp float64

// LeastCatchUp is the smallest bound: with less, what waits would hardly ever
// be sent, and the generator could not make up for its own delays.
const LeastCatchUp CatchUp = 1.1

// UnmarshalText reads "2x", "1.5x" or "unlimited".
func (c *CatchUp) UnmarshalText(text []byte) error {
	if string(text) == "unlimited" {
		*c = 0
		return nil
	}
	number, ok := strings.CutSuffix(string(text), "x")
	n, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(n >= float64(LeastCatchUp) && n <= 1000) {
		return fmt.Errorf("%q is no bound of catching up: write such as 2x (%vx to 1000x), or unlimited", text, float64(LeastCatchUp))
	}
	*c = CatchUp(n)
	return nil
}

// String is the form that a scenario has.
func (c CatchUp) String() string {
	if c == 0 {
		return "unlimited"
	}
	return strconv.FormatFloat(float64(c), 'f', -1, 64) + "x"
}

// MarshalText is the inverse of [CatchUp.UnmarshalText].
func (c CatchUp) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Connections counts the kept-alive connections of a user; [PerRequest] opens
// a fresh one for every request.
type Connections int

// PerRequest in YAML is `connections: perRequest`.
const PerRequest Connections = -1

// UnmarshalText reads a number above zero, or "perRequest".
func (c *Connections) UnmarshalText(text []byte) error {
	if string(text) == "perRequest" {
		*c = PerRequest
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > 10_000 {
		return fmt.Errorf("%q is not a number of connections: write 1 to 10000, or perRequest", text)
	}
	*c = Connections(n)
	return nil
}

// MarshalText is the inverse of [Connections.UnmarshalText]; zero becomes the 1
// that it means.
func (c Connections) MarshalText() ([]byte, error) {
	if c == PerRequest {
		return []byte("perRequest"), nil
	}
	return []byte(strconv.Itoa(max(1, int(c)))), nil
}

// LoadPlan is a load with everything decided.
type LoadPlan struct {
	Load
	Duration time.Duration // from the first due request to the last
	Hurt     time.Duration // see [Spec.Hurt]
	Seed     uint64        // of the trial; draws the targets
}

// Attack is the load of one trial, ready to be sent.
type Attack interface {
	// Start lets the first request be due at the given time of the site's
	// clock, and returns once every agent has agreed to it.
	Start(ctx context.Context, at time.Duration) error
	// Stop ends the sending; what waits in line counts as dropped.
	Stop(ctx context.Context) error
	// Wait returns when every result has reached the sink. Its error says
	// what was lost.
	Wait(ctx context.Context) error
}

// Sink takes what a site sees while a trial runs. It is safe for use by many
// at once.
type Sink interface {
	Interval(Interval)
	Event(Event)
}

// An agent takes orders from who has the token of its run alone: whatever else
// runs in the cluster reaches its port, and could send a load anywhere.
const (
	AgentTokenEnv    = "SEATRIAL_AGENT_TOKEN" // in the agent's environment
	AgentTokenHeader = "Seatrial-Agent-Token" // of each request; Authorization is the API server's own
)

// Endpoint is an agent that is ready, and the way to it.
type Endpoint struct {
	Name   string       // the pod
	URL    string       // base URL of the agent's API
	Client *http.Client // carries the backend's transport and credentials, and the agent's token
}

// Agents is what a backend needs in order to run the load generator in pods:
// handed to it by the command, so that backends do not import the generator.
type Agents interface {
	// Image returns the name of the agent's container image and a function
	// that writes it as a docker archive. hash changes when the content does.
	Image(ctx context.Context) (image AgentImage, err error)
	// Connect joins ready agents into one attack.
	Connect(ctx context.Context, clock Clock, agents []Endpoint, loads []LoadPlan, sink Sink) (Attack, error)
}

// AgentImage is a container image that seatrial makes: that of the agent and of
// the sample application, or one of [Imager].
type AgentImage struct {
	Name    string // as in manifests: "seatrial.dev/agent:dev"
	Hash    string // of the content
	Archive string // path of a docker archive (docker load, ctr images import)
	Binary  string // path of the static Linux binary that is in it
}
