package report

import "fmt"

// bounds says what the bounds that the loads set themselves did to them; it is
// empty where they did nothing.
func bounds(s *Summary) []pair {
	var list []pair
	if n := s.Load.PoolWaited; n > 0 {
		list = append(list, pair{"Pool", fmt.Sprintf("%s waited for a place in it (inFlight); the wait is in their latency", plural(n, "request"))})
	}
	if n := s.Load.CatchUpLimited; n > 0 {
		list = append(list, pair{"Catch-up limited", fmt.Sprintf("%s held back after a stall (catchUp): latency is longer than the system's own doing",
			counted(n, "request was", "requests were"))})
	}
	return list
}
