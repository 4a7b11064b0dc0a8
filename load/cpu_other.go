//go:build !unix

package load

import "time"

// cpuTime is not known here: agents run on Linux.
func cpuTime() time.Duration { return 0 }
