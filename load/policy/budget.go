package policy

// mostTokens is how many retries a client saves up, as maxTokens in the
// examples of gRPC's retry throttling (gRFC A6): what it may send in a burst.
const mostTokens = 10

// budget is a token bucket: each request earns a share of a token, a retry
// takes a whole one. Over any time retries are then at most that share of the
// requests, plus what was saved up. Finagle (RetryBudget) and Linkerd deposit
// by request in the same way; theirs also have a floor of retries a second,
// which is what lets a client with few requests take part in a storm, and which
// this one has not.
type budget struct {
	share  float64 // of a token, for each request; zero means no budget
	tokens float64
}

// earn counts a request.
func (b *budget) earn() { b.tokens = min(mostTokens, b.tokens+b.share) }

// take says whether a retry may be sent, and counts it if so. The allowance
// for rounding keeps five times a fifth a whole token.
func (b *budget) take() bool {
	const rounding = 1e-9
	if b.share == 0 {
		return true
	}
	if b.tokens+rounding < 1 {
		return false
	}
	b.tokens--
	return true
}
