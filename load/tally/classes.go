package tally

import (
	"fmt"
	"net/http"
)

// The classes of failed requests. An answer of 400 or above has the class
// "http-" and its status, such as "http-503".
const (
	Refused     = "refused"     // nobody listens
	Unreachable = "unreachable" // no route: the address is gone, as a deleted pod's
	Reset       = "reset"       // the connection was torn down under the request
	Timeout     = "timeout"     // the client's timeout passed, or the kernel gave up
	DNS         = "dns"         // the name was not resolved
	TLS         = "tls"         // no agreement on a secure connection
	EOF         = "eof"         // the server closed the connection before its answer was whole
	Ports       = "ports"       // the generator itself had no local port, or no file, left for a connection
	Check       = "check"       // an answer that is no failure, and not what the load expects
	Other       = "other"

	// Not sent, by the client's own decision.
	Breaker = "breaker" // its breaker is open
	Limit   = "limit"   // as many requests as it may have are under way
)

// ClassOf is the class of an answer, empty for a success: any status from 200 to
// 399, or exactly the one that is expected, where one is.
func ClassOf(status, expected int) string {
	fine := status >= http.StatusOK && status < http.StatusBadRequest
	switch {
	case expected != 0 && status == expected, expected == 0 && fine:
		return ""
	case fine:
		return Check
	}
	return fmt.Sprintf("http-%d", status)
}
